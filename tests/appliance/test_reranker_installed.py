"""Choosing, installing, rolling back: the record is kept for this installation, and what runs is never half changed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from torch_folders import needs_torch
from typer.testing import CliRunner

from appliance.cli.models import app
from appliance.config import Config
from appliance.doctor import parts
from appliance.doctor.amiss import Amiss
from appliance.errors import Conflict, InputInvalid
from appliance.model_set import open_catalog, open_models
from appliance.rerankers import choices, folder_in_use, installed_rerankers, reranker_shelf
from appliance.retraining.child import INSTALL, check_torch, ends_in_order, run_tool
from appliance.retraining.choosing import SEEN, RolledBack, choose_reranker, roll_back
from appliance.retraining.groups import Material
from appliance.retraining.history import History, fingerprint
from appliance.retraining.leftovers import WORKSHOP, remove_leftovers
from appliance.retraining.lock import training_lock
from appliance.retraining.reranker import Task, _furnish, _leave, train_reranker
from models.catalog import WEIGHTS
from models.encoder import OnnxEncoder
from models.errors import ModelRefused
from models.installed import SHIPPED

QUESTIONS = Path(__file__).parents[1] / "data" / "questions" / "saas.jsonl"
STARTER = Path(__file__).parents[2] / "kb" / "starter" / "saas"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def _shelved(data: Path, revision: str) -> Path:
    """The shipped weights under another name, as a training would leave them."""
    shelf = reranker_shelf(data)
    with shelf.scratch() as scratch:
        for name in ("model.onnx", "tokenizer.json"):
            os.link(WEIGHTS / "reranker" / name, scratch / name)
        meta = json.loads((WEIGHTS / "reranker" / "meta.json").read_bytes()) | {
            "revision": revision,
            "created": "2026-06-01",
        }
        (scratch / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        asked = [json.loads(line)["question"] for line in QUESTIONS.read_text("utf-8").splitlines()][:3]
        (scratch / SEEN).write_text("\n".join(fingerprint(one) for one in asked), encoding="utf-8")
        return shelf.keep(scratch, revision)


def test_a_choice_is_measured_recorded_and_served(shipped_data: Path, tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    _shelved(tmp_path, "own-1")
    reranker_shelf(tmp_path).activate("own-1", instead_of=SHIPPED)
    chosen = choose_reranker(config, QUESTIONS, [STARTER], now=NOW)
    assert chosen.trained_on == 3, "what it was trained on says nothing about it"
    assert chosen.choice.reranker_revision == "own-1"
    assert {"first_stage", "fused"} <= chosen.choice.figures.keys()
    better = chosen.choice.figures["fused"]["mrr@10"] > chosen.choice.figures["first_stage"]["mrr@10"]
    assert chosen.choice.use_reranker is better
    assert choices(tmp_path).every() == (chosen.choice,)
    models = open_models(config)
    assert models.reranker.revision == "own-1"
    assert models.fusion.use_reranker is chosen.choice.use_reranker
    assert "2026-06-01" in models.order
    assert not (tmp_path / "appliance.db").exists(), "the articles were only lent"
    [listed] = installed_rerankers(tmp_path)
    assert (listed.active, listed.status.ok, listed.choice) == (True, True, chosen.choice)
    back = roll_back(config, now=NOW)
    assert (back.active, back.previous) == ("own-1", SHIPPED)
    assert "not fitted to this reranker" in back.order, "nothing was recorded before"
    assert choices(tmp_path).every() == ()
    assert roll_back(config, now=NOW) == RolledBack(SHIPPED, "own-1"), "then the reranker itself"


def test_questions_about_one_article_decide_nothing(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    row = json.loads(QUESTIONS.read_text("utf-8").splitlines()[0])
    words = ["please", "today", "again", "now", "urgently", "kindly", "really", "maybe", "thanks", "hello"]
    asked = [f"{one} {other} {row['question']}" for one in words for other in words if one < other]
    rows = [{"id": f"q{n}", "question": text, "gold_ids": row["gold_ids"]} for n, text in enumerate(asked)]
    file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    with pytest.raises(InputInvalid, match="1 different articles; 10 are needed"):
        choose_reranker(Config(data=tmp_path / "data"), file, [STARTER], now=NOW)
    assert choices(tmp_path / "data").every() == ()


def test_a_choice_waits_for_no_training_and_refuses_a_damaged_record(tmp_path: Path) -> None:
    config, folder = Config(data=tmp_path), reranker_shelf(tmp_path).folder
    with training_lock(folder, now=NOW), pytest.raises(Conflict):
        choose_reranker(config, QUESTIONS, [STARTER], now=NOW)
    (folder / "choice.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelRefused, match="damaged"):
        choose_reranker(config, QUESTIONS, [STARTER], now=NOW)


@pytest.mark.parametrize("name", ["choice.json", "active.json"])
def test_damage_is_told_by_the_list_and_the_doctor(tmp_path: Path, name: str) -> None:
    folder = reranker_shelf(tmp_path).folder
    _shelved(tmp_path, "own-1")
    (folder / name).write_text("{", encoding="utf-8")
    done = CliRunner().invoke(app, ["list", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.exception
    assert "Ranking: first stage alone, as shipped" in done.output
    assert name in done.output
    config = Config(data=tmp_path)
    catalog = open_catalog(config)
    with pytest.raises(Amiss, match=name):
        parts.ranking(config, catalog, OnnxEncoder.open(catalog.require("encoder")))


def test_leftovers_of_a_killed_training_go_after_a_day(tmp_path: Path) -> None:
    shelf = reranker_shelf(tmp_path).folder
    heads = tmp_path / "models" / "intent" / "saas"
    for folder in (shelf / WORKSHOP, shelf / ".new-abc", heads / ".new-def"):
        folder.mkdir(parents=True)
        (folder / "groups.jsonl").write_text("a customer's question", encoding="utf-8")
    (shelf / "train.lock").touch()
    now = datetime.now(UTC)
    assert remove_leftovers(tmp_path, now=now) == 0, "a run of today may still go on"
    with training_lock(heads, now=now):
        assert remove_leftovers(tmp_path, now=now + timedelta(days=2)) == 2, "never under a training"
    assert remove_leftovers(tmp_path, now=now + timedelta(days=2)) == 1
    assert not list(tmp_path.rglob("groups.jsonl"))
    assert remove_leftovers(tmp_path / "nowhere", now=now) == 0


def test_a_run_that_ends_leaves_no_question_in_plain_text(tmp_path: Path) -> None:
    workshop = tmp_path / WORKSHOP
    workshop.mkdir(mode=0o755)
    material = Material(History((), 0, ""), [], [], [], [])
    _furnish(workshop, material)
    assert workshop.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in workshop.iterdir()} == {0o600}
    (workshop / "checkpoint").mkdir()
    (workshop / "checkpoint" / "state.pt").write_bytes(b"weights")
    _leave(workshop)
    assert [path.name for path in workshop.iterdir()] == ["checkpoint"]
    (workshop / "checkpoint" / "state.pt").unlink()
    _leave(workshop)
    assert not workshop.exists()


def test_a_training_that_is_told_to_end_tidies_up(tmp_path: Path) -> None:
    shelf, before = reranker_shelf(tmp_path), signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, ends_in_order(), shelf.scratch() as scratch:
        (scratch / "dev.jsonl").write_text("a customer's question", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert ended.value.code == 143
    assert list(shelf.folder.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("content", [b"", b"not json\n", b'{"id":"1","question":"hello","gold_ids":["nowhere"]}\n'])
def test_bad_questions_leave_no_choice(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "q.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputInvalid):
        choose_reranker(Config(data=tmp_path / "data"), file, [STARTER], now=NOW)
    assert choices(tmp_path / "data").every() == ()


def test_rolling_back_brings_the_previous_one_and_undoing_it_the_other(tmp_path: Path) -> None:
    catalog, shelf = open_catalog(Config(data=tmp_path)), reranker_shelf(tmp_path)
    own = _shelved(tmp_path, "own-1")
    shelf.activate("own-1", instead_of=SHIPPED)
    assert folder_in_use(tmp_path, catalog).folder == own
    runner = CliRunner()
    done = runner.invoke(app, ["rollback", "reranker", "--data", str(tmp_path), "--json"])
    assert json.loads(done.output) == {"active": SHIPPED, "previous": "own-1"}
    assert folder_in_use(tmp_path, catalog).folder == catalog.folder(catalog.get("reranker"))
    assert runner.invoke(app, ["rollback", "reranker", "--data", str(tmp_path)]).exit_code == 0
    assert folder_in_use(tmp_path, catalog).folder == own


def test_without_a_previous_one_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no previous model"):
        reranker_shelf(tmp_path).roll_back()


def test_a_damaged_reranker_does_not_serve_and_the_doctor_says_so(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    catalog = open_catalog(config)
    own = _shelved(tmp_path, "own-1")
    reranker_shelf(tmp_path).activate("own-1", instead_of=SHIPPED)
    (own / "model.onnx").unlink()  # a link: writing into it would damage what ships
    (own / "model.onnx").write_bytes(b"not a model")
    found = folder_in_use(tmp_path, catalog)
    assert found.folder == catalog.folder(catalog.get("reranker"))
    assert "sha256" in found.notice
    encoder = OnnxEncoder.open(catalog.require("encoder"))
    with pytest.raises(Amiss, match="not used"):
        parts.ranking(config, catalog, encoder)
    reranker_shelf(tmp_path).roll_back()
    assert "as shipped" in parts.ranking(config, catalog, encoder)


def test_training_without_torch_names_the_command(tmp_path: Path) -> None:
    try:
        check_torch()
    except ModelRefused as refused:
        assert "pip install" in refused.remedy
        assert refused.remedy == INSTALL
        done = CliRunner().invoke(app, ["train", "reranker", "--pairs", str(QUESTIONS), "--data", str(tmp_path)])
        assert isinstance(done.exception, ModelRefused)
        assert not (tmp_path / "models").exists()
    else:
        pytest.skip("torch is installed here")


def test_two_trainings_at_once_are_refused(tmp_path: Path) -> None:
    shelf = reranker_shelf(tmp_path)
    with (
        training_lock(shelf.folder, now=NOW),
        pytest.raises(Conflict, match=str(os.getpid())),
        training_lock(shelf.folder, now=NOW),
    ):
        pytest.fail("both hold it")


def test_a_tool_that_fails_says_why_and_one_that_works_reports(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ModelRefused, match="cannot be read"):
        run_tool(
            "models.training.mining", ["--kb", str(tmp_path / "gone"), "--out", "o", "--dev", "d"], say=said.append
        )
    assert said
    kb = tmp_path / "kb.jsonl"
    kb.write_text('{"id": "a", "title": "t", "text": "x"}\n', encoding="utf-8")
    run_tool(
        "models.training.mining",
        ["--kb", str(kb), "--out", str(tmp_path / "o"), "--dev", str(tmp_path / "d")],
        say=said.append,
    )
    assert "0 groups" in said[-1]


def test_a_lock_lives_as_long_as_the_tool_that_inherited_it(tmp_path: Path) -> None:
    import subprocess
    import sys

    with training_lock(tmp_path, now=NOW) as held:
        command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(held,))
    with pytest.raises(Conflict), training_lock(tmp_path, now=NOW):
        pytest.fail("the child holds it")
    child.communicate()
    with training_lock(tmp_path, now=NOW):
        shutil.rmtree(tmp_path / "nothing", ignore_errors=True)


@needs_torch
def test_a_big_reranker_is_not_trained_here(tmp_path: Path) -> None:
    from appliance.config import Models
    from appliance.errors import ConfigInvalid

    config = Config(data=tmp_path, models=Models(reranker="bge-reranker-v2-m3"))
    with pytest.raises(ConfigInvalid, match="only the small reranker"):
        train_reranker(config, Task(QUESTIONS), now=NOW, say=lambda _: None)
