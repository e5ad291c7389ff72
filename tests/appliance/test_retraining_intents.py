"""Training heads on the box: what is installed, what stays, and that nothing half-made ever serves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from retraining_parts import NOW, TOPICS, Box, messages

from appliance.errors import Conflict, InputInvalid
from appliance.heads import installed_heads, intent_shelf
from appliance.learned import read_thresholds
from appliance.model_set import open_catalog, open_heads
from appliance.policy import load_policy
from appliance.retraining.intents import Order
from appliance.retraining.inuse import heads_in_use, mark, shipped_texts
from appliance.retraining.lock import training_lock
from appliance.retraining.material import Row, collect, grouped, read_material, split
from appliance.store.corrections import Example
from models.errors import ModelRefused
from models.installed import SHIPPED
from models.standin import HashEncoder, StandInWarning

ROOT = Path(__file__).parents[2]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder()
    return Box(tmp_path, encoder)


def active(box: Box) -> str:
    return open_heads(box.config, "garden", box.encoder).classifier.revision


def test_the_first_head_of_a_profile_has_no_rival_and_serves(box: Box) -> None:
    found = box.train(messages(30, seed=1))
    assert found["result"] == "installed"
    assert found["before"] is None
    assert found["after"]["accuracy"] > 0.9
    assert active(box) == found["candidate"] == found["active"]
    folder = Path(found["folder"])
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["figures"] == found["after"]
    assert meta["rows_per_intent"]["dispute"] == 30
    assert {"heads.onnx", "meta.json", "files.json", "trial"} <= {path.name for path in folder.iterdir()}


def test_a_better_head_takes_over_and_a_roll_back_brings_the_old_one_back(box: Box) -> None:
    first = box.train(messages(30, seed=1, wrong=0.45))
    second = box.train(messages(60, seed=2), heldout=messages(30, seed=3))
    assert second["result"] == "installed"
    assert second["comparison"]["errors_after"] < second["comparison"]["errors_before"]
    assert active(box) == second["candidate"]
    shelf = intent_shelf(box.config.data, "garden", open_catalog(box.config))
    assert shelf.roll_back().active == first["candidate"] == active(box)
    assert shelf.roll_back().active == second["candidate"] == active(box)


def test_a_worse_head_lies_beside_the_old_one_and_does_not_serve(box: Box) -> None:
    first = box.train(messages(60, seed=1))
    second = box.train(messages(30, seed=2, wrong=0.6), heldout=messages(30, seed=3))
    assert second["result"] == "kept"
    assert second["before"]["accuracy"] > second["after"]["accuracy"]
    assert second["reason"].startswith("Not better: ")
    assert active(box) == first["candidate"] == second["active"]
    assert (Path(second["folder"]) / "heads.onnx").is_file()


def test_without_a_heldout_file_both_are_judged_on_texts_that_neither_has_seen(box: Box) -> None:
    """The head in use was fitted on every one of these rows; judged as it serves, it could not be beaten."""
    rows = messages(40, seed=1, wrong=0.45)
    box.train(rows)
    mended = [(text, _true(text), urgency) for text, _, urgency in rows]
    found = box.train(mended + messages(40, seed=2))
    assert found["result"] == "installed", found["reason"]
    assert found["rows"]["held_out_from"] == "one text in five, by its hash"


def test_the_same_rows_again_change_nothing(box: Box) -> None:
    rows = messages(30, seed=1)
    first = box.train(rows)
    again = box.train(rows)
    assert (again["result"], again["candidate"]) == ("kept", first["candidate"])
    assert "the very head" in again["reason"]


def test_too_few_held_out_rows_keep_the_old_head(box: Box) -> None:
    box.train(messages(30, seed=1))
    found = box.train(messages(60, seed=2), heldout=messages(2, seed=3))
    assert found["result"] == "kept"
    assert "Only 10 rows are held out" in found["reason"]


def test_held_out_rows_that_were_trained_on_are_not_judged(box: Box) -> None:
    rows, others = messages(30, seed=1), messages(10, seed=2)
    assert box.train(rows, heldout=rows[:20] + others)["rows"]["held_out"] == len(others)


def test_rows_without_urgency_do_not_cost_the_urgency_of_the_head_in_use(box: Box) -> None:
    box.train(messages(30, seed=1, wrong=0.45))
    order = Order((box.csv(messages(60, seed=2), header=("text", "intent")),), heldout=box.csv(messages(30, seed=3)))
    found = box.order(order)
    assert found["result"] == "installed", found["reason"]
    assert found["after"]["urgency_accuracy"] > 0.9


def test_corrections_go_before_the_file_and_foreign_ones_are_left_out(box: Box) -> None:
    rows = messages(10, seed=1)
    text = rows[0][0]
    corrections = [
        Example(text, "login", "low"),
        Example(text.upper() + " ", "dispute", "high"),
        Example("an old one", "an_intent_of_another_profile", "low"),
    ]
    found = box.train(rows, corrections=corrections)
    assert found["rows"]["corrections_left_out"] == 1
    assert found["rows"]["duplicates"] == 2
    assert found["rows"]["per_source"]["agents' corrections"] == 1
    meta = json.loads((Path(found["folder"]) / "meta.json").read_text())
    assert (meta["rows_per_intent"]["dispute"], meta["rows_per_intent"].get("login")) == (11, 10)


def test_a_head_of_another_encoder_never_serves(box: Box) -> None:
    box.train(messages(20, seed=1))
    box.encoder.revision = "another-encoder-2"  # type: ignore[misc] # as after an upgrade
    with pytest.raises(
        ModelRefused, match=r"trained on encoder stand-in-hash-1.*another-encoder-2.*models train intent"
    ):
        open_heads(box.config, "garden", box.encoder)


def test_where_heads_ship_a_damaged_installed_one_gives_way_to_them_aloud(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = open_catalog(box.config)
    shelf = intent_shelf(box.config.data, "saas", catalog)
    folder = Path(box.train(messages(20, seed=1))["folder"])
    shelf.folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.rename(shelf.folder)
    (shelf.path(folder.name) / "heads.onnx").write_bytes(b"another file")
    revision = json.loads((catalog.weights / "intent/saas/meta.json").read_text())["encoder_revision"]
    box.encoder.revision = revision  # type: ignore[misc]
    found = open_heads(box.config, "saas", box.encoder)
    assert (found.installed, found.folder) == (False, catalog.weights / "intent/saas")
    assert "heads.onnx is not the file that was installed" in found.notice
    assert found.notice in caplog.text
    assert [one.status.ok for one in installed_heads(box.config.data)] == [False]


def test_heads_that_ship_are_not_judged_on_the_texts_that_they_were_trained_on(box: Box) -> None:
    shipped = json.loads((open_catalog(box.config).weights / "intent/saas/meta.json").read_text())
    box.encoder.revision = shipped["encoder_revision"]  # type: ignore[misc]
    policy = load_policy("saas")
    found = heads_in_use(box.config, policy, box.encoder)
    assert found is not None
    assert found.name == SHIPPED
    for from_file in (True, False):
        head, seen = found.judged(from_file=from_file)
        assert head is found.heads.classifier
        assert {mark(row) for row in read_material(shipped_texts("saas"), policy)} == seen


def test_an_installed_head_is_judged_by_its_trial_head_where_rows_are_held_out_by_hash(box: Box) -> None:
    rows = messages(20, seed=1)
    box.train(rows)
    found = heads_in_use(box.config, box.policy, box.encoder)
    assert found is not None
    trial, fitted = found.judged(from_file=False)
    assert trial is found.trial
    kept, _ = split(read := collect(box.policy, [Row(*row, "file") for row in rows]).rows, grouped(read))
    assert fitted == {read[at].mark for at in kept} < found.seen
    head, seen = found.judged(from_file=True)
    assert (head, len(seen)) == (found.heads.classifier, len(rows))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (messages(30, seed=1, topics=("login",)), "one class only: login"),
        (messages(1, seed=1), r"Fewer than 5 rows for 5 intents .* billing \(1\)"),
        (messages(30, seed=1, topics=("login", "billing", "returns")), r"2 intents .*: delivery \(0\), dispute \(0\)"),
    ],
)
def test_rows_that_no_honest_head_can_be_made_of(box: Box, rows: list[tuple[str, str, str]], said: str) -> None:
    before = box.train(messages(20, seed=9))["candidate"]
    with pytest.raises(InputInvalid, match=said) as refused:
        box.train(rows)
    assert refused.value.remedy
    assert active(box) == before
    assert leftovers(box) == []


def test_a_text_of_a_megabyte_is_refused_and_one_of_some_pages_is_cut(box: Box) -> None:
    rows = messages(10, seed=1)
    for words, said in (
        (200_000, "line 52 has more than 1,000,000 characters"),
        (30_000, "beyond row 51: field larger .*131,072"),
    ):
        with pytest.raises(ModelRefused, match=said) as refused:
            box.train([*rows, ("word " * words, "login", "low")])
        assert refused.value.remedy
    assert box.train([*rows, ("password " * 10_000, "login", "low")])["rows"]["fitted"] == 51


def test_characters_that_no_keyboard_has_are_read(box: Box) -> None:
    rows = messages(10, seed=1)
    odd = [
        (f"password {text}", "login", "low")
        for text in ("\x00\x01", "\ufeff\u202e", "🤷🏽‍♀️" * 50, "\U0010ffff", "a\u0301" * 99)
    ]
    assert box.train(rows + odd)["rows"]["fitted"] == 55


def test_a_second_training_is_told_who_holds_the_lock(box: Box) -> None:
    with (
        training_lock(box.shelf, now=NOW),
        pytest.raises(Conflict, match=rf"process {os.getpid()} since 2026-11-23 16:00 UTC"),
    ):
        box.train(messages(10, seed=1))
    assert box.train(messages(10, seed=1))["result"] == "installed"


def test_a_risk_budget_is_part_of_the_revision_and_outlives_it(box: Box) -> None:
    held = messages(80, seed=3)
    first = box.train(messages(30, seed=1, wrong=0.45), heldout=held, risk_budget=0.05)
    assert first["risk_budget_in_force"] == 0.05
    learned = read_thresholds(Path(first["folder"]))
    assert learned is not None
    assert learned.revision == first["candidate"] == active(box)
    second = box.train(messages(60, seed=2), heldout=held)
    assert (second["result"], second["risk_budget_in_force"]) == ("installed", 0.05)
    card = (Path(second["folder"]) / "MODEL_CARD.md").read_text()
    assert second["candidate"] in card
    assert "dispute" in card


def test_where_the_new_head_is_not_better_the_one_in_use_is_held_to_the_budget(box: Box) -> None:
    first = box.train(messages(60, seed=1))
    found = box.train(messages(30, seed=2, wrong=0.6), heldout=messages(80, seed=3), risk_budget=0.05)
    assert (found["result"], found["risk_budget_in_force"]) == ("kept", 0.05)
    assert found["active"].startswith(first["candidate"] + "-t")
    assert active(box) == found["active"]
    again = box.train(messages(60, seed=1), heldout=messages(80, seed=3))
    assert (again["result"], again["active"]) == ("kept", found["active"])
    shelf = intent_shelf(box.config.data, "garden", open_catalog(box.config))
    assert shelf.roll_back().active == first["candidate"]


def leftovers(box: Box) -> list[Path]:
    return list(box.shelf.glob(".new-*"))


PROGRAM = """
import os, resource, signal, sys
sys.path[:0] = {paths!r}
import warnings; warnings.simplefilter("ignore")
from pathlib import Path
from retraining_parts import Box, messages
from models.standin import HashEncoder
from models.installed import Shelf
from appliance.errors import ApplianceFault
box = Box(Path({folder!r}), HashEncoder())
{before}
try:
    box.train(messages(40, seed=5), heldout=messages(20, seed=6))
except ApplianceFault as fault:
    print(type(fault).__name__, fault)
"""


def child(box: Box, before: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(
        paths=[str(ROOT), str(Path(__file__).parent)], folder=str(box.folder), before=textwrap.dedent(before)
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "moment",
    [
        "keep",  # everything is written, nothing has its name
        "activate",  # the revision is in place, nothing says that it is in use
        "_write",  # about to say so
    ],
)
def test_a_training_that_is_killed_leaves_the_head_in_use_and_no_half_of_another(box: Box, moment: str) -> None:
    before = box.train(messages(20, seed=1, wrong=0.45))["candidate"]
    killed = child(box, f"Shelf.{moment} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert active(box) == before
    assert all(one.status.ok for one in installed_heads(box.config.data))
    found = box.train(messages(40, seed=5), heldout=messages(20, seed=6))
    assert found["result"] == "installed"
    assert leftovers(box) == []


def test_a_full_disk_is_told_and_the_head_in_use_stays(box: Box) -> None:
    before = box.train(messages(20, seed=1, wrong=0.45))["candidate"]
    full = child(
        box,
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))",
    )
    assert full.returncode == 0, full.stderr
    assert full.stdout.startswith("StorageFailed The new head could not be written to"), full.stdout
    assert "Free some disk space" in full.stdout
    assert active(box) == before
    assert leftovers(box) == []


def _true(text: str) -> str:
    return next(topic for topic, words in TOPICS.items() if set(words.split()) & set(text.split()))
