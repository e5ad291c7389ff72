"""Questions that no article answers."""

from __future__ import annotations

from sqlalchemy import select

from appliance.store.database import Database
from appliance.store.tables import GapRow


class SqlGaps:
    """Read what the line has noted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def questions(self) -> list[str]:
        """Oldest first."""
        with self._database.read() as session:
            return list(session.scalars(select(GapRow.question).order_by(GapRow.created_at)))
