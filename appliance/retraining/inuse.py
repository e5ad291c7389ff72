"""The intent heads in use, as a new head is held against them: what they have seen, and which of them may be judged on which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from appliance.config import Config
from appliance.heads import TRIAL, Heads, budget_in_use, intent_shelf, usable_heads
from appliance.learned import IntentThresholds, read_thresholds
from appliance.model_set import open_catalog
from appliance.policy import Policy
from appliance.retraining.material import Row, read_material
from models.classifier import OnnxIntentClassifier
from models.errors import ModelRefused
from models.installed import SHIPPED, Shelf
from models.roles import Encoder, Features, IntentClassifier

SEEN = "seen.txt"
"""One short hash a text that the heads were fitted on: a later held-out file is judged without them."""


@dataclass(frozen=True, slots=True)
class HeadsInUse:
    """``heads`` are what customers meet; ``trial`` is the same without the held-out part, None where there is none.

    ``seen``: ``mark`` of the texts that ``heads`` were fitted on; ``trial_seen``: the same of ``trial``.
    """

    heads: Heads
    trial: OnnxIntentClassifier | None
    seen: frozenset[str]
    trial_seen: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.heads.classifier.revision if self.heads.installed else SHIPPED

    @property
    def notice(self) -> str:
        return self.heads.notice

    @property
    def learned(self) -> IntentThresholds | None:
        """The thresholds that they are held to."""
        return read_thresholds(self.heads.folder)

    @property
    def budget(self) -> float | None:
        """The risk budget that they are held to, or that was lost with the installed ones whose place they take."""
        learned = self.learned
        return learned.budget if learned else self.heads.lost

    def judged(self, *, from_file: bool) -> tuple[IntentClassifier, frozenset[str]]:
        """(the head to judge, the texts that it has seen among rows that may be held out).

        Rows held out by their hash are judged by the trial head: it has seen few of them, those that an intent with few rows got back.
        """
        if from_file or self.trial is None:
            return self.heads.classifier, self.seen
        return self.trial, self.trial_seen


@dataclass(frozen=True, slots=True)
class Refused:
    """Heads that were installed and cannot serve this profile. ``notice``: why. ``budget``: the risk budget that they were held to."""

    name: str
    notice: str
    budget: float | None


def mark(row: Row) -> str:
    """A short print, the same for twins: a quarter of a megabyte for the most rows that are ever fitted."""
    return row.mark


def heads_in_use(config: Config, policy: Policy, encoder: Encoder) -> HeadsInUse | Refused | None:
    """None when nothing was ever installed and nothing that ships could serve this profile; ``Refused`` when something was, and cannot.

    Raises ``ModelRefused`` when ``active.json`` cannot be understood and a risk budget may be lost with it.
    """
    catalog = open_catalog(config)
    shelf = intent_shelf(config.data, policy.name, catalog)
    try:
        heads = usable_heads(config.data, policy.name, encoder.revision, catalog)
    except ModelRefused as fault:
        return _refused(shelf, fault.message)
    if foreign := set(heads.classifier.intents) - {intent.name for intent in policy.intents}:
        return _refused(shelf, f"They know intents that the profile has not: {', '.join(sorted(foreign))}.")
    if not heads.installed:
        texts = shipped_texts(policy.name)
        rows = read_material(texts, policy) if texts.is_file() else []
        return HeadsInUse(heads, None, frozenset(map(mark, rows)))
    trial = None
    if (heads.folder / TRIAL).is_dir():
        trial = OnnxIntentClassifier.open(heads.folder / TRIAL, encoder_revision=encoder.revision)
    seen = frozenset((heads.folder / SEEN).read_text("ascii").split())
    own = heads.folder / TRIAL / SEEN
    return HeadsInUse(heads, trial, seen, frozenset(own.read_text("ascii").split()) if own.is_file() else seen)


def _refused(shelf: Shelf, reason: str) -> Refused | None:
    """None where nothing was installed, so that the next head is the first."""
    active, budget = shelf.in_use().active, budget_in_use(shelf)
    notice = f"The installed intent heads cannot serve: {reason}"
    return None if active in {None, SHIPPED} else Refused(str(active), notice, budget)


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
