"""What the database knows of messages that were acknowledged: each once, and each with exactly one reply or hand-over."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from appliance.store.database import Database
from appliance.store.tables import MessageRow, RunRow

_LOOK_AGAIN_S = 0.5


def settle(data: Path, *, patience_s: float) -> float:
    """Wait until no accepted message is without its end; returns the seconds that took, or those waited in vain."""
    database = Database.look(f"sqlite:///{data / 'appliance.db'}")
    began = time.perf_counter()
    try:
        while time.perf_counter() - began < patience_s:
            with database.read() as session:
                if not session.scalar(select(func.count()).where(MessageRow.state == "accepted")):
                    break
            time.sleep(_LOOK_AGAIN_S)
    finally:
        database.close()
    return round(time.perf_counter() - began, 1)


def judge(data: Path, acknowledged: Iterable[tuple[str, str]], *, uncertain: int, before: int = 0) -> dict[str, Any]:
    """Compare with the outside list: (conversation, idempotency key; "" for the conversation's first message) of each acknowledgement.

    ``uncertain``: messages whose sender got no answer at all; they may be there or not. ``before``: customers' messages from before the list.
    """
    database = Database.look(f"sqlite:///{data / 'appliance.db'}")
    try:
        messages, runs, replies = _read(database)
    finally:
        database.close()
    stored = Counter((conversation, key) for conversation, key, _, _ in messages)
    listed = list(acknowledged)
    of = {(conversation, key): (message, state) for conversation, key, message, state in messages}
    ended = [of[one] for one in listed if one in of]
    unanswered = sum(not (state == "answered" and message in runs) for message, state in ended)
    expected = Counter(conversation for _, (conversation, text) in runs.items() if text)
    return {
        "acknowledged": len(listed),
        "stored": len(messages) - before,
        "lost": sum(one not in of for one in listed),
        "stored_twice": sum(count > 1 for (_, key), count in stored.items() if key),
        "stored_without_acknowledgement": max(0, len(messages) - before - len(listed) - uncertain),
        "unanswered": unanswered,
        "doubled": sum((replies - expected).values()),
        "replies_missing": sum((expected - replies).values()),
    }


def customers_messages(data: Path) -> int:
    """How many are stored just now."""
    database = Database.look(f"sqlite:///{data / 'appliance.db'}")
    try:
        with database.read() as session:
            return session.scalar(select(func.count()).where(MessageRow.author == "customer")) or 0
    finally:
        database.close()


def _read(
    database: Database,
) -> tuple[list[tuple[str, str, str, str]], dict[str, tuple[str, str]], Counter[str]]:
    """Customers' messages (conversation, key, id, state), runs by message with conversation and text, assistant's messages a conversation."""
    with database.read() as session:
        asked = select(MessageRow.conversation_id, MessageRow.idempotency_key, MessageRow.id, MessageRow.state)
        rows = session.execute(asked.where(MessageRow.author == "customer"))
        messages = [(conversation, key or "", message, state) for conversation, key, message, state in rows]
        closed = session.execute(select(RunRow.message_id, RunRow.conversation_id, RunRow.text))
        runs = {message: (conversation, text) for message, conversation, text in closed}
        said = select(MessageRow.conversation_id).where(MessageRow.author == "assistant")
        return messages, runs, Counter(session.scalars(said))
