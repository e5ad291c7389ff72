"""Hand-overs that wait for a person, the most pressing first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.store.attachments import views_by_conversation
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, HandoffRow, RunRow
from appliance.store.views import AttachmentView
from appliance.ticket import HandoffNote
from models.roles import URGENCIES, Urgency

_CHUNK = 500  # SQLite bounds the variables of one statement


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
    hosted: tuple[str, ...] = ()
    """Models outside the building whose words stand in replies of this conversation."""
    attachments: tuple[AttachmentView, ...] = ()
    """Files that the customer has sent: untrusted, whatever they are called."""


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
            rows = session.execute(query).all()
            hosted = _hosted(session, [row.conversation_id for row, _ in rows])
            found = [_handoff(row, conversation, hosted) for row, conversation in rows]
            found.sort(key=lambda one: (-URGENCIES.index(one.urgency), -one.priority, one.created_at))
            return _with_files(session, found[:limit])


def _with_files(session: Session, handoffs: list[Handoff]) -> list[Handoff]:
    files: dict[str, tuple[AttachmentView, ...]] = {}
    for start in range(0, len(handoffs), _CHUNK):
        files |= views_by_conversation(session, [one.conversation_id for one in handoffs[start : start + _CHUNK]])
    return [replace(one, attachments=files.get(one.conversation_id, ())) for one in handoffs]


def _hosted(session: Session, conversations: list[str]) -> dict[str, tuple[str, ...]]:
    """Conversation -> names of the hosted rungs whose sentences a reply holds."""
    found: dict[str, dict[str, None]] = {}
    for start in range(0, len(conversations), _CHUNK):
        query = select(RunRow.conversation_id, RunRow.draft).where(
            RunRow.conversation_id.in_(conversations[start : start + _CHUNK])
        )
        for conversation, draft in session.execute(query):
            names = [one["rung"] for one in draft.get("attempts", ()) if one.get("hosted") and one.get("passed")]
            found.setdefault(conversation, {}).update(dict.fromkeys(names))
    return {conversation: tuple(names) for conversation, names in found.items()}


def _handoff(row: HandoffRow, conversation: ConversationRow, hosted: dict[str, tuple[str, ...]]) -> Handoff:
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
        hosted=hosted.get(row.conversation_id, ()),
    )
