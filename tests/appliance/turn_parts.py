"""Runs as the runner closes them, for tests that only need them closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from appliance.store.database import Database
from appliance.store.turns import SqlTurns, Turn
from appliance.ticket import Citation, Closed, Decision, HandoffNote, Message, Outcome, Reply, Verdict


def begun(turns: SqlTurns, message_id: str) -> Turn:
    """An attempt at the run of a message, whose turn it must be."""
    turn = turns.turn(message_id)
    assert isinstance(turn, Turn), turn
    return turn


def close_run(
    database: Database,
    closed: Closed,
    *,
    reply_id: str,
    now: datetime,
    events: Sequence[dict[str, Any]] = (),
    covered: Sequence[str] | None = None,
) -> Reply:
    """Begin the run of the message that was replied to, and close it. ``covered``: of its burst; by default all that is open."""
    turns = SqlTurns(database)
    turn = begun(turns, closed.reply.message_id)
    return turns.close(
        closed,
        turn=turn,
        covered=turns.open_messages(turn.message.id) if covered is None else covered,
        events=list(events),
        reply_id=reply_id,
        last=covered is not None,
        now=now,
    )


def answered(message: Message, outcome: Outcome = "answered", text: str = "Open Billing.", **more: object) -> Closed:
    """What a run ends with; ``more`` of its fields as the test needs them."""
    citations = (Citation(1, "pay", "Paying", "https://example.com/pay", "Open Billing."),)
    reply = Reply(
        message.id,
        outcome,
        text,
        citations,
        "billing_question",
        "normal",
        0.91,
        "ground.supported",
        "Because.",
        {"total": 1.5},
    )
    made = Closed(reply, (Decision("route", "route.attempt", "Sure."),), (Verdict("form", True, text),))
    return replace(made, **more)  # type: ignore[arg-type] # a test names the fields that it changes


def note() -> HandoffNote:
    return HandoffNote("How?", ("Searched.",), "high", "“urgent”", "Answer.", "", ())
