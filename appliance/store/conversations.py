"""Conversations and messages in SQL. What is accepted is committed before anybody is told; a run closes in one transaction."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.errors import Conflict, NotFound, Unauthorized
from appliance.store.database import Database
from appliance.store.runs import add_closed, reply_of
from appliance.store.tables import ConversationRow, CustomerRow, FeedbackRow, MessageRow, RunRow
from appliance.store.views import Accepted, ConversationView, MessageView, NewConversation, NewMessage
from appliance.ticket import Author, Channel, Closed, ConversationStatus, Message, Reply, Ticket

__all__ = [
    "Accepted",
    "ConversationView",
    "MessageView",
    "NewConversation",
    "NewMessage",
    "SqlConversations",
    "token_hash",
]


def token_hash(token: str) -> str:
    """Tokens have 192 random bits, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class SqlConversations:
    """Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, new: NewConversation, *, now: datetime, first: NewMessage | None = None) -> Message | None:
        """Begin a conversation, with its first message when there is one: both or neither."""
        with self._database.write() as session:
            session.add(
                ConversationRow(
                    id=new.id,
                    token_hash=token_hash(new.token),
                    channel=new.channel,
                    subject=new.subject,
                    status="open",
                    customer_id=new.customer_id,
                    contact_email=new.contact_email,
                    contact_name=new.contact_name,
                    created_at=now,
                    updated_at=now,
                )
            )
            if first is None:
                return None
            session.flush()
            row = _customer_message(new.id, 1, first, now)
            session.add(row)
            return _message(row)

    def authorize(self, conversation_id: str, token: str) -> None:
        """Raises ``NotFound`` for an unknown conversation and for a token of another one: a stranger learns nothing."""
        with self._database.read() as session:
            _authorized(session, conversation_id, token)

    def accept(self, conversation_id: str, token: str, new: NewMessage, *, now: datetime) -> Accepted:
        """Store a customer's message. The same key again gives the same message, and its reply when there is one."""
        with self._database.write() as session:
            conversation = _authorized(session, conversation_id, token, change=True)
            if new.idempotency_key and (earlier := _by_key(session, conversation_id, new.idempotency_key)):
                return _accepted_before(session, earlier, new.text)
            if conversation.status == "closed":
                raise Conflict("This conversation is closed.", remedy="Start a new one.")
            row = _customer_message(conversation_id, _next_seq(session, conversation_id), new, now)
            session.add(row)
            conversation.updated_at = now
            return Accepted(_message(row))

    def open_ticket(self, message_id: str) -> Ticket | None:
        """The message with its history, ready for the line; None when it has been answered."""
        with self._database.read() as session:
            row = session.get(MessageRow, message_id)
            if row is None:
                raise NotFound(f"There is no message {message_id}.")
            if row.state == "answered":
                return None
            conversation = session.get_one(ConversationRow, row.conversation_id)
            earlier = session.scalars(
                select(MessageRow)
                .where(MessageRow.conversation_id == row.conversation_id, MessageRow.seq < row.seq)
                .order_by(MessageRow.seq)
            )
            return Ticket(
                message=_message(row),
                history=tuple(_message(other) for other in earlier),
                channel=cast("Channel", conversation.channel),
                subject=conversation.subject,
                customer_id=conversation.customer_id,
                status=cast("ConversationStatus", conversation.status),
            )

    def close(self, closed: Closed, *, events: list[dict[str, Any]], reply_id: str, now: datetime) -> Reply:
        """Write down the end of a run, once: a second close of the same message changes nothing and returns the first reply."""
        with self._database.write() as session:
            row = session.get_one(MessageRow, closed.reply.message_id)
            conversation = session.get_one(ConversationRow, row.conversation_id, with_for_update=True)
            session.refresh(row)
            if row.state == "answered":
                return reply_of(session.get_one(RunRow, row.id))
            if closed.reply.text:
                session.add(
                    MessageRow(
                        id=reply_id,
                        conversation_id=row.conversation_id,
                        seq=_next_seq(session, row.conversation_id),
                        author="assistant",
                        text=closed.reply.text,
                        state="sent",
                        idempotency_key=None,
                        created_at=now,
                    )
                )
            add_closed(
                session,
                closed,
                conversation_id=row.conversation_id,
                events=events,
                handoff_id=reply_id,
                now=now,
            )
            row.state = "answered"
            if closed.reply.outcome == "handed_over":
                conversation.status = "handed_over"
            conversation.updated_at = now
            return closed.reply

    def unanswered(self) -> list[Message]:
        """Accepted messages whose run has not closed, oldest first: what a restart has to go on with."""
        with self._database.read() as session:
            rows = session.scalars(
                select(MessageRow).where(MessageRow.state == "accepted").order_by(MessageRow.created_at, MessageRow.seq)
            )
            return [_message(row) for row in rows]

    def reply(self, message_id: str) -> Reply | None:
        with self._database.read() as session:
            run = session.get(RunRow, message_id)
            return reply_of(run) if run else None

    def events(self, conversation_id: str, *, after_seq: int) -> list[tuple[int, list[dict[str, Any]]]]:
        """(seq of the customer's message, its run's events) for every closed run from that message on."""
        with self._database.read() as session:
            query = (
                select(MessageRow.seq, RunRow.events)
                .join(RunRow, RunRow.message_id == MessageRow.id)
                .where(MessageRow.conversation_id == conversation_id, MessageRow.seq >= after_seq)
                .order_by(MessageRow.seq)
            )
            return [(seq, events) for seq, events in session.execute(query)]

    def view(self, conversation_id: str, token: str) -> ConversationView:
        with self._database.read() as session:
            conversation = _authorized(session, conversation_id, token)
            query = (
                select(MessageRow, RunRow)
                .outerjoin(RunRow, RunRow.message_id == MessageRow.id)
                .where(MessageRow.conversation_id == conversation_id)
                .order_by(MessageRow.seq)
            )
            return ConversationView(
                id=conversation.id,
                status=cast("ConversationStatus", conversation.status),
                channel=cast("Channel", conversation.channel),
                subject=conversation.subject,
                created_at=conversation.created_at,
                messages=tuple(_view(row, run) for row, run in session.execute(query)),
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
            _authorized(session, conversation_id, token)
            row = session.get(FeedbackRow, conversation_id) or FeedbackRow(conversation_id=conversation_id, comment="")
            row.resolved = row.resolved if resolved is None else resolved
            row.csat = row.csat if csat is None else csat
            row.comment = row.comment if comment is None else comment
            row.updated_at = now
            session.add(row)

    def customer(self, customer_id: str) -> tuple[str, str] | None:
        """(name, tier) of a row of the customer table."""
        with self._database.read() as session:
            row = session.get(CustomerRow, customer_id)
            return (row.name, row.tier) if row else None

    def put_customer(self, *, customer_id: str, email: str, name: str, tier: str, now: datetime) -> str:
        """Add or change a customer by e-mail address; returns the id of the row."""
        with self._database.write() as session:
            row = session.scalar(select(CustomerRow).where(CustomerRow.email == email))
            if row is None:
                row = CustomerRow(id=customer_id, email=email, name=name, tier=tier, created_at=now)
                session.add(row)
            row.name, row.tier = name or row.name, tier
            return row.id


def _authorized(session: Session, conversation_id: str, token: str, *, change: bool = False) -> ConversationRow:
    """``change`` locks the row (PostgreSQL; SQLite has one writer): two messages at once would get the same ``seq``."""
    if not token:
        raise Unauthorized(
            "This conversation needs its visitor's token.", remedy="Send it as Authorization: Bearer <token>."
        )
    known = re.fullmatch(r"[\w-]{1,32}", conversation_id)  # it comes from the network: PostgreSQL refuses a NUL in it
    row = session.get(ConversationRow, conversation_id, with_for_update=change or None) if known else None
    if row is None or not hmac.compare_digest(row.token_hash, token_hash(token)):
        raise NotFound("There is no such conversation.", remedy="Check the id and the token.")
    return row


def _by_key(session: Session, conversation_id: str, key: str) -> MessageRow | None:
    return session.scalar(
        select(MessageRow).where(MessageRow.conversation_id == conversation_id, MessageRow.idempotency_key == key)
    )


def _accepted_before(session: Session, earlier: MessageRow, text: str) -> Accepted:
    if earlier.text != text:
        raise Conflict("This idempotency key was used for another text.", remedy="Use a new key for a new message.")
    run = session.get(RunRow, earlier.id)
    return Accepted(_message(earlier), reply_of(run) if run else None)


def _next_seq(session: Session, conversation_id: str) -> int:
    return (
        session.scalar(select(func.max(MessageRow.seq)).where(MessageRow.conversation_id == conversation_id)) or 0
    ) + 1


def _customer_message(conversation_id: str, seq: int, new: NewMessage, now: datetime) -> MessageRow:
    return MessageRow(
        id=new.id,
        conversation_id=conversation_id,
        seq=seq,
        author="customer",
        text=new.text,
        state="accepted",
        idempotency_key=new.idempotency_key,
        created_at=now,
    )


def _message(row: MessageRow) -> Message:
    return Message(row.id, row.conversation_id, row.seq, cast("Author", row.author), row.text, row.created_at)


def _view(row: MessageRow, run: RunRow | None) -> MessageView:
    return MessageView(
        row.id, row.seq, cast("Author", row.author), row.text, row.created_at, reply_of(run) if run else None
    )
