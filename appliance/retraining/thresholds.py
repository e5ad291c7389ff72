"""Thresholds for one profile's intents, learnt from labelled tickets by the operator's risk budget.

Unsafe is what should have gone to a person and did not: a ticket handled automatically although its true intent is one that a person
always handles (for customers of that tier). Mistaking one harmless intent for another is not unsafe: both are answered from the same
articles, behind the same gates. Questions that are out of scope are left out: no person has to have them, and counting them as safe
would dilute the share. What no threshold decides (an always-escalate intent, a mixed message, a question held for foreign) is left out too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from appliance.errors import StorageFailed
from appliance.learned import THRESHOLDS_FILE, IntentThresholds, LearnedThreshold
from appliance.line.rehearsal import Rehearsed, decide, read
from appliance.policy import Policy
from appliance.ticket import TIERS, Tier
from models.features import read_messages
from models.roles import URGENCIES, Classification, Encoder, Features, Matrix
from models.training import risk
from models.training.heads import OUT_OF_SCOPE_LABELS
from models.training.heads_report import Predicts

MOST_ROWS = 5_000
"""More rows than this are sampled: reading each as the line does takes some ten milliseconds, and the promise is sharp long before."""


def choose(
    policy: Policy,
    encoder: Encoder,
    heads: Predicts,
    texts: Sequence[str],
    intents: Sequence[str],
    *,
    revision: str,
    budget: float,
    source: str,
    today: date,
) -> IntentThresholds:
    """Thresholds of every tier and intent that may be automated, or why not.

    ``heads`` must not have been fitted on the rows; ``revision`` names the heads that the thresholds are for; ``source`` says in words
    which rows these are. Runs the stations itself, so not from within a running event loop. Raises ``ModelRefused`` for a bad budget.
    """
    rows = [(text, intent) for text, intent in zip(texts, intents, strict=True) if intent not in OUT_OF_SCOPE_LABELS]
    rows = sorted(rows, key=_shuffled)[:MOST_ROWS]
    found = read(
        lambda asked: read_messages(encoder, asked),
        lambda features: _classify(heads, features),
        [one for one, _ in rows],
    )
    return IntentThresholds(
        revision=revision,
        policy=policy.rules_digest,
        budget=budget,
        confidence=policy.thresholds.risk_confidence,
        created=today,
        source=source,
        tiers={
            tier: _of_tier(policy, decide(policy, found, tier), [true for _, true in rows], tier, budget)
            for tier in TIERS
        },
    )


def write_thresholds(folder: Path, learned: IntentThresholds) -> Path:
    """``thresholds.json`` in the folder of the heads, whole or not at all. Raises ``StorageFailed``."""
    path, beside = folder / THRESHOLDS_FILE, folder / f".{THRESHOLDS_FILE}"
    try:
        with beside.open("w", encoding="utf-8") as file:  # not tempfile, whose files only their author may read
            file.write(learned.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}.", remedy="Free some space or mend the permissions."
        ) from error
    return path


def _of_tier(
    policy: Policy, found: Sequence[Rehearsed], true: Sequence[str], tier: Tier, budget: float
) -> dict[str, LearnedThreshold]:
    at = [place for place, one in enumerate(found) if one.by_threshold]
    held = np.array([found[place].confidence for place in at], dtype=np.float64)
    predicted = [found[place].classified.intent for place in at]
    unsafe = np.array([policy.always_person(true[place], tier) for place in at], dtype=bool)
    names = [intent.name for intent in policy.intents if not policy.always_person(intent.name, tier)]
    limits = policy.thresholds
    chosen = risk.choose(
        held, predicted, unsafe, names, budget=budget, confidence=limits.risk_confidence, floor=limits.risk_floor
    )
    learned = {one.intent: _learned(one) for one in chosen}
    mask = np.asarray(predicted, dtype=np.str_)
    for intent in policy.intents:
        if intent.threshold is not None and intent.name in learned:
            reached = (mask == intent.name) & (held >= policy.declared(intent.name, tier))
            learned[intent.name] = _declared(
                policy.declared(intent.name, tier),
                int(reached.sum()),
                int(unsafe[reached].sum()),
                limits.risk_confidence,
            )
    return learned


def _learned(one: risk.Chosen) -> LearnedThreshold:
    return LearnedThreshold(
        threshold=one.threshold, handled=one.handled, unsafe=one.unsafe, bound=one.bound, missing=one.missing
    )


def _declared(threshold: float, handled: int, unsafe: int, confidence: float) -> LearnedThreshold:
    """The profile's own threshold is obeyed; the bound says what the rows make of it."""
    bound = risk.upper_bound(unsafe, handled, confidence=confidence)
    return LearnedThreshold(threshold=threshold, handled=handled, unsafe=unsafe, bound=bound, declared=True)


def _classify(heads: Predicts, features: Features) -> list[Classification]:
    """Arrays of heads that may never have been exported, as the line reads them."""
    probability, urgency, outside = heads.predict(features)
    return [
        _classification(heads.intents, probability[row], urgency[row], float(outside[row]))
        for row in range(len(features))
    ]


def _classification(names: Sequence[str], shares: Matrix, levels: Matrix, outside: float) -> Classification:
    ranking = tuple((names[at], float(shares[at])) for at in np.argsort(-shares, kind="stable"))
    level = int(np.argmax(levels))
    return Classification(
        ranking[0][0], ranking[0][1], URGENCIES[level], float(levels[level]), min(1.0, max(0.0, outside)), ranking
    )


def _shuffled(row: tuple[str, str]) -> str:
    """The same sample of the same rows, in whatever order they come."""
    return hashlib.sha256("\0".join(row).encode()).hexdigest()
