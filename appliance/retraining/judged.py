"""Two heads before the same held-out rows: figures of both, and which of them the line should use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from appliance.line.route import route
from appliance.policy import Policy
from appliance.retraining.material import Row
from appliance.ticket import Classified, Identified, Message, Ticket
from models.classifier import OnnxIntentClassifier
from models.roles import Classification, Features, IntentClassifier
from models.training.heads_report import evaluate_heads
from models.training.rivals import Comparison, compare
from models.training.served import Served

SMALL_GAIN = 0.02
"""Share of the rows: a gain in errors below it may be luck, and then the confidence has to bear it out."""
MIN_JUDGED = 30
"""Held-out rows below which two heads cannot be told apart: with fewer, one row is more than three points of accuracy."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The rows that neither head was fitted on, and where they come from, in words."""

    rows: Sequence[Row]
    features: Features
    origin: str

    @property
    def intents(self) -> list[str]:
        return [row.intent for row in self.rows]

    @property
    def urgencies(self) -> list[str] | None:
        """None when no row says its urgency; rows that do not are empty."""
        found = [row.urgency for row in self.rows]
        return found if any(found) else None


@dataclass(frozen=True, slots=True)
class Judgement:
    """``better``: the new head is to be used. ``reason`` says why, or why not."""

    better: bool
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    comparison: Comparison | None = None

    def document(self) -> dict[str, Any]:
        compared = self.comparison
        checks = [asdict(one) | {"passed": one.passed} for one in compared.checks] if compared else []
        return {
            "better": self.better,
            "reason": self.reason,
            "before": self.before,
            "after": self.after,
            "comparison": asdict(compared) | {"checks": checks} if compared else None,
        }


def judge(policy: Policy, bench: Bench, before: IntentClassifier | None, after: OnnxIntentClassifier) -> Judgement:
    """``before`` None: there is no head that could serve this profile, so the new one only has to be better than guessing."""
    new = figures(policy, bench, after) if bench.rows else None
    if before is None:
        return _first(bench, new)
    old = figures(policy, bench, before) if bench.rows else None
    if len(bench.rows) < MIN_JUDGED:
        reason = (
            f"Only {len(bench.rows)} rows are held out that neither head was trained on (the texts that ship are known to the head that ships); "
            f"{MIN_JUDGED} are needed to tell which is better. "
            "Give more with --heldout."
        )
        return Judgement(False, reason, old, new)
    compared = compare(
        Served(before),
        Served(after),
        bench.features,
        bench.intents,
        bench.urgencies,
        out_of_scope=policy.thresholds.out_of_scope,
    )
    objections = list(compared.objections)
    if old and new and new["unsafe"] > old["unsafe"]:
        objections.append(
            f"{new['unsafe']} tickets would be answered that a person must handle, so far {old['unsafe']}"
        )
    if said := doubt(compared):
        objections.append(said)
    if objections:
        return Judgement(False, f"Not better: {'; '.join(objections)}.", old, new, compared)
    reason = (
        f"Better: {compared.errors_after} errors on {compared.n} held-out rows instead of {compared.errors_before} "
        f"(p = {compared.p_value:.3f}), and worse in nothing beyond chance."
    )
    return Judgement(True, reason, old, new, compared)


def doubt(compared: Comparison) -> str:
    """A few errors less and a worse mean log-loss are noise; empty when there is no such doubt."""
    gained = compared.errors_before - compared.errors_after
    loss = next((one for one in compared.checks if one.name == "log-loss"), None)
    if gained <= 0 or gained >= SMALL_GAIN * compared.n or loss is None or loss.after <= loss.before:
        return ""
    return (
        f"{gained} errors less on {compared.n} rows is under {SMALL_GAIN:.0%}, "
        f"and the mean log-loss is worse ({loss.before:.4f} -> {loss.after:.4f})"
    )


def figures(policy: Policy, bench: Bench, classifier: IntentClassifier) -> dict[str, Any]:
    """Those of the public contract; ``unsafe``: rows for a person that the line would answer, ``needless``: the other way round."""
    found = classifier.classify(bench.features)
    answered = [_answered(policy, one) for one in found]
    known = {intent.name: intent.always_escalate for intent in policy.intents}
    urgent = [(one.urgency, row.urgency) for one, row in zip(found, bench.rows, strict=True) if row.urgency]
    return dict(evaluate_heads(Served(classifier), bench.features, bench.intents)) | {
        "urgency_accuracy": round(sum(said == own for said, own in urgent) / len(urgent), 4) if urgent else None,
        "unsafe": sum(yes and known.get(row.intent, False) for yes, row in zip(answered, bench.rows, strict=True)),
        "needless": sum(
            not yes and known.get(row.intent) is False for yes, row in zip(answered, bench.rows, strict=True)
        ),
    }


def _first(bench: Bench, new: dict[str, Any] | None) -> Judgement:
    if new is None or new["accuracy"] is None:
        return Judgement(
            True, "The first head for this profile; no rows were held out, so nothing is known of it.", None, new
        )
    inside = [row.intent for row in bench.rows if row.intent not in {"out_of_scope", "oos"}]
    guess = max(map(inside.count, set(inside))) / len(inside)
    if len(inside) >= MIN_JUDGED and new["accuracy"] <= guess:
        reason = f"No better than guessing the most frequent intent: {new['accuracy']:.2f} on {len(inside)} held-out rows, guessing {guess:.2f}."
        return Judgement(False, reason, None, new)
    return Judgement(True, "The first head for this profile: there is none in use to compare it with.", None, new)


def _answered(policy: Policy, found: Classification) -> bool:
    """Would the line attempt it, for a customer of the free tier? Read as one message of one piece."""
    message = Message("", "", 1, "customer", "", datetime.fromtimestamp(0, UTC))
    classified = Classified(
        question="",
        vector=np.zeros(0, dtype=np.float32),  # routing reads none
        intent=found.intent,
        confidence=found.confidence,
        ranking=found.ranking,
        urgency=found.urgency,
        urgency_evidence="",
        out_of_scope=found.out_of_scope,
        wants_person=False,
    )
    return route(policy, Ticket(message), Identified(), classified).attempt
