"""A whole training on a small history, for real: mined, trained, exported, held against what runs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from torch_folders import needs_torch

from appliance.config import Config, Models
from appliance.errors import InputInvalid
from appliance.model_set import open_catalog, open_models
from appliance.rerankers import choices, folder_in_use, installed_rerankers, reranker_shelf
from appliance.retraining import reranker as training
from appliance.retraining.contest import Contest
from appliance.retraining.reranker import Task, train_reranker

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WORDS = re.findall(
    r"\w+",
    "printer invoice password holiday router parcel camera garden violin harbour bicycle lantern compass saddle anchor "
    "teapot blanket ladder mirror pillow rocket shovel trumpet umbrella wallet zipper candle drawer engine funnel",
)
WISHES = ("repair", "sell", "clean", "paint", "lend")

pytestmark = [needs_torch, pytest.mark.slow]


def _files(folder: Path) -> tuple[Path, Path]:
    """Thirty articles of five sections, and five questions about each."""
    kb, pairs = folder / "kb.jsonl", folder / "pairs.jsonl"
    articles = [
        {
            "id": word,
            "title": f"The {word}",
            "text": "\n".join(
                f"## To {wish} it\nWhoever wants to {wish} the {word} asks at desk {at}."
                for at, wish in enumerate(WISHES)
            ),
        }
        for word in WORDS
    ]
    kb.write_text("".join(json.dumps(one) + "\n" for one in articles), encoding="utf-8")
    asked = [
        {"id": f"{word}-{wish}", "question": f"where can I {wish} my {word}", "gold_ids": [word]}
        for word in WORDS
        for wish in WISHES
    ]
    pairs.write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
    return kb, pairs


def test_what_does_not_win_changes_nothing(tmp_path: Path) -> None:
    kb, pairs = _files(tmp_path)
    config, said = Config(data=tmp_path / "data", models=Models(threads=1)), list[str]()
    outcome = train_reranker(config, Task(pairs, (kb,), minutes=0.02), now=NOW, say=said.append)
    assert {"first_stage", "in_use", "new"} == outcome.figures.keys()
    assert outcome.questions["judged_on"] >= 10
    assert any(line.startswith("minute") for line in said), "what the tool says is passed on"
    if not outcome.installed:  # so easy a history leaves nothing to win
        assert choices(config.data).every() == ()
        assert installed_rerankers(config.data) == []
        assert outcome.reason.startswith("Not installed")
    assert [path.name for path in reranker_shelf(config.data).folder.glob(".*")] == [], (
        "no customer's question is left behind"
    )


def test_what_wins_is_installed_beside_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kb, pairs = _files(tmp_path)

    def generous(contest: Contest) -> tuple[bool, str]:
        return True, "Installed: the test says so."

    monkeypatch.setattr(training, "verdict", generous)
    config = Config(data=tmp_path / "data", models=Models(threads=1))
    outcome = train_reranker(config, Task(pairs, (kb,), minutes=0.02), now=NOW, say=lambda _: None)
    [one] = installed_rerankers(config.data)
    assert (one.status.revision, one.active, one.status.ok) == (outcome.revision, True, True)
    folder = folder_in_use(config.data, open_catalog(config)).folder
    assert {"MODEL_CARD.md", "LICENSE", "meta.json", "model.onnx", "seen.txt"} <= {
        path.name for path in folder.iterdir()
    }
    assert outcome.revision in (folder / "MODEL_CARD.md").read_text("utf-8")
    models = open_models(config)
    assert models.reranker.revision == outcome.revision
    assert models.fusion.use_reranker
    assert models.order.startswith("reranker in use")
    assert reranker_shelf(config.data).roll_back().active == "shipped"
    assert open_models(config).reranker.revision != outcome.revision


def test_a_history_that_is_too_short_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    kb, pairs = _files(tmp_path)
    pairs.write_text("".join(pairs.read_text("utf-8").splitlines(keepends=True)[:5]), encoding="utf-8")
    config = Config(data=tmp_path / "data")
    with pytest.raises(InputInvalid, match="5 different questions"):
        train_reranker(config, Task(pairs, (kb,)), now=NOW, say=lambda _: None)
    assert installed_rerankers(config.data) == []


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    from models.training.torch_reranker import Beginning, Budget, Run, train

    group = {"question": "where is it", "positive": "it is here", "negatives": ["no", "never", "gone", "lost"]}
    dev = [{"question": "where", "passages": ["here", "no"], "first_stage": [0.2, 0.1], "relevant": [True, False]}]
    budget = Budget(minutes=0.5, evaluate_minutes=0.1, negatives=4, groups_a_step=1)
    beginning = Beginning(folder_in_use(tmp_path, open_catalog(Config(data=tmp_path))).folder, resume=True)
    ticks = iter(range(1_000))
    steps = iter([True, True, True, True, False])
    clock = lambda: next(ticks) * 2.0  # noqa: E731 - two seconds a look at the clock
    train([group], dev, budget, tmp_path, clock, beginning=beginning, wanted=lambda: next(steps))
    import torch

    state = torch.load(tmp_path / "state.pt", weights_only=True)
    again = Run(dev, budget, tmp_path, beginning=beginning, key=state["key"])
    assert (again.steps, again.spent) == (state["steps"], state["spent"])
    other = Run(dev, budget, tmp_path, beginning=beginning, key="another")
    assert other.steps == 0
    assert not (tmp_path / "state.pt").exists(), "what belongs to other data is thrown away"
