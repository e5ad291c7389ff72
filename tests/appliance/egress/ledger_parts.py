"""A ledger with a few rows, and hands that tamper with it as somebody with the database's password would."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.egress.anchor import Anchor
from appliance.egress.ledger import Ledger, Outcome
from appliance.egress.verify import Report, verify
from appliance.store.database import Database
from appliance.store.ledger import SqlLedger

LEFT = {
    "message_id": "m1",
    "host": "127.0.0.1:9",
    "model": "m",
    "bytes": 10,
    "sha256": "ab" * 32,
    "masked": {"EMAIL": 1},
}


def at_nine() -> datetime:
    return datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def open_ledger(data: Path, database: Database) -> Ledger:
    return Ledger(database, data / "egress.anchor", now=at_nine)


def filled(ledger: Ledger, rows: int = 3) -> None:
    """Rows 1, 3, 5 … left; 2, 4, 6 … say what became of them."""
    for _ in range(rows):
        with ledger.page() as page:
            left = page.add("left", LEFT, budget_day="2026-06-01", money_micros=500, tokens=100)
        ledger.settle(left.sequence, Outcome("ok", 40, 10, 120, 35))


def look(data: Path) -> Report:
    """As ``egress verify`` looks: read-only."""
    file = data / "appliance.db"
    if not file.exists():
        return verify(None, Anchor(data / "egress.anchor"))
    database = Database.look(f"sqlite:///{file}")
    try:
        return verify(SqlLedger(database), Anchor(data / "egress.anchor"))
    finally:
        database.close()


def tamper(data: Path, *statements: tuple[str, tuple[Any, ...]] | str) -> None:
    """Past the triggers: they stop mistakes, the chain finds intent."""
    connection = sqlite3.connect(data / "appliance.db")
    for event in ("update", "delete"):
        connection.execute(f"DROP TRIGGER IF EXISTS egress_ledger_no_{event}")
    for statement in statements:
        connection.execute(*((statement,) if isinstance(statement, str) else statement))
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
