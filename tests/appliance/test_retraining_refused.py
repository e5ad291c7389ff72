"""Installed heads that cannot serve, or whose rules have changed: no risk budget is lost, and nothing is installed unjudged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from retraining_parts import Box, messages

from appliance.errors import ConfigInvalid
from appliance.heads import Heads, installed_heads, intent_shelf, open_heads
from appliance.learned import read_thresholds
from appliance.model_set import open_catalog
from models.errors import ModelRefused
from models.installed import SHIPPED
from models.standin import HashEncoder, StandInWarning


@pytest.fixture
def box(tmp_path: Path) -> Box:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder()
    return Box(tmp_path, encoder)


def damage(found: dict[str, object]) -> None:
    (Path(str(found["folder"])) / "heads.onnx").write_bytes(b"another file")


def as_saas(box: Box) -> None:
    """The same shelf for a profile whose heads ship, with the encoder that those were made for."""
    catalog = open_catalog(box.config)
    box.shelf.rename(box.shelf.parent / "saas")
    meta = json.loads((catalog.weights / "intent/saas/meta.json").read_text())
    box.encoder.revision = meta["encoder_revision"]  # type: ignore[misc] # as the shipped encoder


def opened(box: Box, profile: str) -> Heads:
    return open_heads(box.config.data, profile, box.encoder.revision, open_catalog(box.config))


def with_threshold(box: Box) -> None:
    text = box.profile.read_text() + "\n[thresholds]\npart = 0.41\n"
    box.profile.write_text(text)


def test_heads_that_ship_do_not_take_the_place_of_damaged_ones_with_a_budget(box: Box) -> None:
    damage(box.train(messages(30, seed=1), heldout=messages(80, seed=3), risk_budget=0.05))
    as_saas(box)
    with pytest.raises(ModelRefused, match=r"heads\.onnx is not the file.*risk budget of 5\.0%") as refused:
        opened(box, "saas")
    assert "models train intent" in refused.value.remedy


def test_heads_installed_before_the_shelf_told_the_budget_do_not_lose_it_either(box: Box) -> None:
    damage(box.train(messages(30, seed=1), heldout=messages(80, seed=3), risk_budget=0.05))
    path = box.shelf / "active.json"
    told = json.loads(path.read_text())
    assert told.pop("budget") == 0.05
    path.write_text(json.dumps(told))
    as_saas(box)
    with pytest.raises(ModelRefused, match="risk budget"):
        opened(box, "saas")


def test_an_unreadable_active_json_loses_no_budget(box: Box) -> None:
    box.train(messages(30, seed=1), heldout=messages(80, seed=3), risk_budget=0.05)
    (box.shelf / "active.json").write_text("{")
    as_saas(box)
    with pytest.raises(ModelRefused, match=r"active\.json does not say"):
        opened(box, "saas")


def test_a_note_in_the_card_leaves_the_installed_heads_and_their_budget(box: Box) -> None:
    found = box.train(messages(30, seed=1), heldout=messages(80, seed=3), risk_budget=0.05)
    with (Path(found["folder"]) / "MODEL_CARD.md").open("a") as card:
        card.write(" ")
    heads = opened(box, "garden")
    assert (heads.installed, read_thresholds(heads.folder) is not None) == (True, True)


def test_a_damaged_head_keeps_its_place_and_its_budget_in_the_next_training(box: Box) -> None:
    first = box.train(messages(30, seed=1), heldout=messages(80, seed=3), risk_budget=0.05)
    damage(first)
    poor = box.train(messages(7, seed=4, wrong=0.3))
    assert (poor["result"], poor["active"], poor["risk_budget"]) == ("kept", first["candidate"], 0.05)
    assert "cannot serve" in poor["reason"]
    assert "heads.onnx" in poor["notice"]
    good = box.train(messages(30, seed=5), heldout=messages(80, seed=3))
    assert (good["result"], good["previous"]) == ("installed", first["candidate"])
    assert good["risk_budget_in_force"] == 0.05


def test_a_risk_budget_without_rows_to_prove_it_installs_nothing(box: Box) -> None:
    rows = messages(10, seed=1)
    found = box.train(rows, heldout=rows, risk_budget=0.05)
    assert (found["result"], found["active"]) == ("kept", None)
    assert "keep the risk budget" in found["reason"]


def test_after_a_change_of_rules_the_printed_command_works(box: Box) -> None:
    rows, held = messages(60, seed=1), messages(80, seed=3)
    first = box.train(rows, heldout=held, risk_budget=0.05)
    with_threshold(box)
    old = read_thresholds(Path(first["folder"]))
    assert old is not None
    with pytest.raises(ConfigInvalid) as refused:
        box.policy.with_learned(old, revision=first["active"])
    assert "models train intent --train messages.csv --risk-budget 0.05" in refused.value.remedy
    again = box.train(rows, heldout=held, risk_budget=0.05)
    assert again["active"] != first["active"]
    assert "learnt anew" in again["reason"]
    heads = opened(box, "garden")
    learned = read_thresholds(heads.folder)
    assert learned is not None
    assert box.policy.with_learned(learned, revision=heads.classifier.revision).learned == learned


def test_after_a_change_of_rules_no_heldout_file_is_needed(box: Box) -> None:
    rows = messages(80, seed=1)
    first = box.train(rows, risk_budget=0.2)
    with_threshold(box)
    again = box.train(rows, risk_budget=0.2)
    learned = read_thresholds(opened(box, "garden").folder)
    assert again["active"] != first["active"]
    assert learned is not None
    assert learned.policy == box.policy.rules_digest


def test_a_list_tells_heads_of_another_encoder(box: Box) -> None:
    box.train(messages(30, seed=1))
    found = [one.status for one in installed_heads(box.config.data, "another-encoder-2")]
    assert [(one.ok, "another-encoder-2" in one.detail) for one in found] == [(False, True)]
    assert [one.status.ok for one in installed_heads(box.config.data, box.encoder.revision)] == [True]
    assert intent_shelf(box.config.data, "garden", open_catalog(box.config)).in_use().active != SHIPPED
