"""Writes the model cards and pictures of the intent heads that ship, with figures on the held-out files of their profiles.

python -m appliance.retraining.shipped_cards saas it_helpdesk shop [--weights DIR] [--before DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from appliance.evaluation.routing import figures as routing_figures
from appliance.evaluation.routing import judged
from appliance.policy import Policy, load_policy
from appliance.retraining.cards import SHIPPED_ROLLBACK, write_intent_card
from models.catalog import WEIGHTS
from models.classifier import OnnxIntentClassifier
from models.encoder import OnnxEncoder
from models.errors import ModelFault, ModelRefused
from models.features import read_features
from models.roles import URGENCIES, Encoder, Features
from models.training.card import DataFacts, Details
from models.training.heads_report import evaluate_heads
from models.training.rows import LabelledTexts, read_rows
from models.training.served import Served

DATA = Path(__file__).parents[2] / "models" / "training" / "data"
_ORIGIN = {
    "train.csv": "written for this project about a fictional company; no customer's text",
    "heldout.csv": "written apart from the training text, on purpose terse and indirect; not fitted on",
}


def write_shipped(profile: str, encoder: Encoder, weights: Path, before: Path | None) -> Path:
    """The card of one profile. ``before``: folder of the heads (one a profile) that these replace. Raises ``ModelRefused``, ``OSError``."""
    policy, folder = load_policy(profile), weights / "intent" / profile
    classifier = OnnxIntentClassifier.open(folder, encoder_revision=encoder.revision)
    heads = Served(classifier)
    held = read_rows(DATA / profile / "heldout.csv")
    features = read_features(encoder, held.texts)
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    data = [_data(DATA / profile / name) for name in _ORIGIN]
    if data[0].sha256 != meta["data_sha256"]:
        raise ModelRefused(
            f"The heads in {folder} were not trained on {data[0].name} as it is now.", remedy="Run make train-heads."
        )
    old, why = _old(before / profile if before else None, classifier.revision, encoder, features, held)
    return write_intent_card(
        folder,
        policy,
        meta,
        heads=heads,
        features=features,
        intents=held.intents,
        data=data,
        figures=(old, _figures(heads, features, held)),
        figures_on=f"Measured on `heldout.csv`.{why}",
        more=[_routing(policy, encoder, classifier, held)],
        limits=["English only."],
        rollback=SHIPPED_ROLLBACK,
    )


def _old(
    folder: Path | None, revision: str, encoder: Encoder, features: Features, held: LabelledTexts
) -> tuple[Mapping[str, Any] | None, str]:
    """Figures of the heads that were replaced, on the same rows, and a sentence about them."""
    if folder is None or not folder.is_dir():
        return None, ""
    try:
        before = OnnxIntentClassifier.open(folder, encoder_revision=encoder.revision)
    except ModelFault:
        return None, " The heads before these were made for another encoder and cannot be measured beside them."
    if before.revision == revision:
        return None, ""
    return _figures(Served(before), features, held), f" Before: `{before.revision}`, on the same rows."


def _figures(heads: Served, features: Features, held: LabelledTexts) -> dict[str, Any]:
    figures: dict[str, Any] = dict(evaluate_heads(heads, features, held.intents))
    if held.urgencies is not None:
        guessed = np.array(URGENCIES)[heads.predict(features)[1].argmax(axis=1)]
        figures["urgency_accuracy"] = round(float((guessed == np.array(held.urgencies)).mean()), 4)
    return figures


def _routing(policy: Policy, encoder: Encoder, classifier: OnnxIntentClassifier, held: LabelledTexts) -> Details:
    found = routing_figures(judged(policy, encoder, classifier, held, "free"))
    rows = [
        (
            "unsafe: should have gone to a person, did not",
            found["unsafe"],
            _percent(found["unsafe_auto_handle_rate_interval"]),
        ),
        (
            "unnecessary: went to a person, need not have",
            found["unnecessary"],
            _percent(found["unnecessary_escalation_rate_interval"]),
        ),
        (
            "unsafe among those attempted",
            found["unsafe_of_handled"],
            _percent(found["unsafe_share_of_handled_interval"]),
        ),
    ]
    note = "Through the line's own stations, at the profile's thresholds; after an attempt, retrieval and grounding may still hand over, so unsafe can only shrink and unnecessary only grow."
    return Details("Routing", note, ("what", "tickets", "95 % interval"), rows)


def _percent(ends: list[float] | None) -> str | None:
    return f"{ends[0]:.1%} to {ends[1]:.1%}" if ends else None


def _data(file: Path) -> DataFacts:
    rows = read_rows(file)
    counts = dict(sorted(Counter(rows.intents).items()))
    return DataFacts(
        f"{file.parent.name}/{file.name}",
        hashlib.sha256(file.read_bytes()).hexdigest(),
        len(rows.texts),
        _ORIGIN[file.name],
        counts,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m appliance.retraining.shipped_cards", description=__doc__)
    parser.add_argument("profiles", nargs="+")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--before", type=Path)
    given = parser.parse_args(arguments)
    try:
        encoder = OnnxEncoder.open(given.weights / "encoder")
        for profile in given.profiles:
            sys.stdout.write(f"{write_shipped(profile, encoder, given.weights, given.before)}\n")
    except (ModelFault, OSError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
