"""What the pages of the staff ask about hosted models: how things stand, what left, the file for a third party, and the brake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from appliance.config import Config
from appliance.egress.export import export
from appliance.egress.ledger import Ledger, departures
from appliance.egress.status import status
from appliance.egress.switch import KillSwitch, pull
from appliance.store.database import Database
from appliance.store.ledger import SqlLedger

Form = Literal["csv", "jsonl"]


class Office:
    """Each call is one look or one turn; all of them may block."""

    def __init__(self, config: Config, database: Database, *, now: Callable[[], datetime]) -> None:
        self._config, self._now = config, now
        self._rows = SqlLedger(database)
        self._ledger = Ledger(database, config.egress_anchor, now=now)
        self._switch = KillSwitch(self._ledger, config.egress_brake)

    def status(self) -> dict[str, Any]:
        """As ``appliance egress status --json``. Raises ``ConfigInvalid``, ``StorageFailed``."""
        return status(self._config, self._rows, now=self._now())

    def left(self, days: int) -> list[dict[str, Any]]:
        """What left in the last ``days``, newest first, each with what became of it."""
        with self._rows.reading() as book:
            return departures(book, self._now() - timedelta(days=days))[::-1]

    def file(self, form: Form) -> bytes:
        """The whole ledger with its hashes, as ``appliance egress export`` writes it."""
        with TemporaryDirectory(prefix="egress-") as folder, self._rows.reading() as book:
            path = Path(folder) / f"egress.{form}"
            export(book.every(), path)
            return path.read_bytes()

    def stop(self, *, who: str, why: str) -> None:
        """Nothing is sent any more. The brake comes before the database is asked. Raises ``StorageFailed``, ``LedgerBroken``; the brake holds all the same."""
        pull(self._config.egress_brake)
        self._switch.off(who=who, why=why)

    def allow(self, *, who: str, why: str) -> None:
        """Let go of the brake. Raises ``Conflict`` when the settings have hosted models off."""
        self._switch.on(who=who, why=why, enabled=self._config.hosted.enabled)
