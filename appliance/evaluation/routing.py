"""Who would get an answer and who a person: routing measured on labelled tickets, by the line's own stations.

What counts (Q5): unsafe is a ticket that should have gone to a person and did not, so its true intent is one that a person always
handles; unnecessary is a ticket that should not have, and did. Questions that are out of scope are a group of their own: no person has
to have them, and nobody is harmed when one gets none, so they count in neither rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from appliance.config import Config
from appliance.evaluation.figures import share
from appliance.learned import read_thresholds
from appliance.line.rehearsal import Rehearsed, decide, read
from appliance.model_set import open_catalog, open_heads
from appliance.policy import Policy, load_policy
from appliance.rerankers import open_encoder
from appliance.ticket import Tier
from models.features import read_messages
from models.roles import Encoder, IntentClassifier
from models.training.heads import OUT_OF_SCOPE_LABELS
from models.training.risk import interval
from models.training.rows import LabelledTexts, read_rows

Group = Literal["person", "ours", "foreign"]


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled ticket and its route. ``true`` is the intent on the label."""

    true: str
    group: Group
    rehearsed: Rehearsed

    @property
    def attempted(self) -> bool:
        return self.rehearsed.routed.attempt


def measure(config: Config, cases: Path, *, tier: Tier = "free") -> dict[str, Any]:
    """The figures for a CSV of text,intent[,urgency]. Raises ``ModelRefused`` for rows or models that cannot be used, ``ConfigInvalid``."""
    policy = load_policy(config.profile)
    rows = read_rows(cases, known={intent.name for intent in policy.intents})
    encoder = open_encoder(config, open_catalog(config))
    heads = open_heads(config, policy.name, encoder)
    for name in heads.classifier.intents:
        policy.intent(name)  # heads of another profile: refused here as at the start of the appliance
    if learned := read_thresholds(heads.folder):
        policy = policy.with_learned(learned, revision=heads.classifier.revision)
    return {
        "profile": policy.name,
        "tier": tier,
        "heads": heads.classifier.revision,
        "thresholds": "learnt" if policy.learned else "profile",
        **figures(judged(policy, encoder, heads.classifier, rows, tier)),
    }


def judged(
    policy: Policy, encoder: Encoder, classifier: IntentClassifier, rows: LabelledTexts, tier: Tier
) -> list[Case]:
    """Every row through the stations, with what its label says of it."""
    texts = read(lambda asked: read_messages(encoder, asked), classifier.classify, rows.texts)
    found = decide(policy, texts, tier)
    return [Case(true, _group(policy, true, tier), one) for true, one in zip(rows.intents, found, strict=True)]


def figures(cases: Sequence[Case]) -> dict[str, Any]:
    """Rates with their exact 95 % intervals; a rate without data is None."""
    person, ours, foreign = ([one for one in cases if one.group == group] for group in ("person", "ours", "foreign"))
    unsafe = sum(one.attempted for one in person)
    handled = unsafe + sum(one.attempted for one in ours)
    unnecessary = sum(not one.attempted for one in ours)
    return {
        "n": len(cases),
        **_rate("unsafe", "unsafe_auto_handle_rate", unsafe, len(person)),
        **_rate("unnecessary", "unnecessary_escalation_rate", unnecessary, len(ours)),
        **_rate("unsafe_of_handled", "unsafe_share_of_handled", unsafe, handled),
        "out_of_scope": {
            "n": len(foreign),
            "declined_unless_covered": sum(one.attempted and one.rehearsed.routed.doubtful for one in foreign),
            "handed_over": sum(not one.attempted for one in foreign),
            "attempted": sum(one.attempted and not one.rehearsed.routed.doubtful for one in foreign),
        },
        "rules": dict(Counter(one.rehearsed.routed.decision.rule for one in cases).most_common()),
        "intents": {
            name: _intent([one for one in cases if one.true == name])
            for name in sorted({one.true for one in cases} - OUT_OF_SCOPE_LABELS)
        },
    }


def _intent(cases: Sequence[Case]) -> dict[str, Any]:
    """``wrong``: attempted although a person handles this intent, or handed over although none has to."""
    person = cases[0].group == "person"
    return {
        "n": len(cases),
        "person": person,
        "recognised": sum(one.rehearsed.classified.intent == one.true for one in cases),
        "attempted": sum(one.attempted for one in cases),
        **_rate("wrong", "wrong_rate", sum(one.attempted == person for one in cases), len(cases)),
    }


def _rate(count: str, rate: str, part: int, whole: int) -> dict[str, Any]:
    exact = [round(end, 4) for end in interval(part, whole)] if whole else None
    return {rate: share(part, whole), count: f"{part}/{whole}", f"{rate}_interval": exact}


def _group(policy: Policy, intent: str, tier: Tier) -> Group:
    if intent in OUT_OF_SCOPE_LABELS:
        return "foreign"
    return "person" if policy.always_person(intent, tier) else "ours"
