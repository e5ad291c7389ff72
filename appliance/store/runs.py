"""The record of a run: the reply, every decision and verdict, and what follows from it (a hand-over, a gap)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.store.tables import GapRow, HandoffRow, RunRow
from appliance.ticket import Citation, Closed, Outcome, Reply
from models.roles import Urgency


def add_closed(
    session: Session,
    closed: Closed,
    *,
    conversation_id: str,
    events: list[dict[str, Any]],
    handoff_id: str,
    now: datetime,
) -> None:
    """Add the rows of a closed run to the session; the caller's transaction makes them one."""
    reply = closed.reply
    session.add(
        RunRow(
            message_id=reply.message_id,
            conversation_id=conversation_id,
            outcome=reply.outcome,
            text=reply.text,
            citations=[asdict(citation) for citation in reply.citations],
            intent=reply.intent,
            urgency=reply.urgency,
            confidence=reply.confidence,
            rule=reply.rule,
            reason=reply.reason,
            timings_ms=reply.timings_ms,
            language=reply.language,
            decisions=[asdict(decision) for decision in closed.decisions],
            verdicts=[asdict(verdict) for verdict in closed.verdicts],
            draft=asdict(closed.draft) | {"hosted": closed.draft.hosted} if closed.draft else {},
            events=events,
            closed_at=now,
        )
    )
    if closed.gap:
        session.add(GapRow(message_id=reply.message_id, question=closed.gap, intent=reply.intent, created_at=now))
    if closed.note and not session.scalar(select(HandoffRow.id).where(HandoffRow.conversation_id == conversation_id)):
        session.add(
            HandoffRow(
                id=handoff_id,
                conversation_id=conversation_id,
                message_id=reply.message_id,
                rule=reply.rule,
                priority=closed.priority,
                urgency=closed.note.urgency,
                note=asdict(closed.note),
                created_at=now,
            )
        )


def reply_of(run: RunRow) -> Reply:
    return Reply(
        message_id=run.message_id,
        outcome=cast("Outcome", run.outcome),
        text=run.text,
        citations=tuple(Citation(**citation) for citation in run.citations),
        intent=run.intent,
        urgency=cast("Urgency", run.urgency),
        confidence=run.confidence,
        rule=run.rule,
        reason=run.reason,
        timings_ms=run.timings_ms,
        language=run.language,
    )
