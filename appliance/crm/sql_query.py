"""Customers in a database of the company's, by a query of the operator's: read-only, with a limit on its time, and pooled."""

from __future__ import annotations

import math
import re
import time
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from appliance.crm.record import Record, column
from appliance.crm.record import text as line
from appliance.customer_settings import Crm
from appliance.errors import ConfigInvalid, CrmDown

_PARAMETERS = {"id", "email"}
_POOL = 2
_STEPS = 1_000
"""SQLite looks at the clock after so many steps of a query."""


class SqlQuery:
    """``secret``: the database's password, which never stands in the URL of the settings."""

    def __init__(self, crm: Crm, secret: str) -> None:
        self._crm = crm
        self._query = text(crm.query)
        named = set(re.findall(r"(?<![:\w\\]):([A-Za-z_]\w*)", crm.query))
        if not named or named - _PARAMETERS:
            raise ConfigInvalid(
                "crm.query must use :id or :email, and no other parameter.",
                remedy="Write SELECT … WHERE email = :email; the values are bound, never put into the text.",
            )
        self._named = named
        self._engine = _engine(crm, secret)

    def look(self, *, id: str, email: str) -> Record | None:
        given = {"id": id, "email": email}
        if not any(given[name] for name in self._named):
            return None
        try:
            with self._engine.connect() as connection:
                connection.info["deadline"] = time.monotonic() + self._crm.timeout_s
                found = connection.execute(self._query, {name: given[name] for name in self._named}).mappings()
                rows = [dict(row) for row in found.fetchmany(2)]
                connection.rollback()
        except SQLAlchemyError as error:
            raise _down(f"the database does not answer the query ({_kind(error)})") from None
        if len(rows) > 1:
            raise _down("the query gives more than one row for a customer")
        return self._record(rows[0]) if rows else None

    def state(self) -> str:
        return ""

    def close(self) -> None:
        self._engine.dispose()

    def _record(self, row: dict[str, Any]) -> Record:
        cells = {str(name).lower(): value for name, value in row.items()}
        if column(self._crm, "tier").lower() not in cells:
            raise _down(f"the query gives no column {column(self._crm, 'tier')}")
        tier, name, id_, email = (
            line(cells.get(column(self._crm, one).lower())) for one in ("tier", "name", "id", "email")
        )
        return Record(tier, name, id_, email.lower())


def _engine(crm: Crm, secret: str) -> Engine:
    try:
        url = make_url(crm.url)
        if url.password:
            raise ConfigInvalid(
                "crm.url holds a password.",
                remedy="Put it into the file of crm.secret_file, or into APPLIANCE_CRM_SECRET.",
            )
        backend = url.get_backend_name()
        if backend == "sqlite" and url.database:
            return _sqlite(crm, url.database)
        if backend != "postgresql":
            raise ConfigInvalid(
                "crm.url names neither an SQLite file nor a PostgreSQL database.",
                remedy="Other databases cannot be held to reading within a time here: export to CSV, or use kind http.",
            )
        engine = create_engine(
            url.set(password=secret or None),
            pool_size=_POOL,
            max_overflow=_POOL,
            pool_timeout=crm.timeout_s,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": max(2, math.ceil(crm.timeout_s))},
        )
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        raise ConfigInvalid(
            "crm.url is not the address of a database that can be used.",
            remedy="Write it as postgresql+psycopg://user@host:5432/name (the extra postgres) or sqlite:////path/of/file.db.",
        ) from None
    limit_ms = max(1, round(crm.timeout_s * 1000))

    @event.listens_for(engine, "connect")
    def _only_read(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            cursor.execute(f"SET statement_timeout = {limit_ms}")
        connection.commit()

    return engine


def _sqlite(crm: Crm, file: str) -> Engine:
    engine = create_engine(
        f"sqlite:///file:{file}?mode=ro&uri=true",
        pool_size=_POOL,
        max_overflow=_POOL,
        pool_timeout=crm.timeout_s,
        hide_parameters=True,
        connect_args={"timeout": crm.timeout_s, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _limited(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA query_only = ON")
        info = record.info  # Connection.info is the same dictionary
        connection.set_progress_handler(lambda: time.monotonic() > info.get("deadline", math.inf), _STEPS)

    return engine


def _kind(error: SQLAlchemyError) -> str:
    """The class of the driver's fault: its words may quote the customer."""
    return type(getattr(error, "orig", None) or error).__name__


def _down(why: str) -> CrmDown:
    return CrmDown(why, remedy="Check crm.url, crm.query and the database.")
