"""What has to leave. A row is written in the transaction of what caused it; the postman claims it, sends it and marks it.

waiting -> sending -> sent | waiting (to be tried again) | failed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from appliance.errors import Conflict, NotFound
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, OutboxRow
from appliance.ticket import Channel, Outcome

What = Literal[
    "message.received",
    "reply.sent",
    "conversation.handed_over",
    "conversation.waiting",
    "conversation.closed",
    "feedback.given",
    "mail.failed",
]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that others may have to hear of, with what is needed to know whom. It carries no customer's text."""

    what: What
    conversation_id: str
    channel: Channel
    source: str
    message_id: str
    at: datetime
    outcome: Outcome | None = None
    speaks: bool = False
    """A text for the customer came with it, so a channel that does not read our database has to deliver it."""
    rule: str = ""
    """The rule id of the decision behind it."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One thing that has to leave because of it. ``key`` is the same whenever it is asked for again, so it is written once.

    ``kind``: the carrier (mail, desk, webhook). ``target``: which mailbox, desk or webhook. ``body``: what the carrier needs beside the stored
    conversation; ids rather than texts. ``in_order``: the body gets a ``sequence`` that grows within the conversation.
    """

    key: str
    kind: str
    target: str
    purpose: str
    body: dict[str, Any] = field(default_factory=dict)
    in_order: bool = False


Depart = Callable[[Happened], Iterable[Departure]]


def nobody(_happened: Happened) -> Iterable[Departure]:
    """Where nothing is connected."""
    return ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed row. ``id`` is the idempotency key for the other side; ``attempts`` counts earlier tries, so above 0 it may have arrived already."""

    id: str
    key: str
    kind: str
    target: str
    purpose: str
    conversation_id: str | None
    message_id: str | None
    body: dict[str, Any]
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A row as people see it."""

    id: str
    target: str
    purpose: str
    conversation_id: str | None
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    settled_at: datetime | None
    receipt: str
    fault: str


def put(session: Session, departures: Iterable[Departure], happened: Happened, *, new_id: Callable[[], str]) -> None:
    """Add rows to the caller's transaction, which holds the conversation's row; what is there already stays as it is."""
    numbers: dict[str, int] = {}
    for departure in departures:
        if session.scalar(select(OutboxRow.id).where(OutboxRow.key == departure.key)):
            continue
        session.add(
            OutboxRow(
                id=new_id(),
                key=departure.key,
                kind=departure.kind,
                target=departure.target,
                purpose=departure.purpose,
                conversation_id=happened.conversation_id,
                message_id=happened.message_id,
                body=departure.body | (_number(session, happened, numbers) if departure.in_order else {}),
                state="waiting",
                attempts=0,
                claimed_by=None,
                due_at=happened.at,
                created_at=happened.at,
                settled_at=None,
                receipt="",
                fault="",
            )
        )


def _number(session: Session, happened: Happened, numbers: dict[str, int]) -> dict[str, int]:
    """One number a happening, whoever is told of it."""
    if not numbers:
        conversation = session.get_one(ConversationRow, happened.conversation_id)
        conversation.happenings += 1
        numbers["sequence"] = conversation.happenings
    return numbers


class SqlOutbox:
    """Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, *, replica: str, now: datetime, limit: int, full: Sequence[str] = ()) -> list[Parcel]:
        """Take rows that are due, oldest first; none for targets that are ``full`` (``kind:target``). What this replica claimed in an earlier life is its own to send again (see ``release``)."""
        with self._database.write() as session:
            rows = list(
                session.scalars(
                    select(OutboxRow)
                    .where(OutboxRow.state == "waiting", OutboxRow.due_at <= now)
                    .where((OutboxRow.kind + ":" + OutboxRow.target).not_in(full))
                    .order_by(OutboxRow.due_at)
                    .limit(limit)
                    .with_for_update(skip_locked=True)
                )
            )
            parcels = [_parcel(row) for row in rows]
            for row in rows:
                row.state, row.claimed_by, row.attempts = "sending", replica, row.attempts + 1
            return parcels

    def release(self, replica: str, *, now: datetime) -> int:
        """Give back what a replica had claimed when it died; returns how many."""
        with self._database.write() as session:
            done = session.execute(
                update(OutboxRow)
                .where(OutboxRow.state == "sending", OutboxRow.claimed_by == replica)
                .values(state="waiting", claimed_by=None, due_at=now)
            )
            return int(getattr(done, "rowcount", 0))

    def holds(self, replica: str) -> bool:
        """Has it claimed rows of which nobody knows yet what became of them?"""
        query = select(OutboxRow.id).where(OutboxRow.state == "sending", OutboxRow.claimed_by == replica)
        with self._database.read() as session:
            return session.scalar(query.limit(1)) is not None

    def sent(self, parcel_id: str, *, receipt: str, now: datetime) -> None:
        self._settle(parcel_id, "sent", now, receipt=receipt)

    def failed(self, parcel_id: str, *, fault: str, now: datetime) -> None:
        """It will never arrive as it is; a person has to hear of it."""
        self._settle(parcel_id, "failed", now, fault=fault)

    def returned(self, parcel_id: str, *, fault: str, now: datetime) -> None:
        """It was sent, and came back: a person has to hear of it."""
        with self._database.write() as session:
            row = session.get_one(OutboxRow, parcel_id, with_for_update=True)
            row.state, row.settled_at, row.fault = "failed", now, fault

    def later(self, parcel_id: str, *, fault: str, due_at: datetime) -> None:
        with self._database.write() as session:
            row = session.get_one(OutboxRow, parcel_id, with_for_update=True)
            if row.state == "sent":  # by the replica that took it over while this one was taken for dead
                return
            row.state, row.claimed_by, row.fault, row.due_at = "waiting", None, fault, due_at

    def listed(self, kind: str, states: Sequence[str], *, limit: int) -> list[Listed]:
        """Rows of a kind in any of these states, the newest first."""
        query = select(OutboxRow).where(OutboxRow.kind == kind, OutboxRow.state.in_(states))
        with self._database.read() as session:
            rows = session.scalars(query.order_by(OutboxRow.created_at.desc(), OutboxRow.id).limit(limit))
            return [_listed(row) for row in rows]

    def tally(self, kind: str) -> dict[tuple[str, str], int]:
        """(target, state) -> how many rows of that kind."""
        query = select(OutboxRow.target, OutboxRow.state, func.count()).where(OutboxRow.kind == kind)
        with self._database.read() as session:
            rows = session.execute(query.group_by(OutboxRow.target, OutboxRow.state))
            return {(target, state): number for target, state, number in rows}

    def again(self, parcel_id: str, *, kind: str, now: datetime) -> Listed:
        """Send a failed row once more from the beginning, under its old id. Raises ``NotFound``, ``Conflict``."""
        with self._database.write() as session:
            row = session.get(OutboxRow, parcel_id, with_for_update=True)
            if row is None or row.kind != kind:
                raise NotFound(f"There is no {kind} with the id {parcel_id!r}.", remedy="Take the id from the list.")
            if row.state in {"sending", "sent"}:
                raise Conflict(f"It is {row.state} already.", remedy="Nothing needs to be done.")
            row.state, row.attempts, row.due_at, row.settled_at = "waiting", 0, now, None
            return _listed(row)

    def count(self) -> dict[str, int]:
        """Rows by state."""
        with self._database.read() as session:
            counted = select(OutboxRow.state, func.count()).group_by(OutboxRow.state)
            found = {state: number for state, number in session.execute(counted)}  # noqa: C416 - rows are no pairs to mypy
        return {state: found.get(state, 0) for state in ("waiting", "sending", "sent", "failed")}

    def _settle(self, parcel_id: str, state: str, now: datetime, *, receipt: str = "", fault: str = "") -> None:
        with self._database.write() as session:
            row = session.get_one(OutboxRow, parcel_id, with_for_update=True)
            if row.state == "sent":  # as above
                return
            row.state, row.settled_at, row.receipt, row.fault, row.claimed_by = state, now, receipt, fault, None


def _listed(row: OutboxRow) -> Listed:
    return Listed(
        row.id,
        row.target,
        row.purpose,
        row.conversation_id,
        row.state,
        row.attempts,
        row.created_at,
        row.due_at,
        row.settled_at,
        row.receipt,
        row.fault,
    )


def _parcel(row: OutboxRow) -> Parcel:
    return Parcel(
        row.id,
        row.key,
        row.kind,
        row.target,
        row.purpose,
        row.conversation_id,
        row.message_id,
        row.body,
        row.attempts,
        row.created_at,
    )
