"""The oracle: what was acknowledged is there once and has exactly one end, and what left did so once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from appliance.store.database import Database
from appliance.store.tables import MessageRow, OutboxRow, RunRow
from benchmarks.recovery.crowd import Ack
from benchmarks.recovery.outside import Told

_LOOK_S = 0.2


def settled(url: str, *, patience_s: float, coming: Callable[[], int]) -> float | None:
    """Seconds until nothing is ``coming`` any more, every accepted message has its end and nothing waits in the outbox; None when that took too long."""
    database = Database.look(url)
    began = time.perf_counter()
    try:
        while time.perf_counter() - began < patience_s:
            if not coming() and not _open(database):
                return round(time.perf_counter() - began, 1)
            time.sleep(_LOOK_S)
    finally:
        database.close()
    return None


def judge(url: str, acknowledged: list[Ack], told: Told) -> dict[str, Any]:
    """Counts; ``lost``, ``doubled``, ``unanswered`` and ``told_twice`` must be 0."""
    database = Database.look(url)
    try:
        with database.read() as session:
            messages = list(session.scalars(select(MessageRow)))
            runs = {row.message_id: row for row in session.scalars(select(RunRow))}
            unsent = session.scalar(select(func.count()).where(OutboxRow.state.in_(("waiting", "sending")))) or 0
    finally:
        database.close()
    customers = [row for row in messages if row.author == "customer"]
    stored = Counter((row.conversation_id, row.idempotency_key or "", row.text) for row in customers)
    said = Counter(row.conversation_id for row in messages if row.author == "assistant")
    expected = Counter(run.conversation_id for run in runs.values() if run.text)
    events = Counter((event["type"], _message(event)) for event in told.events())
    return {
        "acknowledged": len(acknowledged),
        "by_channel": dict(Counter(ack.channel for ack in acknowledged)),
        "stored": len(customers),
        "lost": sum((ack.conversation, ack.key, ack.text) not in stored for ack in acknowledged),
        "stored_twice": sum(count - 1 for count in stored.values()),
        "unanswered": sum(_without_end(row, runs) for row in customers),
        "bursts": sum(row.covered_by is not None for row in customers),
        "doubled": sum((said - expected).values()),
        "replies_missing": sum((expected - said).values()),
        "told": len(told.deliveries),
        "told_twice": sum(count - 1 for count in events.values()),
        "delivered_again_under_its_id": told.again,
        "not_told": sum(not events[("reply.sent", message)] for message in runs) + unsent,
    }


def _message(event: dict[str, Any]) -> str:
    return str(event.get("data", {}).get("message_id", ""))


def _without_end(row: MessageRow, runs: dict[str, RunRow]) -> bool:
    return row.state != "answered" or (row.covered_by or row.id) not in runs


def _open(database: Database) -> int:
    with database.read() as session:
        messages = session.scalar(select(func.count()).where(MessageRow.state == "accepted")) or 0
        return messages + (session.scalar(select(func.count()).where(OutboxRow.state.in_(("waiting", "sending")))) or 0)
