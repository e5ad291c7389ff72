"""The intent heads in use, as a new head is held against them: what they have seen, and which of them may be judged on which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from appliance.config import Config
from appliance.heads import TRIAL, Heads
from appliance.learned import read_thresholds
from appliance.model_set import open_heads
from appliance.policy import Policy
from appliance.retraining.material import Row, read_material
from models.classifier import OnnxIntentClassifier
from models.errors import ModelRefused
from models.installed import SHIPPED
from models.roles import Encoder, Features, IntentClassifier

SEEN = "seen.txt"
"""One short hash a text that the heads were fitted on: a later held-out file is judged without them."""


@dataclass(frozen=True, slots=True)
class HeadsInUse:
    """``heads`` are what customers meet; ``trial`` is the same without the held-out part, None where there is none. ``seen``: ``mark`` of their texts."""

    heads: Heads
    trial: OnnxIntentClassifier | None
    seen: frozenset[str]

    @property
    def name(self) -> str:
        return self.heads.classifier.revision if self.heads.installed else SHIPPED

    @property
    def budget(self) -> float | None:
        """The risk budget that they are held to."""
        learned = read_thresholds(self.heads.folder)
        return learned.budget if learned else None

    def judged(self, *, from_file: bool) -> tuple[IntentClassifier, frozenset[str]]:
        """(the head to judge, the texts that it has seen among rows that may be held out).

        Rows held out by their hash are judged by the trial head, to which none of them was ever shown.
        """
        if from_file or self.trial is None:
            return self.heads.classifier, self.seen
        return self.trial, frozenset()


def mark(row: Row) -> str:
    """A short print: a quarter of a megabyte for the most rows that are ever fitted."""
    return row.print[:16]


def heads_in_use(config: Config, policy: Policy, encoder: Encoder) -> HeadsInUse | None:
    """None when no head could serve this profile: none ships and none was trained, or it names intents that the profile has not."""
    try:
        heads = open_heads(config, policy.name, encoder)
    except ModelRefused:
        return None
    if set(heads.classifier.intents) - {intent.name for intent in policy.intents}:
        return None
    if not heads.installed:
        texts = shipped_texts(policy.name)
        rows = read_material(texts, policy) if texts.is_file() else []
        return HeadsInUse(heads, None, frozenset(map(mark, rows)))
    trial = None
    if (heads.folder / TRIAL).is_dir():
        trial = OnnxIntentClassifier.open(heads.folder / TRIAL, encoder_revision=encoder.revision)
    return HeadsInUse(heads, trial, frozenset((heads.folder / SEEN).read_text("ascii").split()))


def with_urgencies(rows: Sequence[Row], features: Features, in_use: HeadsInUse | None) -> list[Row]:
    """Rows that do not say how urgent they are keep the word of the head in use: training on categories alone must not cost its urgency."""
    if not any(row.urgency for row in rows) and in_use is None:
        return list(rows)
    blank = [at for at, row in enumerate(rows) if not row.urgency]
    said = [one.urgency for one in in_use.heads.classifier.classify(features[blank])] if in_use else []
    filled = list(rows)
    for number, at in enumerate(blank):
        filled[at] = replace(rows[at], urgency=said[number] if said else "normal")
    return filled


def shipped_texts(profile: str) -> Path:
    """Where the training texts of a profile lie that ships; the file is not there for any other."""
    return Path(str(resources.files("models.training") / "data")) / profile / "train.csv"
