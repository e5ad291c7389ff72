"""The arithmetic of the figures, by hand-made cases."""

from __future__ import annotations

import pytest

from appliance.evaluation import guard, retrieval
from appliance.evaluation.figures import interval, mean, percentile, share


def test_nothing_divided_by_nothing_is_null() -> None:
    assert share(0, 0) is None
    assert mean([]) is None
    assert percentile([], 50) is None
    assert interval([]) is None


def test_the_interval_holds_the_mean_and_is_the_same_again() -> None:
    values = [1.0] * 30 + [0.0] * 10
    low, high = interval(values) or (0.0, 0.0)
    assert low < 0.75 < high
    assert interval(values) == [low, high]


def test_ranks_count_different_articles_from_one() -> None:
    assert retrieval.rank(["a", "b", "c"], ["c", "b"]) == 2
    assert retrieval.rank(["a"], ["z"]) is None
    ranks = [1, 5, 11, None]
    assert [sum(retrieval.hits(ranks, cut)) for cut in (1, 5, 10)] == [1, 2, 2]
    assert retrieval.reciprocal(ranks) == [1.0, 0.2, 0.0, 0.0]


def test_guard_counts_unsupported_as_positive() -> None:
    verdicts = [(False, False), (False, False), (False, True), (True, True), (True, False)]
    found = guard.figures(verdicts)
    assert found == {
        "n": 5,
        "precision": pytest.approx(2 / 3, abs=1e-3),
        "recall": pytest.approx(2 / 3, abs=1e-3),
        "false_pass": 1,
        "false_block": 1,
        "unsupported": 3,
        "supported": 2,
    }
    assert guard.figures([(True, True)])["recall"] is None


def test_guard_counts_its_mistakes_by_kind_where_cases_name_one() -> None:
    verdicts = [(False, True), (False, False), (True, False), (True, True)]
    assert guard.by_kind(["price", "price", "paraphrase", ""], verdicts) == {
        "by_kind": {
            "paraphrase": {"n": 1, "false_pass": 0, "false_block": 1},
            "price": {"n": 2, "false_pass": 1, "false_block": 0},
        }
    }
    assert guard.by_kind([""] * 4, verdicts) == {}
