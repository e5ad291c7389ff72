"""Mining, fusion and the small parts around them; no torch."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelRefused
from models.fusion import Fusion
from models.roles import Pair, Scores
from models.standin import HashEncoder, StandInWarning
from models.training import fusion
from models.training.bm25 import BM25, terms
from models.training.fusion_fit import Asked, Linear, best_features, fit_answerable, fit_ranking, narrowed, ranks_of
from models.training.mining import NEGATIVES, Asking, Pool, build, dev_question, held_out, main, mine, questions
from models.training.ranks import hit_figures, rank_of_relevant, reciprocal_rank
from models.training.sections import pieces, split_articles
from models.training.texts import read_csv, read_jsonl, read_sample, token_batches

WEIGHTS = Path(__file__).parents[2] / "models" / "weights"
SUBJECTS = ("printer", "invoice", "password", "holiday", "router", "parcel", "camera", "garden", "violin", "harbour")


def _articles() -> list[dict[str, str]]:
    return [
        {
            "id": f"about-{word}",
            "title": f"All about the {word}",
            "summary": f"What to do when the {word} fails.",
            "text": f"The {word} is blue.\n# Mending\nOpen the {word} and turn the screw.\n# Selling\nSell the {word} at the market.",
        }
        for word in SUBJECTS
    ]


def test_articles_are_cut_under_their_headings() -> None:
    [first, second, _] = split_articles(_articles()[:1])
    assert (first.heading, first.text) == ("", "The printer is blue.")
    assert second.passage() == "All about the printer\nMending\nOpen the printer and turn the screw."
    assert "All about" not in second.passage(title=False)


def test_an_article_without_text_is_a_passage_of_its_title() -> None:
    assert [one.text for one in split_articles([{"title": "Only a title", "text": " \n"}])] == ["Only a title"]


@pytest.mark.parametrize("text", ["word " * 900, "x" * 2_500, "A sentence. " * 200, "line\n" * 500])
def test_pieces_keep_every_word_and_the_limit(text: str) -> None:
    cut = pieces(text)
    assert all(0 < len(part) <= 900 for part in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_bm25_prefers_rare_words_and_knows_plurals() -> None:
    index = BM25(["the printer is jammed", "the printer works", "a blue door"])
    assert list(np.argsort(-index.scores("jammed printers"))) == [0, 1, 2]
    assert terms("Printers were printing") == ["printer", "were", "print"]
    assert not index.scores("zebra").any()


def test_mined_negatives_are_hard_and_never_of_the_gold_article() -> None:
    pool = Pool(_articles(), None)
    group = mine(pool, Asking("link", "q", "my printer fails, where is the screw", [0]), random.Random(1))
    assert group is not None
    assert "printer" in group.positive
    assert len(group.negatives) == NEGATIVES
    assert all("printer" not in one for one in group.negatives)


def test_a_knowledge_base_too_small_for_negatives_gives_no_group() -> None:
    assert mine(Pool(_articles()[:2], None), Asking("link", "q", "printer", [0]), random.Random(1)) is None


def test_dev_candidates_are_one_an_article_and_marked() -> None:
    question = dev_question(Pool(_articles(), None), Asking("link", "q", "turn the screw of the violin", [8]))
    assert sum(question.relevant) == 1
    assert question.relevant[0]
    assert question.first_stage == sorted(question.first_stage, reverse=True)


def test_telling_headings_are_questions_for_the_passage_under_them() -> None:
    articles = _articles()
    articles[0]["text"] += "\n# Replacing an empty toner cartridge\nLift the lid and pull the cartridge out."
    pool = Pool(articles, None)
    [heading] = [one for one in questions(pool, []) if one.kind == "heading"]
    assert heading.question == "Replacing an empty toner cartridge"
    group = mine(pool, heading, random.Random(1))
    assert group is not None
    assert "Lift the lid" in group.positive
    assert heading.question not in group.positive, "the heading would give the answer away"


def test_negatives_come_from_vectors_too() -> None:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder()
    found = Pool(_articles(), encoder).search("turn the screw")
    assert set(found.hard) >= set(np.argsort(-found.scores)[:NEGATIVES].tolist())


def test_held_out_questions_are_never_trained_on() -> None:
    pairs = [
        {
            "id": f"q{n}",
            "question": f"number {n} the {SUBJECTS[n % 10]} screw",
            "gold_ids": [f"about-{SUBJECTS[n % 10]}"],
        }
        for n in range(60)
    ]
    groups, dev = build(Pool(_articles(), None), pairs, repeats=2, limit=100, seed=1)
    assert dev
    assert groups
    assert not {one.question for one in groups} & {one.question for one in dev}
    assert held_out("q1") == held_out("q1")


def test_mining_from_files(tmp_path: Path) -> None:
    kb = tmp_path / "kb.jsonl"
    kb.write_text("".join(json.dumps(one) + "\n" for one in _articles()), encoding="utf-8")
    assert main(["--kb", str(kb), "--out", str(tmp_path / "g.jsonl"), "--dev", str(tmp_path / "d.jsonl")]) == 0
    assert {row["kind"] for row in read_jsonl(tmp_path / "g.jsonl")} == {"title", "summary"}


def test_ranks() -> None:
    assert rank_of_relevant([0.1, 0.9, 0.5], [False, False, True]) == 1
    assert rank_of_relevant([0.5, 0.5], [True, False]) == 1, "a tie counts against the right one"
    assert rank_of_relevant([0.5], [False]) is None
    assert reciprocal_rank([0.1, 0.9], [True, False]) == 0.5
    assert hit_figures([0, 3, None]) == {"hit@1": 0.3333, "hit@5": 0.6667, "hit@10": 0.6667, "mrr@10": 0.4167, "n": 3}


class Echo:
    """A reranker whose logit is the number in the passage, or nothing useful at all."""

    revision = "echo"

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent

    def score(self, pairs: Sequence[Pair]) -> Scores:
        return np.array([0.0 if self._silent else float(passage) for _, passage in pairs], dtype=np.float32)


def _asked(count: int, *, useful: str, seed: int) -> list[Asked]:
    """Five candidates of five articles; the ``useful`` signal is higher for the gold one, all others are noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        gold = int(rng.integers(0, 5))
        signals = [
            {name: float(rng.random()) for name in ("vector", "bm25", "rrf", "title_vector", "logit")} for _ in range(5)
        ]
        signals[gold][useful] += 1.5
        passages = tuple(str(row.pop("logit")) for row in signals)
        articles = tuple(f"a{at}" for at in range(5))
        rows.append(Asked(f"q{number}", "starter", "?", frozenset({f"a{gold}"}), articles, tuple(signals), passages))
    return rows


def test_ranking_weights_follow_the_signal_that_helps() -> None:
    linear = fit_ranking(_asked(80, useful="vector", seed=1), ("vector", "bm25", "rrf"))
    assert linear.weights["vector"] > 3 * abs(linear.weights["bm25"])
    assert hit_figures(ranks_of(_asked(80, useful="vector", seed=2), linear))["hit@1"] > 0.8


@pytest.mark.parametrize(("useful", "silent", "used"), [("logit", False, True), ("vector", True, False)])
def test_the_reranker_is_used_only_when_it_helps(tmp_path: Path, useful: str, *, silent: bool, used: bool) -> None:
    reranker = Echo(silent=silent)
    asked = _asked(120, useful=useful, seed=3)
    fitted = fusion.fit(asked, reranker, depth=5, seed=1)
    fusion.write(tmp_path / "fusion.json", fitted, fitted_on={}, reranker_revision="echo")
    read = Fusion.open(tmp_path / "fusion.json")
    assert read.use_reranker is used
    linear = Linear(read.ranking.weights)
    whole = fusion.scored(asked, reranker)
    bare = [one.without_gold() for one in whole]
    means = [
        np.mean([read.probability(best_features(one, linear), reranked=True) for one in rows]) for rows in (bare, whole)
    ]
    assert 0 < means[0] < means[1] < 1


def test_margin_is_to_another_article() -> None:
    rows = ({"vector": 0.9}, {"vector": 0.8}, {"vector": 0.5})
    one = Asked("q", "link", "?", frozenset(), ("a", "a", "b"), rows)
    assert best_features(one, Linear({"vector": 1.0}))["margin"] == pytest.approx(0.4)
    alone = one.only([0], gold=frozenset())
    assert best_features(alone, Linear({"vector": 1.0}))["margin"] == 0


def test_an_unreviewed_link_whose_article_is_not_best_says_nothing_about_answering() -> None:
    asked = _asked(60, useful="vector", seed=4)
    wrong = Asked("w", "link", "?", frozenset({"elsewhere"}), asked[0].articles, asked[0].signals)
    linear = Linear({"vector": 1.0})
    _, with_links = fit_answerable([*asked, wrong], linear, ("score", "margin"), seed=1)
    _, without = fit_answerable(asked, linear, ("score", "margin"), seed=1)
    assert with_links["n"] == without["n"] + 1, "only the question asked without its article is added"


def test_the_best_of_the_pool_are_shown_and_scored(tmp_path: Path) -> None:
    candidates = [
        {"article_id": "a", "passage": "4", "signals": {"vector": 0.1}},
        {"article_id": "b", "passage": "5", "signals": {"vector": 0.9}},
    ]
    row = {"id": "1", "kind": "link", "question": "q", "gold_ids": ["a"], "candidates": candidates}
    lines = (json.dumps(row), json.dumps(row | {"candidates": []}))
    (tmp_path / "c.jsonl").write_text("\n".join(lines), encoding="utf-8")
    [asked] = fusion.read_asked([tmp_path / "c.jsonl"])
    [shown] = fusion.scored([narrowed(asked, Linear({"vector": 1.0}), 1)], Echo())
    assert shown.articles == ("b",)
    assert shown.signals[0]["reranker"] == 5.0


def test_bad_files_name_the_line(tmp_path: Path) -> None:
    broken = tmp_path / "rows.jsonl"
    broken.write_text('{"a":1}\n{"a":\n', encoding="utf-8")
    with pytest.raises(ModelRefused, match="line 2"):
        read_jsonl(broken)
    broken.write_text("[1]\n", encoding="utf-8")
    with pytest.raises(ModelRefused, match="not a JSON object"):
        read_jsonl(broken)
    broken.write_bytes(b"text\n\xff\xfe")
    with pytest.raises(ModelRefused, match="UTF-8"):
        read_csv(broken)


def test_samples_become_padded_batches(tmp_path: Path) -> None:
    sample = tmp_path / "rows.csv"
    sample.write_text("text,category\nhello there,a\n" + "short,b\n" * 9, encoding="utf-8")
    texts = read_sample([sample])
    assert texts == ["hello there", "short"]
    [batch] = token_batches(WEIGHTS / "encoder" / "tokenizer.json", texts, max_tokens=8)
    assert batch["input_ids"].shape == (2, 4)
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
