"""Hand-overs that wait for a person, the most pressing first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select

from appliance.store.database import Database
from appliance.store.tables import ConversationRow, HandoffRow
from appliance.ticket import HandoffNote
from models.roles import URGENCIES, Urgency


@dataclass(frozen=True, slots=True)
class Handoff:
    """One conversation that a person has to take up, with the note that says why."""

    conversation_id: str
    subject: str
    channel: str
    contact: str
    rule: str
    priority: int
    urgency: Urgency
    note: HandoffNote
    created_at: datetime


class SqlHandoffs:
    """Read what the line has handed over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int = 100) -> list[Handoff]:
        """By urgency, then the customer's priority, then age."""
        query = (
            select(HandoffRow, ConversationRow)
            .join(ConversationRow, HandoffRow.conversation_id == ConversationRow.id)
            .where(ConversationRow.status == "handed_over")
        )
        with self._database.read() as session:
            found = [_handoff(row, conversation) for row, conversation in session.execute(query)]
        found.sort(key=lambda one: (-URGENCIES.index(one.urgency), -one.priority, one.created_at))
        return found[:limit]


def _handoff(row: HandoffRow, conversation: ConversationRow) -> Handoff:
    return Handoff(
        conversation_id=row.conversation_id,
        subject=conversation.subject,
        channel=conversation.channel,
        contact=conversation.contact_email or conversation.contact_name,
        rule=row.rule,
        priority=row.priority,
        urgency=cast("Urgency", row.urgency),
        note=HandoffNote(**{**row.note, "tried": tuple(row.note["tried"]), "passages": tuple(row.note["passages"])}),
        created_at=row.created_at,
    )
