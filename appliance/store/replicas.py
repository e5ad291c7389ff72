"""Who is alive: every process that runs the line counts up its beat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.engine import CursorResult

from appliance.store.database import Database
from appliance.store.tables import ReplicaRow


class SqlReplicas:
    """Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, replica: str, *, version: str, now: datetime) -> dict[str, int]:
        """Count this replica's beat up; returns everybody's."""
        with self._database.write() as session:
            row = session.get(ReplicaRow, replica, with_for_update=True)
            if row is None:
                row = ReplicaRow(id=replica, beat=0, version=version, seen_at=now)
                session.add(row)
            row.beat += 1
            row.version, row.seen_at = version, now
            session.flush()
            return {row.id: row.beat for row in session.scalars(select(ReplicaRow))}

    def bury(self, replica: str, beat: int) -> bool:
        """Take a dead replica's row away, so that one of the living alone takes its runs over. False: it has moved, or somebody was faster."""
        with self._database.write() as session:
            done = session.execute(delete(ReplicaRow).where(ReplicaRow.id == replica, ReplicaRow.beat == beat))
            return isinstance(done, CursorResult) and done.rowcount == 1

    def leave(self, replica: str) -> None:
        """An orderly end."""
        with self._database.write() as session:
            session.execute(delete(ReplicaRow).where(ReplicaRow.id == replica))

    def alive(self) -> list[tuple[str, str, datetime]]:
        """(id, version, last seen) of each."""
        with self._database.read() as session:
            return [
                (row.id, row.version, row.seen_at)
                for row in session.scalars(select(ReplicaRow).order_by(ReplicaRow.id))
            ]
