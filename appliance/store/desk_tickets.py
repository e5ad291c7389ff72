"""Tickets that live in a help desk of the company: who has them, what has to be posted, and how often we have replied. One call, one transaction."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance.store.conversation_rows import conversation_row, from_source, next_seq, taken_into
from appliance.store.database import Database
from appliance.store.outbox import Departure, Happened, Parcel, put
from appliance.store.tables import ConversationRow, HandoffRow, MessageRow, OutboxRow, RunRow
from appliance.store.views import NewConversation
from appliance.ticket import Channel, HandoffNote

_DESK: Channel = "desk"


@dataclass(frozen=True, slots=True)
class Letter:
    """What one parcel has to bring into a ticket. ``person_has_it``: an agent has spoken to the customer since the question."""

    ticket: str
    text: str
    note: HandoffNote | None
    person_has_it: bool


@dataclass(frozen=True, slots=True)
class Word:
    """What an agent said to the customer in the desk. ``id``: the desk's."""

    id: str
    text: str
    subject: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What could not be posted for good, of one desk."""

    count: int
    last: str


def departures(happened: Happened) -> Iterable[Departure]:
    """What has to go into the desk because of what happened: the reply, and the note when a person has to take the ticket."""
    if happened.channel != _DESK:
        return
    if happened.what == "reply.sent" and happened.speaks:
        yield Departure(f"desk:reply:{happened.message_id}", "desk", happened.source, "reply")
    if happened.what == "conversation.handed_over":
        yield Departure(f"desk:handoff:{happened.conversation_id}", "desk", happened.source, "handoff")


class SqlDeskTickets:
    def __init__(self, database: Database, *, new_id: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._database = database
        self._new_id = new_id

    def person_spoke(self, desk: str, ticket: str, word: Word, *, now: datetime) -> bool:
        """An agent has the ticket from now on, whether or not we have heard of it before. False: this word was known already."""
        return self._twice(lambda session: self._spoke(session, desk, ticket, word, now))

    def stop(self, desk: str, ticket: str, *, subject: str, now: datetime) -> bool:
        """A person gets the ticket because we have replied too often; the desk is told once. False: a person had it already."""
        return self._twice(lambda session: self._stop(session, desk, ticket, subject, now))

    def replies(self, desk: str, ticket: str, *, since: datetime) -> tuple[int, int]:
        """How often we have replied since then: in this ticket, and over the whole desk."""
        query = (
            select(func.count())
            .select_from(MessageRow)
            .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
            .where(
                ConversationRow.source == desk,
                ConversationRow.channel == _DESK,
                ConversationRow.updated_at >= since,
                MessageRow.author == "assistant",
                MessageRow.created_at >= since,
            )
        )
        with self._database.read() as session:
            here = session.scalar(query.where(ConversationRow.external_id == ticket)) or 0
            return here, session.scalar(query) or 0

    def letter(self, parcel: Parcel) -> Letter | None:
        """None: the conversation has been erased meanwhile."""
        with self._database.read() as session:
            conversation = session.get(ConversationRow, parcel.conversation_id)
            if conversation is None or conversation.external_id is None:
                return None
            run = session.get(RunRow, parcel.message_id) if parcel.message_id else None
            note = session.scalar(select(HandoffRow.note).where(HandoffRow.conversation_id == conversation.id))
            return Letter(
                ticket=conversation.external_id,
                text=run.text if run else "",
                note=_note(note) if note else None,
                person_has_it=_agent_after(session, conversation.id, parcel.message_id),
            )

    def unsent(self, parcel: Parcel, *, note: HandoffNote, now: datetime) -> None:
        """A reply that will never arrive: a person of ours has to see the ticket."""
        with self._database.write() as session:
            conversation = session.get(ConversationRow, parcel.conversation_id, with_for_update=True)
            if conversation is None or parcel.message_id is None:
                return
            conversation.status = "handed_over"
            conversation.updated_at = now
            if session.scalar(select(HandoffRow.id).where(HandoffRow.conversation_id == conversation.id)):
                return
            session.add(
                HandoffRow(
                    id=self._new_id(),
                    conversation_id=conversation.id,
                    message_id=parcel.message_id,
                    rule="desk.unsent",
                    priority=0,
                    urgency=note.urgency,
                    note=asdict(note),
                    created_at=now,
                )
            )

    def undone(self, desk: str) -> Undone:
        query = select(OutboxRow.fault).where(
            OutboxRow.kind == "desk", OutboxRow.target == desk, OutboxRow.state == "failed"
        )
        with self._database.read() as session:
            faults = list(session.scalars(query.order_by(OutboxRow.settled_at)))
            return Undone(len(faults), faults[-1] if faults else "")

    def _twice(self, work: Callable[[Session], bool]) -> bool:
        try:
            with self._database.write() as session:
                return work(session)
        except IntegrityError:  # another replica has just begun the same conversation: now it is there
            with self._database.write() as session:
                return work(session)

    def _spoke(self, session: Session, desk: str, ticket: str, word: Word, now: datetime) -> bool:
        conversation = self._known(session, desk, ticket, word.subject, now)
        if from_source(session, desk, word.id):
            return False
        conversation.status = "handed_over"
        conversation.updated_at = now
        session.add(
            MessageRow(
                id=self._new_id(),
                conversation_id=conversation.id,
                seq=next_seq(session, conversation.id),
                author="agent",
                text=word.text,
                state="sent",
                idempotency_key=word.id,
                created_at=now,
            )
        )
        return True

    def _stop(self, session: Session, desk: str, ticket: str, subject: str, now: datetime) -> bool:
        conversation = self._known(session, desk, ticket, subject, now)
        if conversation.status == "handed_over":
            return False
        conversation.status = "handed_over"
        conversation.updated_at = now
        happened = Happened("conversation.handed_over", conversation.id, _DESK, desk, "", now, rule="desk.too_often")
        parcel = Departure(f"desk:stopped:{conversation.id}", "desk", desk, "stopped")
        put(session, (parcel,), happened, new_id=self._new_id)
        return True

    def _known(self, session: Session, desk: str, ticket: str, subject: str, now: datetime) -> ConversationRow:
        new = NewConversation(
            id=self._new_id(),
            token=secrets.token_urlsafe(24),
            channel=_DESK,
            subject=subject,
            source=desk,
            external_id=ticket,
        )
        conversation = taken_into(session, new, None)
        if conversation is None:
            conversation = conversation_row(new, now)
            session.add(conversation)
            session.flush()
        return conversation


def _agent_after(session: Session, conversation_id: str, message_id: str | None) -> bool:
    asked = session.get(MessageRow, message_id) if message_id else None
    query = select(MessageRow.id).where(
        MessageRow.conversation_id == conversation_id,
        MessageRow.author == "agent",
        MessageRow.seq > (asked.seq if asked else 0),
    )
    return session.scalar(query.limit(1)) is not None


def _note(stored: dict[str, Any]) -> HandoffNote:
    return HandoffNote(**{**stored, "tried": tuple(stored["tried"]), "passages": tuple(stored["passages"])})
