"""Tickets that go to people without a run: a mail that nothing can read, one of ours that came back, one that may not be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.store.attachments import add_files
from appliance.store.conversation_rows import (
    conversation_row,
    customer_message,
    from_source,
    next_seq,
    taken_into,
)
from appliance.store.database import Database
from appliance.store.outbox import Depart, Happened, put
from appliance.store.tables import ConversationRow, HandoffRow, MessageRow
from appliance.store.views import NewConversation, NewMessage
from appliance.ticket import Channel, HandoffNote


class SqlMailTickets:
    """Every call is one transaction."""

    def __init__(self, database: Database, *, depart: Depart, new_id: Callable[[], str]) -> None:
        self._database = database
        self._depart = depart
        self._new_id = new_id

    def open(
        self,
        new: NewConversation,
        message: NewMessage,
        *,
        rule: str,
        note: HandoffNote,
        reply_to: str | None,
        now: datetime,
    ) -> str:
        """A message that nobody answers automatically, in a new ticket or in ``reply_to``, and a person has it. Once for each key of a source. Returns the conversation's id."""
        assert message.idempotency_key is not None
        with self._database.write() as session:
            if earlier := from_source(session, new.source, message.idempotency_key):
                return earlier.conversation_id
            conversation = taken_into(session, new, reply_to)
            if conversation is None:
                conversation = conversation_row(new, now)
                session.add(conversation)
                session.flush()
            row = customer_message(conversation.id, next_seq(session, conversation.id), message, now)
            row.state = "answered"  # by a person, so no run looks for it
            session.add(row)
            session.flush()
            add_files(session, conversation.id, row.id, message.files, limits=None, now=now)
            self._hand_over(session, conversation, row.id, rule=rule, note=note, now=now)
            return conversation.id

    def to_people(self, conversation_id: str, *, rule: str, note: HandoffNote, now: datetime) -> None:
        """A person has this ticket from now on, and reads why, also when a person had it already."""
        with self._database.write() as session:
            conversation = session.get_one(ConversationRow, conversation_id, with_for_update=True)
            last = session.scalar(
                select(MessageRow.id)
                .where(MessageRow.conversation_id == conversation_id, MessageRow.author == "customer")
                .order_by(MessageRow.seq.desc())
                .limit(1)
            )
            if last is not None:
                self._hand_over(session, conversation, last, rule=rule, note=note, now=now)

    def remark(self, conversation_id: str, line: str) -> None:
        """A line more in the note of a ticket that people have; elsewhere nothing."""
        with self._database.write() as session:
            row = session.scalar(
                select(HandoffRow).where(HandoffRow.conversation_id == conversation_id).with_for_update()
            )
            if row is not None and line not in row.note["tried"]:
                row.note = {**row.note, "tried": [*row.note["tried"], line]}

    def _hand_over(
        self,
        session: Session,
        conversation: ConversationRow,
        message_id: str,
        *,
        rule: str,
        note: HandoffNote,
        now: datetime,
    ) -> None:
        row = session.scalar(select(HandoffRow).where(HandoffRow.conversation_id == conversation.id))
        if row is None:
            session.add(
                HandoffRow(
                    id=self._new_id(),
                    conversation_id=conversation.id,
                    message_id=message_id,
                    rule=rule,
                    priority=0,
                    urgency=note.urgency,
                    note=asdict(note),
                    created_at=now,
                )
            )
        else:
            told = [line for line in note.tried if line not in row.note["tried"]]
            row.note = {**row.note, "tried": [*row.note["tried"], *told]}
        conversation.updated_at = now
        if conversation.status == "handed_over":
            return
        conversation.status = "handed_over"
        happened = Happened(
            what="conversation.handed_over",
            conversation_id=conversation.id,
            channel=cast("Channel", conversation.channel),
            source=conversation.source,
            message_id=message_id,
            at=now,
            outcome="handed_over",
            rule=rule,
        )
        put(session, self._depart(happened), happened, new_id=self._new_id)
