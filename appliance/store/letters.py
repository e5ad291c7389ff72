"""What a mail of ours is made of, as it stands in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from appliance.errors import NotFound
from appliance.store.database import Database
from appliance.store.runs import reply_of
from appliance.store.tables import ConversationRow, MessageRow, RunRow
from appliance.ticket import Reply, Trust


@dataclass(frozen=True, slots=True)
class Material:
    """A reply, and the ticket that it belongs to. ``trust`` is of the message that it answers."""

    recipient: str
    subject: str
    profile: str
    trust: Trust
    reply: Reply


class SqlLetters:
    def __init__(self, database: Database) -> None:
        self._database = database

    def material(self, message_id: str) -> Material:
        """For the reply to this message. Raises ``NotFound`` when it has none."""
        with self._database.read() as session:
            message = session.get(MessageRow, message_id)
            run = session.get(RunRow, message_id)
            if message is None or run is None:
                raise NotFound(f"There is no reply to message {message_id}.")
            conversation = session.get_one(ConversationRow, message.conversation_id)
            return Material(
                recipient=conversation.contact_email,
                subject=conversation.subject,
                profile=conversation.profile,
                trust=cast("Trust", message.trust),
                reply=reply_of(run),
            )
