"""What is due some time after a run: closing what has gone quiet, and reminding people of who waits for them. Every call is one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.store.conversation_rows import Told, happened_in
from appliance.store.database import Database
from appliance.store.outbox import Depart, What, nobody, put
from appliance.store.tables import ConversationRow, HandoffRow, MessageRow

_MOST_PRIORITY = 9


class SqlAfterwards:
    """Each returns whether there was something to do: by the time that it is due, the customer may have written again."""

    def __init__(
        self, database: Database, *, depart: Depart = nobody, new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    ) -> None:
        """As for ``SqlConversations``."""
        self._database = database
        self._depart = depart
        self._new_id = new_id

    def close_quiet(self, message_id: str, *, now: datetime) -> bool:
        """Close the conversation when nothing has been said since the reply to this message. The next message opens it again."""
        with self._database.write() as session:
            conversation = _unless_more(session, message_id, authors=("customer", "agent"))
            if conversation is None or conversation.status != "open":
                return False
            conversation.status = "closed"
            conversation.updated_at = now
            self._tell(session, conversation, "conversation.closed", message_id, now)
            return True

    def remind(self, message_id: str, *, now: datetime) -> bool:
        """Nobody has answered since this message was handed over: it moves up in the queue of people, and whoever listens hears of it."""
        with self._database.write() as session:
            conversation = _unless_more(session, message_id, authors=("agent",))
            if conversation is None or conversation.status != "handed_over":
                return False
            handoff = session.scalar(select(HandoffRow).where(HandoffRow.conversation_id == conversation.id))
            if handoff is not None:
                handoff.priority = min(handoff.priority + 1, _MOST_PRIORITY)
            self._tell(session, conversation, "conversation.waiting", message_id, now)
            return True

    def _tell(
        self, session: Session, conversation: ConversationRow, what: What, message_id: str, now: datetime
    ) -> None:
        happened = happened_in(conversation, Told(what, message_id), now)
        put(session, self._depart(happened), happened, new_id=self._new_id)


def _unless_more(session: Session, message_id: str, *, authors: tuple[str, ...]) -> ConversationRow | None:
    """The message's conversation, locked, unless one of these has written after its burst."""
    row = session.get(MessageRow, message_id)
    if row is None:  # erased meanwhile
        return None
    conversation = session.get_one(ConversationRow, row.conversation_id, with_for_update=True)
    burst = session.scalar(select(func.max(MessageRow.seq)).where(MessageRow.covered_by == message_id)) or row.seq
    later = select(MessageRow.id).where(
        MessageRow.conversation_id == conversation.id, MessageRow.seq > burst, MessageRow.author.in_(authors)
    )
    return None if session.scalar(later.limit(1)) else conversation
