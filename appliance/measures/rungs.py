"""How each rung of the ladder does: how often it is asked, what comes of it, and how long customers wait for its first sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select

from appliance.store.database import Database
from appliance.store.tables import RunRow

_OUTCOMES = ("answered", "not_covered", "nothing_left", "fault", "skipped")


def rungs(database: Database, *, since: datetime, now: datetime) -> dict[str, Any]:
    """Per rung, of the runs closed in ``since``..``now``. Times in milliseconds; a figure without data is null, never 0."""
    with database.read() as session:
        drafts = session.scalars(select(RunRow.draft).where(RunRow.closed_at.between(since, now))).all()
    return of_drafts(draft for draft in drafts if draft)


def of_drafts(drafts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The same from drafts as they are stored. Those of older versions name no turns and do not count."""
    turns: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for draft in drafts:
        for turn in draft.get("attempts", ()):
            turns[turn["rung"]].append(turn)
    return {rung: _figures(taken) for rung, taken in sorted(turns.items())}


def _figures(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``turns`` of one rung: those that it took, and those that it was skipped in, by rule."""
    outcomes = Counter(turn["outcome"] for turn in turns)
    asked = [turn for turn in turns if turn["outcome"] != "skipped"]
    drafted, passed = (sum(turn[key] for turn in asked) for key in ("drafted", "passed"))
    skipped = Counter(turn["reason"].partition(":")[0] for turn in turns if turn["outcome"] == "skipped")
    return {
        "turns": len(asked),
        **{outcome: outcomes[outcome] for outcome in _OUTCOMES},
        "skipped_by_rule": dict(sorted(skipped.items())),
        "sentences_drafted": drafted,
        "sentences_passed": passed,
        "pass_rate": round(passed / drafted, 4) if drafted else None,
        "first_sentence_ms": _spread([turn["first_ms"] for turn in asked if turn["first_ms"] is not None]),
        "turn_ms": _spread([turn["ms"] for turn in asked]),
    }


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
