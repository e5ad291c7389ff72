"""Conversations and messages in SQL. What is accepted is committed before anybody is told; a run closes in one transaction."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance.attachment import AttachmentLimits
from appliance.store.attachments import DEFAULT_LIMITS, add_files, bind, views
from appliance.store.conversation_rows import (
    Told,
    accepted_before,
    authorized,
    begun_before,
    by_key,
    conversation_row,
    customer_message,
    from_source,
    happened_in,
    message_of,
    next_seq,
    sign_in,
    signed_in,
    taken_into,
    token_hash,
    view_of,
)
from appliance.store.database import Database
from appliance.store.outbox import Depart, nobody, put
from appliance.store.tables import ConversationRow, FeedbackRow, MessageRow, RunRow
from appliance.store.views import Accepted, ConversationView, MessageView, NewConversation, NewMessage
from appliance.ticket import Channel, ConversationStatus, Message, Trust

__all__ = [
    "Accepted",
    "ConversationView",
    "MessageView",
    "NewConversation",
    "NewMessage",
    "SqlConversations",
    "token_hash",
]


class SqlConversations:
    """Every call is one transaction."""

    def __init__(
        self,
        database: Database,
        *,
        depart: Depart = nobody,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        limits: AttachmentLimits = DEFAULT_LIMITS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``depart`` says what has to leave because of what happened; those rows are written in the same transaction, with ids by ``new_id``."""
        self._database = database
        self._depart = depart
        self._new_id = new_id
        self._limits = limits
        self._now = now

    def create(self, new: NewConversation, *, now: datetime, first: NewMessage | None = None) -> Message | None:
        """Begin a conversation, with its first message when there is one: both or neither. One with an external id is begun once, and is then that message's."""
        try:
            return self._create(new, first, now)
        except IntegrityError:
            if new.external_id is None:
                raise
            return self._create(new, first, now)  # another replica has just begun it: now it is there

    def _create(self, new: NewConversation, first: NewMessage | None, now: datetime) -> Message | None:
        with self._database.write() as session:
            if first and (earlier := taken_into(session, new, None)):
                return begun_before(session, earlier, new, first)
            conversation = conversation_row(new, now)
            session.add(conversation)
            session.flush()
            sign_in(session, new, now=now)
            if first is None:
                return None
            return message_of(self._add(session, conversation, 1, first, now, limits=self._limits))

    def take(self, new: NewConversation, message: NewMessage, *, reply_to: str | None, now: datetime) -> Accepted:
        """Store a message that a connector brought, in the conversation ``reply_to``, in the one of the same source and external id, or in a new one.

        The connector says whose conversation it is, so no token is asked. The same idempotency key from the same source is the same message, whatever
        conversation it is in. A closed conversation opens again.
        """
        try:
            return self._take(new, message, reply_to=reply_to, now=now)
        except IntegrityError:  # another replica has just begun the same conversation: now it is there
            return self._take(new, message, reply_to=reply_to, now=now)

    def _take(self, new: NewConversation, message: NewMessage, *, reply_to: str | None, now: datetime) -> Accepted:
        with self._database.write() as session:
            conversation = taken_into(session, new, reply_to)
            if message.idempotency_key and (earlier := from_source(session, new.source, message.idempotency_key)):
                return accepted_before(session, earlier, message, compare_files=False)
            if conversation is None:
                conversation = conversation_row(new, now)
                session.add(conversation)
                session.flush()
            if conversation.status == "closed":
                conversation.status = "open"
            if conversation.customer_id != new.customer_id:
                message = replace(
                    message, trust="none"
                )  # proven to be somebody, but not the one whose conversation this is
            row = self._add(session, conversation, next_seq(session, conversation.id), message, now)
            conversation.updated_at = now
            return Accepted(message_of(row))

    def _add(
        self,
        session: Session,
        conversation: ConversationRow,
        seq: int,
        new: NewMessage,
        now: datetime,
        *,
        limits: AttachmentLimits | None = None,
    ) -> MessageRow:
        row = customer_message(conversation.id, seq, new, now)
        session.add(row)
        session.flush()
        bind(session, conversation.id, row.id, new.attachments)
        add_files(session, conversation.id, row.id, new.files, limits=limits, now=now, first=len(new.attachments))
        self._tell(session, conversation, Told("message.received", row.id), now)
        return row

    def _tell(self, session: Session, conversation: ConversationRow, told: Told, now: datetime) -> None:
        happened = happened_in(conversation, told, now)
        put(session, self._depart(happened), happened, new_id=self._new_id)

    def authorize(self, conversation_id: str, token: str) -> None:
        """Raises ``NotFound`` for an unknown conversation and for a token of another one: a stranger learns nothing."""
        with self._database.read() as session:
            authorized(session, conversation_id, token, now=self._now())

    def accept(self, conversation_id: str, token: str, new: NewMessage, *, now: datetime) -> Accepted:
        """Store a customer's message. The same key again gives the same message, and its reply when there is one. A closed conversation opens again."""
        with self._database.write() as session:
            conversation = authorized(session, conversation_id, token, now=now, change=True)
            if new.idempotency_key and (earlier := by_key(session, conversation_id, new.idempotency_key)):
                return accepted_before(session, earlier, new)
            if conversation.status == "closed":
                conversation.status = "open"
            seq = next_seq(session, conversation_id)
            trust: Trust = "session" if signed_in(session, conversation, token, now=now) else "none"
            row = self._add(session, conversation, seq, replace(new, trust=trust), now, limits=self._limits)
            conversation.updated_at = now
            return Accepted(message_of(row))

    def view(self, conversation_id: str, token: str) -> ConversationView:
        with self._database.read() as session:
            conversation = authorized(session, conversation_id, token, now=self._now())
            files = views(session, conversation_id)
            query = (
                select(MessageRow, RunRow)
                .outerjoin(RunRow, RunRow.message_id == func.coalesce(MessageRow.covered_by, MessageRow.id))
                .where(MessageRow.conversation_id == conversation_id)
                .order_by(MessageRow.seq)
            )
            return ConversationView(
                id=conversation.id,
                status=cast("ConversationStatus", conversation.status),
                channel=cast("Channel", conversation.channel),
                subject=conversation.subject,
                created_at=conversation.created_at,
                messages=tuple(view_of(row, run, files.get(row.id, ())) for row, run in session.execute(query)),
            )

    def feedback(
        self,
        conversation_id: str,
        token: str,
        *,
        resolved: bool | None,
        csat: int | None,
        comment: str | None,
        now: datetime,
    ) -> None:
        with self._database.write() as session:
            conversation = authorized(session, conversation_id, token, change=True, now=self._now())
            row = session.get(FeedbackRow, conversation_id) or FeedbackRow(conversation_id=conversation_id, comment="")
            row.resolved = row.resolved if resolved is None else resolved
            row.csat = row.csat if csat is None else csat
            row.comment = row.comment if comment is None else comment
            row.updated_at = now
            session.add(row)
            self._tell(session, conversation, Told("feedback.given", secrets.token_hex(8)), now)
