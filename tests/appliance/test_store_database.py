"""Opening, bringing up to date, and refusing: what the database promises before the first row is written."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from appliance.errors import ConfigInvalid, DataTooNew, StorageFailed
from appliance.store import mail_tables  # noqa: F401 - its tables belong to the metadata
from appliance.store.database import Database
from appliance.store.settings import SqlSettings
from appliance.store.tables import Base


def pragma(database: Database, name: str) -> object:
    with database.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar_one()


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 10_000)],
)
def test_every_connection_has_the_pragmas(sqlite: Database, name: str, value: object) -> None:
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(pragma(sqlite, name))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [value] * 4


def test_the_tables_are_what_the_migrations_make(database: Database, database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_an_empty_database_gets_every_table(database: Database, database_url: str) -> None:
    engine = create_engine(database_url)
    assert set(Base.metadata.tables) | {"alembic_version"} == set(inspect(engine).get_table_names())
    engine.dispose()


def test_opening_twice_changes_nothing(database: Database, database_url: str) -> None:
    SqlSettings(database).put("name", "kept")
    again = Database(database_url)
    assert SqlSettings(again).get("name") == "kept"
    again.close()


def test_data_of_a_newer_version_is_refused_and_left_alone(database: Database, database_url: str) -> None:
    SqlSettings(database).put("name", "kept")
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DataTooNew, match=r"9999.*restore a backup"):
        Database(database_url)
    assert SqlSettings(database).get("name") == "kept"
    with database.read() as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_processes_that_open_a_new_database_at_once_all_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'appliance.db'}"
    faults: list[Exception] = []

    def open_it() -> None:
        try:
            Database(url).close()
        except Exception as fault:  # whatever it is, the test shows it
            faults.append(fault)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_replicas_that_start_at_once_on_a_new_database_all_succeed(database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        for opened in list(threads.map(Database, [database_url] * 4)):
            opened.close()


def test_what_fails_within_a_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        session.execute(text("INSERT INTO settings (key, value) VALUES ('half', 'written')"))
        raise RuntimeError("on the way")
    assert SqlSettings(database).get("half") == ""


def test_a_reader_sees_what_was_committed_and_is_not_held_up_by_a_writer(sqlite: Database) -> None:
    SqlSettings(sqlite).put("name", "old")
    with sqlite.write() as session:
        session.execute(text("UPDATE settings SET value = 'new'"))
        assert SqlSettings(sqlite).get("name") == "old"
    assert SqlSettings(sqlite).get("name") == "new"


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "appliance.db"
    file.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StorageFailed, match=r"appliance\.db is damaged: .*Restore a backup"):
        Database(f"sqlite:///{file}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should be")
    with pytest.raises(StorageFailed, match=r"data.*cannot be made.*Check the path"):
        Database(f"sqlite:///{tmp_path / 'data' / 'appliance.db'}")


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "appliance.db").mkdir()
    with pytest.raises(StorageFailed, match=r"appliance\.db cannot be used"):
        Database(f"sqlite:///{tmp_path / 'appliance.db'}")


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StorageFailed, match="cannot be used") as fault:
        Database("postgresql+psycopg://someone:hunter2@127.0.0.1:1/appliance")
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize(
    "url",
    [
        "foo://someone:hunter2@x",
        "hunter2",
        "postgresql+psycopg://someone:hunter2@127.0.0.1:x/appliance",
        "sqlite+nothing:///hunter2.db",
        "postgresql+hunter2://x/appliance",
    ],
)
def test_an_address_of_no_database_names_the_setting(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigInvalid, match=r"database\.url .*postgresql\+psycopg://") as fault:
        Database(url)
    assert "hunter2" not in str(fault.value)


def test_a_missing_driver_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # what Python itself does with a module that may not be imported
    with pytest.raises(ConfigInvalid, match=r"needs the driver psycopg.*support-appliance\[postgres\]"):
        Database("postgresql+psycopg://127.0.0.1:1/appliance")


def test_erased_text_is_overwritten(sqlite: Database, tmp_path: Path) -> None:
    settings = SqlSettings(sqlite)
    settings.put("name", "canary-4711-" * 20)
    with sqlite.write() as session:
        session.execute(text("DELETE FROM settings"))
    sqlite.close()  # the last connection that closes writes the log into the file
    assert b"canary-4711" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


_FILL = """
    import resource, signal, sys
    from datetime import UTC, datetime
    from appliance.errors import StorageFailed
    from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
    from appliance.store.database import Database

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    conversations = SqlConversations(Database(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, resource.RLIM_INFINITY))
    for n in range(1_000):
        try:
            conversations.create(
                NewConversation(f"c{n}", "token", "chat"), now=datetime.now(UTC), first=NewMessage(f"m{n}", f"{n} " + "x" * 5_000)
            )
        except StorageFailed as fault:
            print("failed", fault, file=sys.stderr)
            break
        print(f"m{n}", flush=True)
"""


def test_a_full_disk_is_a_clear_fault_and_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk: SQLite sees the same failing write."""
    file = tmp_path / "appliance.db"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_FILL), f"sqlite:///{file}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    acknowledged = done.stdout.split()
    assert 0 < len(acknowledged) < 1_000
    assert "appliance.db cannot be used" in done.stderr
    assert "Free some disk space" in done.stderr
    assert "xxxx" not in done.stderr
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert {row[0] for row in connection.execute("SELECT id FROM messages")} == set(acknowledged)
        assert connection.execute("SELECT count(*) FROM conversations").fetchone() == (len(acknowledged),)
    connection.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_value_that_two_replicas_make_at_once_is_the_same_for_both(database: Database) -> None:
    both = threading.Barrier(2)

    def make() -> str:
        with suppress(threading.BrokenBarrierError):  # SQLite has one writer, and the second never makes one
            both.wait(0.5)
        return str(threading.get_ident())

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: SqlSettings(database).once("key", make), range(2))
    assert first == second == SqlSettings(database).get("key")


def test_the_first_administrators_token_is_given_once(database: Database) -> None:
    settings = SqlSettings(database)
    token = settings.first_admin_token()
    assert token is not None
    assert settings.first_admin_token() is None
    assert settings.is_admin(token)
    assert not settings.is_admin("")
    assert not settings.is_admin(token + "x")
