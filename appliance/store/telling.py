"""What can be told of something that happened, beyond its ids: read when it is sent, so that what was erased meanwhile does not leave."""

from __future__ import annotations

from typing import Any

from appliance.store.database import Database
from appliance.store.outbox import What
from appliance.store.tables import FeedbackRow, MessageRow, RunRow


class SqlTelling:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def marks(self, conversation_id: str) -> dict[str, Any]:
        """The customer's marks, as they stand now."""
        with self._database.read() as session:
            row = session.get(FeedbackRow, conversation_id)
            return {"resolved": row.resolved, "csat": row.csat} if row else {}

    def words(self, what: What, conversation_id: str, message_id: str) -> dict[str, str]:
        """What the customer or the appliance wrote there; nothing when there is nothing, or no longer."""
        with self._database.read() as session:
            if what == "message.received":
                message = session.get(MessageRow, message_id)
                return {"text": message.text} if message else {}
            if what == "reply.sent":
                run = session.get(RunRow, message_id)
                return {"text": run.text} if run else {}
            if what == "feedback.given":
                row = session.get(FeedbackRow, conversation_id)
                return {"comment": row.comment} if row else {}
            return {}
