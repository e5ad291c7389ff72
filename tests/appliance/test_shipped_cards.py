"""The command behind `make train-heads`: cards of shipped heads, and heads whose training text has changed since."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from appliance.retraining.shipped_cards import DATA, main
from models.catalog import WEIGHTS

TRAIN = DATA / "shop" / "train.csv"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The shipped weights, with heads that say they were trained on the text that lies here now."""
    copied = tmp_path / "weights"
    shutil.copytree(WEIGHTS / "encoder", copied / "encoder")
    shutil.copytree(
        WEIGHTS / "intent" / "shop", copied / "intent" / "shop", ignore=shutil.ignore_patterns("MODEL_CARD.md", "*.svg")
    )
    note(copied, data_sha256=hashlib.sha256(TRAIN.read_bytes()).hexdigest())
    return copied


def note(weights: Path, **facts: str) -> None:
    path = weights / "intent" / "shop" / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | facts), "utf-8")


@pytest.mark.slow
def test_a_card_with_figures_before_and_after_and_both_pictures(weights: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(weights / "intent", before)
    note(weights, revision="intent-shop-after")
    assert main(["shop", "--weights", str(weights), "--before", str(before)]) == 0
    folder = weights / "intent" / "shop"
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    for fact in (meta["revision"], meta["encoder_revision"], meta["data_sha256"], "a person, always", "Routing"):
        assert fact in card
    accuracy = next(line for line in card.splitlines() if line.startswith("| accuracy |")).split("|")
    assert accuracy[2] == accuracy[3], "the same heads on the same rows"
    assert (folder / "reliability.svg").is_file()
    assert (folder / "confusion.svg").is_file()
    for text in (TRAIN, DATA / "shop" / "heldout.csv"):
        sentences = [line for line in text.read_text("utf-8").splitlines() if len(line) > 60]
        assert not any(sentence[:50] in card for sentence in sentences)


def test_heads_of_another_training_text_get_no_card(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note(weights, data_sha256="0" * 64)
    assert main(["shop", "--weights", str(weights)]) == 1
    assert "were not trained on shop/train.csv as it is now" in capsys.readouterr().err
    assert not (weights / "intent" / "shop" / "MODEL_CARD.md").exists()
