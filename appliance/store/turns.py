"""The runner's side of conversations: whose turn it is, what was told, and how a run ends. Every call is one transaction.

Two promises are kept here, whatever crashes or runs twice. A run is closed once. And an attempt that another one has superseded tells nothing more:
``attempts`` counts up with each beginning, and only the newest may write.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from appliance.errors import NotFound
from appliance.store.conversation_rows import Told, happened_in, message_of, next_seq
from appliance.store.database import Database
from appliance.store.outbox import Depart, nobody, put
from appliance.store.runs import add_closed, reply_of
from appliance.store.tables import ConversationRow, MessageRow, RunRow, ToldRow
from appliance.ticket import TRUSTS, Channel, Citation, Closed, ConversationStatus, Message, Reply, Ticket, Trust


class Superseded(Exception):
    """Another attempt at this run has begun since: this one may tell and close nothing any more."""


class MoreCame(Exception):
    """The customer has written more before anything was told: the whole burst is answered together."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An attempt at the run of ``message``, the oldest open one of its conversation. ``told``: (event, citations) that earlier attempts have told."""

    message: Message
    attempt: int
    told: tuple[tuple[dict[str, Any], tuple[Citation, ...]], ...] = ()


class SqlTurns:
    """For the runner alone."""

    def __init__(
        self, database: Database, *, depart: Depart = nobody, new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    ) -> None:
        """As for ``SqlConversations``."""
        self._database = database
        self._depart = depart
        self._new_id = new_id

    def turn(self, message_id: str) -> Turn | Literal["answered", "waits"]:
        """Begin another attempt at the run of a message. ``waits``: an earlier message of its conversation has to be answered first.

        From here on every older attempt is superseded: it can tell and close nothing.
        """
        with self._database.write() as session:
            row = session.get(MessageRow, message_id)
            if row is None:
                raise NotFound(f"There is no message {message_id}.")
            session.get_one(ConversationRow, row.conversation_id, with_for_update=True)
            session.refresh(row)
            if row.state == "answered":
                return "answered"
            if _oldest_open(session, row.conversation_id) != row.seq:
                return "waits"
            row.attempts += 1
            told = session.scalars(select(ToldRow).where(ToldRow.message_id == message_id).order_by(ToldRow.n))
            return Turn(message_of(row), row.attempts, tuple(_told(one) for one in told))

    def open_messages(self, message_id: str) -> list[str]:
        """The message and those that its customer has written since: a burst, which one reply answers. In order.

        When an earlier attempt has told something, only those that it told it for: it is no answer to what came after it.
        """
        with self._database.read() as session:
            first = session.get_one(MessageRow, message_id)
            told = session.scalar(select(ToldRow.n).where(ToldRow.message_id == message_id).limit(1)) is not None
            query = (
                select(MessageRow.id)
                .where(MessageRow.conversation_id == first.conversation_id, MessageRow.state == "accepted")
                .where(MessageRow.seq >= first.seq)
                .order_by(MessageRow.seq)
            )
            if told:
                query = query.where(or_(MessageRow.id == message_id, MessageRow.covered_by == message_id))
            return list(session.scalars(query))

    def ticket(self, message_ids: Sequence[str]) -> Ticket:
        """These messages of one customer as one ticket, with what was said before them."""
        with self._database.read() as session:
            rows = [session.get_one(MessageRow, one) for one in message_ids]
            conversation = session.get_one(ConversationRow, rows[0].conversation_id)
            earlier = session.scalars(
                select(MessageRow)
                .where(MessageRow.conversation_id == conversation.id, MessageRow.seq < rows[-1].seq)
                .where(MessageRow.id.not_in(message_ids))
                .order_by(MessageRow.seq)
            )
            return Ticket(
                message=replace(message_of(rows[0]), text="\n".join(row.text for row in rows)),
                history=tuple(message_of(other) for other in earlier),
                channel=cast("Channel", conversation.channel),
                subject=conversation.subject,
                customer_id=conversation.customer_id,
                status=cast("ConversationStatus", conversation.status),
                trust=min((cast("Trust", row.trust) for row in rows), key=TRUSTS.index),
                profile=conversation.profile,
                suspicion=conversation.suspicion,
            )

    def tell(
        self,
        turn: Turn,
        covered: Sequence[str],
        event: dict[str, Any],
        citations: list[Any],
        *,
        last: bool,
        now: datetime,
    ) -> None:
        """Write down a sentence before anybody reads it. Raises ``Superseded``; ``MoreCame`` unless ``last``: then nothing more is waited for."""
        with self._database.write() as session:
            conversation, rows = _under_way(session, turn, covered, last=last)
            if rows[0].state == "answered":
                raise Superseded
            n = int(event["id"].partition(".")[2])
            session.add(ToldRow(message_id=turn.message.id, n=n, event=event, citations=citations))
            for row in rows[1:]:
                row.covered_by = rows[0].id
            conversation.updated_at = now

    def close(
        self,
        closed: Closed,
        *,
        turn: Turn,
        covered: Sequence[str],
        events: list[dict[str, Any]],
        reply_id: str,
        last: bool,
        now: datetime,
    ) -> Reply:
        """Write down the end of a run, once: a second close of the same message changes nothing and returns the first reply.

        Raises ``Superseded`` when another attempt has begun since, and ``MoreCame`` as ``tell`` does.
        """
        with self._database.write() as session:
            conversation, rows = _under_way(session, turn, covered, last=last)
            if rows[0].state == "answered":
                return reply_of(session.get_one(RunRow, rows[0].id))
            reply = closed.reply
            if reply.text:
                seq = next_seq(session, conversation.id)
                session.add(_spoken(reply_id, conversation.id, seq, reply.text, now))
            add_closed(session, closed, conversation_id=conversation.id, events=events, handoff_id=reply_id, now=now)
            session.execute(delete(ToldRow).where(ToldRow.message_id == rows[0].id))
            for row in rows:
                row.state = "answered"
                row.covered_by = None if row is rows[0] else rows[0].id
            said = Told("reply.sent", rows[0].id, reply.outcome, speaks=bool(reply.text), rule=reply.rule)
            self._tell(session, conversation, said, now)
            if reply.outcome == "handed_over" and conversation.status != "handed_over":
                conversation.status = "handed_over"
                self._tell(session, conversation, replace(said, what="conversation.handed_over", speaks=False), now)
            conversation.updated_at = now
            return reply

    def unanswered(self) -> list[Message]:
        """Accepted messages whose run has not closed, oldest first: what a restart has to go on with."""
        with self._database.read() as session:
            rows = session.scalars(
                select(MessageRow).where(MessageRow.state == "accepted").order_by(MessageRow.created_at, MessageRow.seq)
            )
            return [message_of(row) for row in rows]

    def reply(self, message_id: str) -> Reply | None:
        """The reply to a message, also when it answered a burst that began earlier; None while there is none."""
        with self._database.read() as session:
            row = session.get(MessageRow, message_id)
            run = session.get(RunRow, row.covered_by or row.id) if row else None
            return replace(reply_of(run), message_id=message_id) if run else None

    def events(self, conversation_id: str, *, after_seq: int) -> list[dict[str, Any]]:
        """Events of every run from that message on: all of a closed one's, and the sentences that one under way has told."""
        with self._database.read() as session:
            here = (MessageRow.conversation_id == conversation_id, MessageRow.seq >= after_seq)
            closed = select(RunRow.events).join(MessageRow, MessageRow.id == RunRow.message_id).where(*here)
            told = select(ToldRow.event).join(MessageRow, MessageRow.id == ToldRow.message_id).where(*here)
            runs = session.scalars(closed.order_by(MessageRow.seq)).all()
            return [*(event for events in runs for event in events), *session.scalars(told.order_by(ToldRow.n))]

    def message(self, message_id: str) -> Message:
        with self._database.read() as session:
            return message_of(session.get_one(MessageRow, message_id))

    def first_of(self, message_id: str) -> Message:
        """The message whose run answers this one: itself, or the first of its burst."""
        with self._database.read() as session:
            row = session.get_one(MessageRow, message_id)
            return message_of(session.get_one(MessageRow, row.covered_by) if row.covered_by else row)

    def changed(self, *, since: datetime) -> list[tuple[str, datetime]]:
        """(id, when) of the conversations in which something has happened since then, by any replica."""
        with self._database.read() as session:
            query = select(ConversationRow.id, ConversationRow.updated_at).where(ConversationRow.updated_at >= since)
            return [(one, when) for one, when in session.execute(query)]

    def _tell(self, session: Session, conversation: ConversationRow, told: Told, now: datetime) -> None:
        happened = happened_in(conversation, told, now)
        put(session, self._depart(happened), happened, new_id=self._new_id)


def _under_way(
    session: Session, turn: Turn, covered: Sequence[str], *, last: bool
) -> tuple[ConversationRow, list[MessageRow]]:
    """The rows, locked, when this attempt may still write. A run that has closed is for the caller to see."""
    conversation = session.get_one(ConversationRow, turn.message.conversation_id, with_for_update=True)
    rows = [session.get_one(MessageRow, one, populate_existing=True) for one in covered]
    if rows[0].state == "answered":
        return conversation, rows
    if rows[0].attempts != turn.attempt:
        raise Superseded
    if not last and _newest_open(session, conversation.id) > rows[-1].seq:
        raise MoreCame
    return conversation, rows


def _told(row: ToldRow) -> tuple[dict[str, Any], tuple[Citation, ...]]:
    return row.event, tuple(Citation(**one) for one in row.citations)


def _open(conversation_id: str) -> tuple[Any, ...]:
    return MessageRow.conversation_id == conversation_id, MessageRow.state == "accepted"


def _newest_open(session: Session, conversation_id: str) -> int:
    return session.scalar(select(func.max(MessageRow.seq)).where(*_open(conversation_id))) or 0


def _oldest_open(session: Session, conversation_id: str) -> int:
    return session.scalar(select(func.min(MessageRow.seq)).where(*_open(conversation_id))) or 0


def _spoken(reply_id: str, conversation_id: str, seq: int, text: str, now: datetime) -> MessageRow:
    return MessageRow(
        id=reply_id,
        conversation_id=conversation_id,
        seq=seq,
        author="assistant",
        text=text,
        state="sent",
        idempotency_key=None,
        created_at=now,
    )
