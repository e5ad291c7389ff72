"""What is judged was fitted by neither head, and what is proven is what serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from retraining_parts import Box, messages

from appliance.model_set import open_heads
from appliance.retraining.inuse import HeadsInUse, heads_in_use
from appliance.retraining.material import Row, collect, split
from models.standin import HashEncoder, StandInWarning


@pytest.fixture
def box(tmp_path: Path) -> Box:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder()
    return Box(tmp_path, encoder)


def active(box: Box) -> str:
    return open_heads(box.config, "garden", box.encoder).classifier.revision


def test_what_the_trial_head_was_given_back_is_not_judged_later(box: Box) -> None:
    """Of an intent with few rows those that the hash holds out are fitted; once it has many, they must not come up for judging."""
    rows = messages(5, seed=1, wrong=0.0)
    box.train(rows)
    found = heads_in_use(box.config, box.policy, box.encoder)
    assert isinstance(found, HeadsInUse)
    more = collect(box.policy, [Row(*row, "file") for row in rows + messages(60, seed=2)])
    _, judged = split(more.rows, more.groups, found.trial_seen)
    assert len(found.trial_seen) == len(rows)
    assert not {more.rows[at].mark for at in judged} & found.trial_seen
    assert {more.rows[at].mark for at in split(more.rows, more.groups)[1]} & found.trial_seen


def test_without_a_held_out_file_the_head_that_was_proven_is_the_one_that_serves(box: Box) -> None:
    found = box.train(messages(80, seed=1), risk_budget=0.05)
    folder = Path(found["folder"])
    assert found["result"] == "installed"
    assert (folder / "heads.onnx").read_bytes() == (folder / "trial" / "heads.onnx").read_bytes()
    assert found["rows"]["fitted"] + found["rows"]["held_out"] == 400
    assert len((folder / "seen.txt").read_text().split()) == found["rows"]["fitted"]
    assert "The head that serves is the one that was measured" in (folder / "MODEL_CARD.md").read_text()
    [row] = [row for row in found["thresholds"] if (row["tier"], row["intent"]) == ("free", "login")]
    assert (row["threshold"] is None) == (row["missing"] > 0)
    assert not row["over_budget"]


def test_a_head_in_use_is_held_to_a_budget_by_the_part_of_it_that_is_proven(box: Box) -> None:
    rows = messages(80, seed=1)
    first = box.train(rows)
    found = box.train(rows, risk_budget=0.05)
    assert (found["result"], found["risk_budget_in_force"]) == ("kept", 0.05)
    served, full = Path(found["folder"]).parent / found["active"], Path(first["folder"])
    assert (served / "heads.onnx").read_bytes() == (full / "trial" / "heads.onnx").read_bytes()
    assert found["active"] == active(box)


def test_held_out_rows_that_differ_from_fitted_ones_in_the_ticket_number_alone_are_not_judged(box: Box) -> None:
    rows = messages(30, seed=1)
    twins = [(f"Hi Kim,\n{text}, ticket 4711\nBest regards\nAnn", intent, level) for text, intent, level in rows]
    numbered = [(f"{text}, ticket 4712", intent, level) for text, intent, level in rows]
    assert box.train(numbered, heldout=twins + messages(10, seed=2))["rows"]["held_out"] == 50


def test_the_same_rows_are_no_reason_to_change(box: Box) -> None:
    rows = messages(40, seed=1)
    first = box.train(rows[::-1])
    again = box.train(rows, heldout=messages(30, seed=3))
    assert (again["result"], again["active"]) == ("kept", first["candidate"])
