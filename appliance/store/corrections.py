"""What agents say of the classifier's word: the category and urgency that a message really had, and whether a person was needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, func, select

from appliance.errors import InputInvalid, NotFound
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, CorrectionRow, MessageRow, RunRow
from models.roles import Urgency


@dataclass(frozen=True, slots=True)
class Correction:
    """One agent's word on one message. ``intent_after`` equal to ``intent_before`` confirms it. None: nothing was said of that."""

    message_id: str
    intent_before: str
    intent_after: str
    urgency_after: Urgency | None
    needed_person: bool | None
    agent: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Example:
    """A message as a labelled example: what the classifier reads of it, and the newest word on it.

    The text of a first message begins with its subject. Urgency is empty where the agent said none: the classifier's guess is no label.
    """

    text: str
    intent: str
    urgency: str


class SqlCorrections:
    """Words are only added, so that who said what stays known; the newest one on a message counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        message_id: str,
        *,
        intent: str,
        urgency: Urgency | None,
        needed_person: bool | None,
        agent: str,
        now: datetime,
    ) -> Correction:
        """Note an agent's word. Raises ``NotFound`` for an unknown message, ``InputInvalid`` for one that nobody has classified."""
        with self._database.write() as session:
            message = session.get(MessageRow, message_id)
            if message is None:
                raise NotFound(
                    f"There is no message {message_id}.",
                    remedy="Give the message_id that the reply or `appliance ask --json` shows.",
                )
            run = session.get(RunRow, message.covered_by or message_id)
            if message.author != "customer" or run is None or not run.intent:
                raise InputInvalid(
                    f"The message {message_id} has no category that could be corrected.",
                    remedy="Only customers' messages that have been dealt with have one.",
                )
            row = CorrectionRow(
                message_id=message_id,
                intent_before=run.intent,
                intent_after=intent,
                urgency_after=urgency,
                needed_person=needed_person,
                agent=agent,
                created_at=now,
            )
            session.add(row)
            return _correction(row)

    def newest(self) -> list[Correction]:
        """The newest word on each message, oldest first."""
        with self._database.read() as session:
            return [
                _correction(row)
                for row in session.scalars(select(CorrectionRow).where(_is_newest()).order_by(CorrectionRow.id))
            ]

    def examples(self) -> list[Example]:
        """Messages with the newest word on each, oldest word first: where one text was sent twice, the later example is the newer word."""
        query = (
            select(
                MessageRow.text,
                MessageRow.seq,
                ConversationRow.subject,
                CorrectionRow.intent_after,
                CorrectionRow.urgency_after,
            )
            .join(CorrectionRow, CorrectionRow.message_id == MessageRow.id)
            .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
            .where(_is_newest())
            .order_by(CorrectionRow.id)
        )
        with self._database.read() as session:
            return [
                Example(f"{subject.strip()}\n{text}".strip() if seq == 1 else text, intent, urgency or "")
                for text, seq, subject, intent, urgency in session.execute(query)
            ]


def _is_newest() -> ColumnElement[bool]:
    return CorrectionRow.id.in_(select(func.max(CorrectionRow.id)).group_by(CorrectionRow.message_id))


def _correction(row: CorrectionRow) -> Correction:
    return Correction(
        message_id=row.message_id,
        intent_before=row.intent_before,
        intent_after=row.intent_after,
        urgency_after=cast("Urgency | None", row.urgency_after),
        needed_person=row.needed_person,
        agent=row.agent,
        created_at=row.created_at,
    )
