"""Who wins, and what is recorded: contest, choice, and the order that is served because of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.config import Config, Models, Retrieval
from appliance.errors import ConfigInvalid
from appliance.model_set import open_catalog, open_models
from appliance.rerankers import open_reranker, order_in_use, shipped_fusion
from appliance.retraining.contest import ALONE, CERTAINTY, Contest, hold
from appliance.retraining.reranker import IN_USE, NEW, in_words, verdict
from models.choice import Choice, Choices
from models.errors import ModelRefused
from models.fusion import Fusion, Linear, with_standard_scores
from models.reranker import LateReranker
from models.roles import Pair, Scores
from models.standin import HashEncoder, OverlapReranker, StandInWarning
from models.training.fusion_fit import Asked

Ranks = list[int | None]


class Telling:
    """Its logit is the number in the passage."""

    revision = "telling"

    def score(self, pairs: list[Pair]) -> Scores:
        return np.array([float(passage) for _, passage in pairs], dtype=np.float32)


class Silent(Telling):
    revision = "silent"

    def score(self, pairs: list[Pair]) -> Scores:
        return np.zeros(len(pairs), dtype=np.float32)


def _asked(count: int, seed: int) -> list[Asked]:
    """Five articles each; the first stage knows little, the passages' numbers know all."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        gold = int(rng.integers(5))
        signals = tuple(
            {name: float(rng.random()) for name in ("vector", "bm25", "rrf", "title_vector")} for _ in range(5)
        )
        passages = tuple("1" if at == gold else "0" for at in range(5))
        articles = tuple(f"a{at}" for at in range(5))
        rows.append(Asked(f"{seed} {number}", "link", "?", frozenset({f"a{gold}"}), articles, signals, passages))
    return rows


def test_a_reranker_that_knows_wins_and_one_that_says_nothing_does_not() -> None:
    contest = hold(_asked(60, 1), _asked(60, 2), {IN_USE: Silent(), NEW: Telling()}, depth=5, prior=None)
    assert contest.mrr(NEW) > 0.99
    assert contest.mrr(IN_USE) < 0.7
    assert contest.certainty(NEW, ALONE) == 1.0
    assert verdict(contest)[0]
    turned = Contest({ALONE: contest.ranks[ALONE], IN_USE: contest.ranks[NEW], NEW: contest.ranks[IN_USE]})
    assert not verdict(turned)[0]


@pytest.mark.parametrize(
    ("alone", "in_use", "new", "installed"),
    [
        ([1] * 20, [1] * 20, [0] * 20, True),
        ([0] * 20, [1] * 20, [0] * 20, False),  # no better than the search alone
        ([1] * 20, [0] * 20, [0] * 20, False),  # no better than what runs
        ([1] * 20, [1] * 20, [0] * 10 + [4] * 10, True),
        ([1] * 20, [1] * 20, [0] * 8 + [9] * 7 + [1] * 5, False),  # better by chance
        ([None] * 20, [None] * 20, [None] * 20, False),
    ],
)
def test_only_a_clear_win_is_installed(alone: Ranks, in_use: Ranks, new: Ranks, *, installed: bool) -> None:
    contest = Contest({ALONE: alone, IN_USE: in_use, NEW: new})
    wins, reason = verdict(contest)
    assert wins is installed
    assert reason.startswith("Installed" if installed else "Not installed")
    assert not wins or contest.certainty(NEW, contest.best((ALONE, IN_USE))) >= CERTAINTY


def _choice(reranker: str, *, use: bool = False, encoder: str = "e") -> Choice:
    return Choice(
        encoder_revision=encoder,
        reranker_revision=reranker,
        use_reranker=use,
        questions=40,
        figures={"first_stage": {"mrr@10": 0.8}, "fused": {"mrr@10": 0.7}},
        data_sha256="0" * 64,
        measured_on="2026-06-01",
        fusion=Fusion(
            revision="f",
            use_reranker=use,
            ranking=Linear(weights={"reranker": 1.0}),
            first_stage=Linear(weights={"vector": 1.0}),
            answerable=Linear(weights={}),
            answerable_first_stage=Linear(weights={}),
        ),
    )


def test_choices_are_kept_one_a_pair_of_models(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "reranker")
    assert choices.every() == ()
    for one in (_choice("a"), _choice("b"), _choice("a", use=True)):
        choices.save(one)
    assert [(one.reranker_revision, one.use_reranker) for one in choices.every()] == [("b", False), ("a", True)]
    assert choices.find(encoder_revision="other", reranker_revision="a") is None
    assert [file.name for file in choices.file.parent.iterdir()] == ["choice.json"]


def test_a_choice_that_was_made_is_taken_back_step_by_step(tmp_path: Path) -> None:
    choices, pair = Choices(tmp_path), {"encoder_revision": "e", "reranker_revision": "a"}
    choices.save(_choice("b"), keep_earlier=True)
    choices.save(_choice("a", use=True), keep_earlier=True)
    choices.save(_choice("a"), keep_earlier=True)
    assert choices.roll_back(**pair)
    assert choices.find(**pair) == _choice("a", use=True)
    assert choices.roll_back(**pair)
    assert choices.find(**pair) is None, "nothing was recorded before: what ships orders again"
    assert not choices.roll_back(**pair)
    assert choices.every() == (_choice("b"),), "the other reranker's is left alone"


def test_what_a_training_recorded_is_not_taken_back_without_its_model(tmp_path: Path) -> None:
    choices = Choices(tmp_path)
    choices.save(_choice("a", use=True))
    assert not choices.roll_back(encoder_revision="e", reranker_revision="a")
    assert choices.every() == (_choice("a", use=True),)


@pytest.mark.parametrize("content", ["{", '{"choices": [{}]}', "", "\x00"])
def test_a_damaged_choice_stops_no_answer(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "models" / "reranker"
    folder.mkdir(parents=True)
    config = Config(data=tmp_path)
    before = open_models(config)
    (folder / "choice.json").write_text(content, encoding="utf-8")
    after = open_models(config)
    assert after.fusion == before.fusion
    assert "as shipped" in after.order
    assert "choice.json is damaged" in after.order


@pytest.mark.parametrize(
    ("rerank", "said", "loaded"),
    [
        (True, "first stage alone", False),
        (False, "is off: first stage alone", False),
        ("always", "reranker in use", True),
    ],
)
def test_what_is_said_of_the_order_is_what_orders(tmp_path: Path, rerank: Any, said: str, *, loaded: bool) -> None:
    models = open_models(Config(data=tmp_path, retrieval=Retrieval(rerank=rerank)))
    assert not models.fusion.use_reranker
    assert said in models.order
    assert isinstance(models.reranker, LateReranker)
    assert models.reranker.loaded is loaded, "what nobody asks takes no memory"
    assert models.reranker.score([("refund", "Refunds take a week.")]).shape == (1,)
    assert models.reranker.loaded


def test_a_late_reranker_is_loaded_once_by_many_threads(tmp_path: Path) -> None:
    late = open_reranker(Config(data=tmp_path), open_catalog(Config(data=tmp_path)))
    assert isinstance(late, LateReranker)
    with ThreadPoolExecutor(4) as pool:
        assert len({id(opened) for opened in pool.map(lambda _: late.load(), range(8))}) == 1


def test_a_damaged_choice_is_refused_and_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "choice.json").write_text('{"choices": [{}]}', encoding="utf-8")
    with pytest.raises(ModelRefused, match="damaged"):
        Choices(tmp_path).every()


def test_the_recorded_choice_decides_what_is_served(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    catalog = open_catalog(config)
    with pytest.warns(StandInWarning):
        encoder, reranker = HashEncoder(), OverlapReranker()
    before = order_in_use(config, catalog, encoder, reranker)
    assert not before.fitted
    assert "models choose reranker" in before.reason
    Choices(tmp_path / "models" / "reranker").save(_choice(reranker.revision, encoder=encoder.revision))
    after = order_in_use(config, catalog, encoder, reranker)
    assert after.fitted
    assert not after.fusion.use_reranker
    assert "first stage alone" in after.reason


def test_the_shipped_order_was_fitted_to_the_shipped_reranker(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    catalog = open_catalog(config)
    assert shipped_fusion(catalog).reranker_revision == open_reranker(config, catalog).revision


def test_an_order_for_strange_models_compares_standard_scores(tmp_path: Path) -> None:
    shipped = shipped_fusion(open_catalog(Config(data=tmp_path)))
    assert shipped.unfitted(encoder=True, reranker=True) is shipped
    strange = shipped.unfitted(encoder=False, reranker=False)
    assert strange.use_reranker
    assert not {"vector", "bm25", "reranker"} & (strange.first_stage.weights.keys() | strange.ranking.weights.keys())
    both = []
    for scale, shift in ((1.0, 0.0), (0.1, 0.8)):  # the second is how narrow some encoders' cosines lie
        rows = [{"vector": scale * value + shift, "rrf": 0.5} for value in (0.1, 0.2, 0.9)]
        both.append([strange.first_stage(row) for row in with_standard_scores(rows, strange.first_stage)])
    assert both[0] == pytest.approx(both[1])
    assert both[0] == sorted(both[0])


def test_standard_scores_of_equal_signals_are_nothing() -> None:
    rows = with_standard_scores([{"vector": 0.5}, {"vector": 0.5}], Linear(weights={"vector_z": 3.0}))
    assert [row["vector_z"] for row in rows] == [0.0, 0.0]


@pytest.mark.parametrize(("key", "value"), [("reranker", "encoder"), ("reranker", "intent-saas")])
def test_a_model_of_another_role_is_refused(tmp_path: Path, key: str, value: str) -> None:
    config = Config(data=tmp_path, models=Models(**{key: value}))
    with pytest.raises(ConfigInvalid, match="cannot serve as reranker"):
        open_reranker(config, open_catalog(config))


def test_a_model_that_was_never_brought_here_is_refused_with_the_commands(tmp_path: Path) -> None:
    config = Config(data=tmp_path, models=Models(reranker="bge-reranker-v2-m3"))
    with pytest.raises(ModelRefused, match="models add bge-reranker-v2-m3"):
        open_reranker(config, open_catalog(config))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "{'first_stage': 0.8, 'reranker': 0.9, 'sum': 0.9, 'minutes': 2.5, 'step': 9, 'loss': 0.1}",
            "minute 2.5: MRR",
        ),
        ("{'pairs': 210, 'score_correlation': 0.99, 'max_difference': 0.9}", "int8 agrees"),
        ("going on at minute 3.0, step 12", "going on at minute 3.0, step 12"),
        ("{}", "{}"),
    ],
)
def test_what_the_tools_print_is_put_into_words(line: str, said: str) -> None:
    assert in_words(line).startswith(said)
