"""Opens the database, brings it to this version, and hands out transactions.

SQLite: driver defaults lose concurrent updates, so every writing transaction begins IMMEDIATE; WAL lets readers go on;
``synchronous=FULL`` makes an acknowledged commit survive a power cut; ``secure_delete`` overwrites what is erased.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from appliance.errors import ConfigInvalid, StorageFailed
from appliance.store import migrate

_BUSY_TIMEOUT_MS = 10_000
_URL_REMEDY = (
    "Write it as postgresql+psycopg://user:password@host:5432/name (the extra postgres), or leave it empty for SQLite."
)


class Database:
    """Transactions on one engine, whose faults never quote parameters (they are what customers wrote). ``read`` sees a snapshot, ``write`` commits at its end or leaves nothing behind."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._turn = _Turn() if url.startswith("sqlite") else nullcontext()
        with _setting_named():
            self._engine = _engine(url)
        try:
            with _faults_named(url):
                migrate.upgrade(self._engine)
        except Exception:
            self._engine.dispose()  # nobody will ever close a database that was refused
            raise

    @classmethod
    def look(cls, url: str) -> Database:
        """Opened for reading alone, beside a running appliance or on a copy of its file: nothing is made, migrated or written."""
        database = cls.__new__(cls)
        database.url = url
        with _setting_named():
            database._engine = create_engine(_read_only(url), hide_parameters=True)
        return database

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _faults_named(self.url), Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with (
            _faults_named(self.url),
            self._turn,
            self._engine.connect().execution_options(writes=True) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        self._engine.dispose()


class _Turn:
    """The next writer of this process, at once. SQLite itself lets writers look again after pauses of up to 100 ms, in no order, and one that is unlucky waits for seconds.

    A wait without an end would be a defect of ours; after SQLite's own patience the writer goes on and is told what SQLite says.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = threading.local()

    def __enter__(self) -> None:
        self._held.mine = self._lock.acquire(timeout=_BUSY_TIMEOUT_MS / 1000)

    def __exit__(self, *_raised: object) -> None:
        if self._held.mine:
            self._lock.release()


def _read_only(url: str) -> str:
    return f"sqlite:///file:{url.removeprefix('sqlite:///')}?mode=ro&uri=true" if url.startswith("sqlite") else url


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
    )
    file = Path(url.removeprefix("sqlite:///"))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"The data directory {file.parent} cannot be made: {error.strerror}.",
            remedy="Check the path and its permissions.",
        ) from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def _setting_named() -> Iterator[None]:
    """What SQLAlchemy says of an address that it cannot use may quote its password; the setting's name is enough."""
    try:
        yield
    except ImportError as error:
        driver = error.name or "the one it names"
        known = driver.partition(".")[0] == "psycopg"
        raise ConfigInvalid(
            f"database.url needs the driver {driver}, which is not installed.",
            remedy="Install the extra: pip install 'support-appliance[postgres]'." if known else _URL_REMEDY,
        ) from error
    except (NoSuchModuleError, ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise ConfigInvalid("database.url is not the address of a database.", remedy=_URL_REMEDY) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = (
        None  # the driver's own BEGIN is deferred, and turns a read into a write too late to wait for its turn
    )
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def _faults_named(url: str) -> Iterator[None]:
    """Turn the driver's faults into ours: what is wrong with which file, and what to do."""
    where = url.removeprefix("sqlite:///") if url.startswith("sqlite") else url.partition("@")[2] or url
    try:
        yield
    except OperationalError as error:
        raise StorageFailed(f"The database {where} cannot be used: {_cause(error)}.", remedy=_remedy(error)) from error
    except DBAPIError as error:
        if "malformed" in str(error) or "not a database" in str(error):
            raise StorageFailed(
                f"The database {where} is damaged: {_cause(error)}.", remedy="Restore a backup."
            ) from error
        raise
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StorageFailed(
            f"No space is left for {where}.", remedy="Free some disk space; nothing was half-written."
        ) from error


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _remedy(error: OperationalError) -> str:
    cause = _cause(error)
    if "disk is full" in cause or "disk I/O" in cause:
        return "Free some disk space and check the disk; nothing was half-written."
    if "locked" in cause:
        return "Another process holds it; try again."
    return "Check that the file can be read and written, and that no other program uses it."
