"""The model card of intent heads, with what the policy makes of each intent, and its two pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.learned import IntentThresholds
from appliance.policy import Policy
from models.roles import Features
from models.training.card import CardFacts, DataFacts, Details, Value, figure_rows, write_card
from models.training.heads_report import Predicts, each_intent

_PICTURES = {
    "reliability.svg": "Reliability diagram: how often the classifier is right, by how sure it is",
    "confusion.svg": "Confusion matrix: which intents are taken for which",
}
_CHOSEN = frozenset({"kernel_gamma", "wording_share", "penalty"})
"""What cross-validation picks; the rest of the heads' notes is calibration."""
_LIMITS = (
    "It was measured on the rows named above. Tickets of another company, mix of intents or language may fare worse: measure on your own "
    "(`appliance eval routing`), and train on them (`appliance models train intent`).",
    "A threshold's promise holds for tickets that come like the held-out rows: the unsafe share depends on how often each intent is asked. "
    "It is given for each intent by itself, not for all of them at once.",
    "Where the same held-out rows chose between two heads and set the thresholds, or served for several trainings, the promise is a little "
    "weaker than stated: fresh rows restore it.",
    "Messages are cut to what the encoder reads (256 tokens) before they are classified; each sentence of a mixed message is read by itself too.",
)
ROLLBACK = "`appliance models rollback intent` brings back the heads that were in use before; `appliance models list` shows both."
SHIPPED_ROLLBACK = "These heads come with the appliance: install the version before. Heads that were trained on the box go before them."


def write_intent_card(
    folder: Path,
    policy: Policy,
    meta: Mapping[str, Any],
    *,
    heads: Predicts,
    features: Features,
    intents: Sequence[str],
    data: Sequence[DataFacts],
    figures: tuple[Mapping[str, Any] | None, Mapping[str, Any]],
    figures_on: str,
    learned: IntentThresholds | None = None,
    more: Sequence[Details] = (),
    limits: Sequence[str] = (),
    rollback: str = ROLLBACK,
) -> Path:
    """``MODEL_CARD.md`` and the pictures into ``folder``.

    ``heads`` were not fitted on the held-out rows (``features``, ``intents``); ``figures`` are (before or None, after) on the same rows;
    ``meta`` is what ``save_heads`` returned. Raises ``OSError``.
    """
    from models.training.charts import write_charts  # the drawing library: no command but this one should load it

    drawn = write_charts(folder, heads, features, intents)
    facts = CardFacts(
        title=f"Intent heads: {policy.name}",
        what=f"Kernel ridge regression on what a frozen encoder reads of a message (vectors of its layers, and the wording), "
        f"calibrated inside the graph: {len(meta['intents'])} intents, four levels of urgency and an out-of-scope score.",
        purpose=f"Sorting the tickets of {policy.title!r}, so that those which a person always handles reach one and the rest may be answered from the articles. Not for judging people.",
        revision=str(meta["revision"]),
        created=str(meta["created"]),
        encoder_revision=str(meta["encoder_revision"]),
        licence=str(meta["licence"]),
        data=data,
        method="One column an intent, one for given out-of-scope rows and one a level of urgency; kernel and penalty by leave-one-out likelihood, all calibration on leave-one-out predictions.",
        hyperparameters={name: value for name, value in meta["calibration"].items() if name in _CHOSEN},
        calibration={name: value for name, value in meta["calibration"].items() if name not in _CHOSEN},
        figures_on=figures_on,
        figures=figure_rows(*figures),
        details=(_intents(policy, heads, features, intents, learned), *more),
        limits=(*_LIMITS, *limits),
        rollback=rollback,
        pictures=[(path.name, _PICTURES[path.name]) for path in drawn],
    )
    return write_card(folder, facts)


def threshold_words(policy: Policy, intent: str, learned: IntentThresholds | None) -> str:
    """What an intent's confidence is held against for a customer without a tier of their own, in words."""
    if policy.always_person(intent, "free"):
        return "a person, always"
    found = learned.of(intent, "free") if learned else None
    if found is None:
        return f"{policy.declared(intent, 'free'):.2f} (profile)"
    proof = f"{found.unsafe} of {found.handled} unsafe, at most {found.bound:.1%}"
    if found.threshold is None:
        return f"not automated: at least {found.missing} more rows needed ({proof})"
    return f"{found.threshold:.2f} ({'profile' if found.declared else 'learnt'}; {proof})"


def threshold_rows(learned: IntentThresholds | None) -> list[dict[str, Any]]:
    """One row a tier and intent of what was learnt; ``over_budget``: the profile declares a threshold that the rows do not bear out."""
    if learned is None:
        return []
    return [
        {
            "tier": tier,
            "intent": intent,
            "threshold": one.threshold,
            "bound": round(one.bound, 4),
            "handled": one.handled,
            "unsafe": one.unsafe,
            "missing": one.missing,
            "declared": one.declared,
            "over_budget": one.declared and one.bound > learned.budget,
        }
        for tier, found in learned.tiers.items()
        for intent, one in found.items()
    ]


def _intents(
    policy: Policy, heads: Predicts, features: Features, intents: Sequence[str], learned: IntentThresholds | None
) -> Details:
    rows: list[tuple[Value, ...]] = [
        (one.intent, one.rows, one.precision, one.recall, threshold_words(policy, one.intent, learned))
        for one in each_intent(heads, features, intents)
    ]
    note = "Precision counts out-of-scope rows against the intent that they are taken for. The threshold is for customers without a tier of their own."
    if learned:
        note += f" Learnt for a risk budget of {learned.budget:.1%} at {learned.confidence:.0%} confidence, from {learned.source}."
    return Details("Intents", note, ("intent", "rows", "precision", "recall", "threshold"), rows)
