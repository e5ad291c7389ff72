"""Where the journal of the line lies, and how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

_POOL = 16


def journal_url(url: str) -> str:
    """Of the journal that belongs to the main database at ``url``: the same PostgreSQL, or ``line.db`` beside the SQLite file."""
    return url if not url.startswith("sqlite") else f"sqlite:///{_file(url)}"


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///")).with_name("line.db")


def journal_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=_POOL, hide_parameters=True)
    engine = create_engine(
        journal_url(url), hide_parameters=True, connect_args={"timeout": 30, "check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
