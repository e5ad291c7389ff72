"""Conversations as countable stories, read from SQL without a word of what was said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from appliance.measures.resolution import Story, Turn
from appliance.store.customer_tables import CustomerRow
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, CorrectionRow, FeedbackRow, GapRow, MessageRow, RunRow


def stories(database: Database, *, since: datetime, now: datetime) -> list[Story]:
    """Conversations opened in ``since``..``now`` in which the customer has said something, oldest first."""
    with database.read() as session:
        heads = session.execute(_heads(since, now)).all()
        turns = _grouped(session.execute(_turns(since, now)))
        gaps = set(session.scalars(_gaps(since, now)))
    return [
        Story(
            id=head.id,
            turns=turns[head.id],
            contact=head.contact,
            resolved=head.resolved,
            csat=head.csat,
            said_at=head.said_at,
            gap=head.id in gaps,
        )
        for head in heads
        if head.id in turns
    ]


def _heads(since: datetime, now: datetime) -> Select[*tuple[Any, ...]]:
    address = func.lower(func.coalesce(CustomerRow.email, ConversationRow.contact_email, ""))
    return (
        select(
            ConversationRow.id,
            address.label("contact"),
            FeedbackRow.resolved,
            FeedbackRow.csat,
            FeedbackRow.updated_at.label("said_at"),
        )
        .outerjoin(CustomerRow, CustomerRow.id == ConversationRow.customer_id)
        .outerjoin(FeedbackRow, FeedbackRow.conversation_id == ConversationRow.id)
        .where(ConversationRow.created_at.between(since, now))
        .order_by(ConversationRow.created_at, ConversationRow.id)
    )


def _turns(since: datetime, now: datetime) -> Select[*tuple[Any, ...]]:
    newest = (
        select(CorrectionRow.message_id, func.max(CorrectionRow.id).label("id"))
        .group_by(CorrectionRow.message_id)
        .subquery()
    )
    return (
        select(
            MessageRow.conversation_id,
            MessageRow.created_at,
            RunRow.outcome,
            RunRow.rule,
            RunRow.intent,
            RunRow.closed_at,
            CorrectionRow.intent_after,
            CorrectionRow.needed_person,
        )
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .outerjoin(RunRow, RunRow.message_id == func.coalesce(MessageRow.covered_by, MessageRow.id))
        .outerjoin(newest, newest.c.message_id == MessageRow.id)
        .outerjoin(CorrectionRow, CorrectionRow.id == newest.c.id)
        .where(MessageRow.author == "customer", ConversationRow.created_at.between(since, now))
        .order_by(MessageRow.conversation_id, MessageRow.seq)
    )


def _gaps(since: datetime, now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(MessageRow.conversation_id)
        .join(GapRow, GapRow.message_id == MessageRow.id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(ConversationRow.created_at.between(since, now))
    )


def _grouped(rows: Iterable[Any]) -> dict[str, tuple[Turn, ...]]:
    turns: defaultdict[str, list[Turn]] = defaultdict(list)
    for conversation_id, at, outcome, rule, intent, closed_at, after, needed in rows:
        turns[conversation_id].append(Turn(at, outcome or "", rule or "", intent or "", closed_at, after or "", needed))
    return {conversation_id: tuple(of_it) for conversation_id, of_it in turns.items()}
