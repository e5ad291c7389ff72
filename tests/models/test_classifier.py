"""Heads that do not fit: another encoder, other labels, a damaged file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tiny

from models.classifier import OnnxIntentClassifier
from models.errors import ModelRefused


def test_labels_probabilities_and_scope(tmp_path: Path) -> None:
    classifier = OnnxIntentClassifier.open(tiny.intent_folder(tmp_path), encoder_revision="tiny-1")
    red, blue = classifier.classify(np.array([[1, 0, 0.25], [0, 1, 1.5]], dtype=np.float32))
    assert (red.intent, blue.intent) == ("red", "blue")
    assert red.confidence > 0.99
    assert red.urgency == "high"
    assert (red.out_of_scope, blue.out_of_scope) == (0.25, 1.0)


def test_many_rows_are_classified_in_order(tmp_path: Path) -> None:
    classifier = OnnxIntentClassifier.open(tiny.intent_folder(tmp_path), encoder_revision="tiny-1")
    rows = np.tile(np.array([[1, 0, 0.25], [0, 1, 1.5]], dtype=np.float32), (1_500, 1))
    assert [one.intent for one in classifier.classify(rows)] == ["red", "blue"] * 1_500
    assert classifier.classify(rows[:0]) == []


def test_heads_of_another_encoder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"trained on encoder tiny-1, but the encoder in use is new-2.*models train"):
        OnnxIntentClassifier.open(tiny.intent_folder(tmp_path), encoder_revision="new-2")


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"intents": ["red", "blue", "green"]}, "has 2 intents, its meta.json names 3"),
        ({"intents": ["red", "red"]}, "intents must be distinct"),
        ({"intents": []}, "intents must be distinct"),
        ({"urgencies": ["low", "normal"]}, "urgencies must be"),
        ({"heads_sha256": "0" * 64}, "heads.onnx is damaged"),
        ({"dimension": 4}, "does not take rows of 4 numbers"),
    ],
)
def test_wrong_meta_is_refused(tmp_path: Path, meta: dict[str, object], message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        OnnxIntentClassifier.open(tiny.intent_folder(tmp_path, **meta), encoder_revision="tiny-1")


def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    tiny.save(tiny.ENCODER, tiny.intent_folder(tmp_path) / "heads.onnx")
    with pytest.raises(ModelRefused, match="not the expected inputs and outputs"):
        OnnxIntentClassifier.open(tmp_path, encoder_revision="tiny-1")


def test_the_recorded_hash_lets_good_heads_in(tmp_path: Path) -> None:
    folder = tiny.intent_folder(tmp_path)
    digest = hashlib.sha256((folder / "heads.onnx").read_bytes()).hexdigest()
    tiny.intent_folder(tmp_path, heads_sha256=digest)
    assert OnnxIntentClassifier.open(folder, encoder_revision="tiny-1").intents == ("red", "blue")
