"""The figures that count, honestly: every rate names its own denominator, and what has no data is null, never 0.

Four figures need the word of an agent who looked (`appliance corrections add`): which category it really was, and whether a person
was needed. They are counted over the tickets that an agent looked at and null without one; nothing here guesses them from what the
models said themselves. They are as good as the sample: who only looks at what went wrong finds only that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from appliance.measures.resolution import (
    WINDOWS,
    Story,
    Windows,
    assumed,
    category,
    confirmed,
    durable,
    first_useful,
    matter,
    needed_person,
    recontact_adjusted,
    resolved_at,
)
from appliance.measures.rungs import rungs
from appliance.measures.stories import stories
from appliance.store.database import Database

UNCLASSIFIED = "unclassified"


def kpis(database: Database, *, since: datetime, now: datetime, windows: Windows = WINDOWS) -> dict[str, Any]:
    """The report of the public contract over the conversations opened in ``since``..``now``. Times in seconds, rates 0..1."""
    told = stories(database, since=since, now=now)
    return {**figures(told, now=now, windows=windows), "rungs": rungs(database, since=since, now=now)}


def figures(told: Sequence[Story], *, now: datetime, windows: Windows = WINDOWS) -> dict[str, Any]:
    """The same from stories in hand."""
    return {
        "tickets": len(told),
        "resolution_rate": _resolution(told, _by_contact(told), now, windows),
        "csat": _csat(told),
        "time_to_resolution_s": _spread(_seconds(story.opened, resolved_at(story)) for story in told),
        "time_to_first_useful_response_s": _spread(_seconds(story.opened, first_useful(story)) for story in told),
        "escalation": {
            "rate": _rate(_escalated(story) for story in told),
            "precision": _rate(needed_person(story) for story in told if story.handed_over),
            "recall_sampled": _rate(_escalated(story) for story in told if needed_person(story)),
        },
        "by_category": _by_category(told, now, windows),
        "kb_gap_rate": _rate(story.gap if _closed(story) else None for story in told),
        "classifier_accuracy_on_corrections": _rate(
            turn.intent == turn.intent_after for story in told for turn in story.turns if turn.intent_after
        ),
        "unsafe_auto_handle_rate": _rate(needed_person(story) for story in told if _escalated(story) is False),
    }


def _resolution(
    told: Sequence[Story], by_contact: Mapping[str, Sequence[Story]], now: datetime, windows: Windows
) -> dict[str, float | None]:
    return {
        "confirmed": _rate(confirmed(story) for story in told),
        "assumed": _rate(assumed(story, now, windows) for story in told),
        "durable": _rate(durable(story, now, windows) for story in told),
        "recontact_adjusted": _rate(
            recontact_adjusted(story, by_contact.get(story.contact, ()), now, windows) for story in told
        ),
    }


def _by_contact(told: Sequence[Story]) -> dict[str, list[Story]]:
    """Without this, looking for recontacts compares every conversation with every other."""
    found: defaultdict[str, list[Story]] = defaultdict(list)
    for story in told:
        if story.contact:
            found[story.contact].append(story)
    return found


def _by_category(told: Sequence[Story], now: datetime, windows: Windows) -> dict[str, Any]:
    groups: defaultdict[str, list[Story]] = defaultdict(list)
    for story in told:
        if matter(story):
            groups[category(story) or UNCLASSIFIED].append(story)
    by_contact = _by_contact(told)
    return {
        name: {
            "tickets": len(group),
            "resolution_rate": _resolution(group, by_contact, now, windows),
            "csat_mean": _mean([story.csat for story in group if story.csat is not None]),
            "escalation_rate": _rate(_escalated(story) for story in group),
            "kb_gap_rate": _rate(story.gap if _closed(story) else None for story in group),
        }
        for name, group in sorted(groups.items())
    }


def _csat(told: Sequence[Story]) -> dict[str, Any]:
    """``ai``: conversations that no person was given; ``human``: the others."""
    rated = [(story.csat, story.handed_over) for story in told if story.csat is not None]
    return {
        "mean": _mean([csat for csat, _ in rated]),
        "n": len(rated),
        "ai": _mean([csat for csat, handed_over in rated if not handed_over]),
        "human": _mean([csat for csat, handed_over in rated if handed_over]),
    }


def _escalated(story: Story) -> bool | None:
    return story.handed_over if _closed(story) else None


def _closed(story: Story) -> bool:
    """At least one message that asks something has been dealt with."""
    return any(turn.outcome for turn in matter(story))


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else max(timedelta(0), end - start).total_seconds()


def _spread(values: Iterable[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {"p50": None, "p90": None}
    p50, p90 = np.percentile(known, (50, 90))
    return {"p50": round(float(p50), 3), "p90": round(float(p90), 3)}


def _rate(verdicts: Iterable[bool | None]) -> float | None:
    return _mean([verdict for verdict in verdicts if verdict is not None])


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
