"""Mails of ours: reserved within the budgets before a server is told, marked after, found again when a mail system gives one back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.store.database import Database
from appliance.store.mail_tables import SentMailRow

SentState = Literal["sending", "accepted", "refused", "returned"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Most automatic mails: to one recipient in an hour and a day, and to all in an hour."""

    recipient_hour: int
    recipient_day: int
    all_hour: int


@dataclass(frozen=True, slots=True)
class SentMail:
    id: str
    conversation_id: str
    message_id: str
    state: SentState
    tried_at: datetime
    fault: str = ""


class SqlSentMails:
    """Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(
        self,
        *,
        parcel_id: str,
        mailbox: str,
        conversation_id: str,
        message_id: str,
        recipient: str,
        purpose: str,
        budget: Budget,
        now: datetime,
    ) -> str:
        """Note that this mail is about to be sent. Empty, or which budget is used up; then nothing was noted. A mail that was noted before is never refused."""
        with self._database.write() as session:
            row = session.get(SentMailRow, parcel_id)
            if row is not None:
                row.state, row.tried_at = "sending", now
                return ""
            if over := _over(session, recipient, budget, now):
                return over
            session.add(
                SentMailRow(
                    id=parcel_id,
                    mailbox=mailbox,
                    conversation_id=conversation_id,
                    message_id=message_id,
                    recipient=recipient,
                    purpose=purpose,
                    state="sending",
                    fault="",
                    created_at=now,
                    tried_at=now,
                )
            )
            return ""

    def mark(self, parcel_id: str, state: SentState, *, fault: str = "") -> None:
        with self._database.write() as session:
            row = session.get_one(SentMailRow, parcel_id)
            row.state, row.fault = state, fault

    def find(self, parcel_id: str) -> SentMail | None:
        with self._database.read() as session:
            row = session.get(SentMailRow, parcel_id)
            return _sent(row) if row else None

    def by_message_id(self, message_id: str) -> SentMail | None:
        with self._database.read() as session:
            row = session.scalar(select(SentMailRow).where(SentMailRow.message_id == message_id))
            return _sent(row) if row else None

    def of_conversation(self, conversation_id: str) -> list[SentMail]:
        query = (
            select(SentMailRow)
            .where(SentMailRow.conversation_id == conversation_id)
            .order_by(SentMailRow.created_at, SentMailRow.id)
        )
        with self._database.read() as session:
            return [_sent(row) for row in session.scalars(query)]


def _over(session: Session, recipient: str, budget: Budget, now: datetime) -> str:
    for name, limit, since, to in (
        ("recipient_hour", budget.recipient_hour, now - timedelta(hours=1), recipient),
        ("recipient_day", budget.recipient_day, now - timedelta(days=1), recipient),
        ("all_hour", budget.all_hour, now - timedelta(hours=1), None),
    ):
        query = select(func.count()).where(SentMailRow.created_at > since, SentMailRow.state != "refused")
        if to is not None:
            query = query.where(SentMailRow.recipient == to)
        if (session.scalar(query) or 0) >= limit:
            return name
    return ""


def _sent(row: SentMailRow) -> SentMail:
    return SentMail(row.id, row.conversation_id, row.message_id, cast("SentState", row.state), row.tried_at, row.fault)
