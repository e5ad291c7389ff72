"""Thresholds by risk budget: exact tails, and a promise that holds in simulated worlds whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom  # of the development environment only: the product has no scipy

from models.errors import ModelRefused
from models.training.risk import (
    binomial_tail,
    choose,
    interval,
    proves,
    rows_needed,
    thresholds,
    upper_bound,
)

Rows = tuple[np.ndarray, list[str], np.ndarray]


def rows(held: list[float], unsafe: list[int] | None = None, intent: str = "how_to") -> Rows:
    wrong = np.zeros(len(held), dtype=bool)
    wrong[unsafe or []] = True
    return np.array(held), [intent] * len(held), wrong


@given(st.integers(0, 400), st.integers(1, 400), st.floats(0.001, 0.999))
def test_the_tail_is_the_binomial_one(most: int, count: int, share: float) -> None:
    assert binomial_tail(most, count, share) == pytest.approx(binom.cdf(most, count, share), rel=1e-9, abs=1e-12)


@given(st.integers(0, 300), st.integers(1, 3_000), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_bound_is_the_quantile_of_the_beta_distribution(bad: int, count: int, sure: float) -> None:
    exact = 1.0 if bad >= count else float(beta.ppf(sure, bad + 1, count - bad))
    assert upper_bound(bad, count, confidence=sure) == pytest.approx(exact, abs=1e-9)


@given(st.integers(0, 60), st.integers(1, 2_000), st.floats(0.005, 0.5))
def test_a_budget_is_proved_exactly_when_the_bound_is_under_it(bad: int, count: int, budget: float) -> None:
    bound = upper_bound(bad, count)
    if abs(bound - budget) > 1e-9:
        assert proves(bad, count, budget=budget) is bool(bound <= budget)


@pytest.mark.parametrize(("part", "whole"), [(0, 20), (20, 20), (3, 75), (50, 200), (0, 0)])
def test_the_interval_of_a_share_is_exact(part: int, whole: int) -> None:
    low, high = interval(part, whole)
    assert 0 <= low <= high <= 1
    if whole:
        assert low == pytest.approx(beta.ppf(0.025, part, whole - part + 1) if part else 0.0, abs=1e-9)
        assert high == pytest.approx(beta.ppf(0.975, part + 1, whole - part) if part < whole else 1.0, abs=1e-9)


@pytest.mark.parametrize(("budget", "needed"), [(0.05, 59), (0.1, 29), (0.02, 149), (0.01, 299), (0.5, 5)])
def test_rows_needed_without_a_bad_one(budget: float, needed: int) -> None:
    assert rows_needed(budget) == needed
    assert (1 - budget) ** needed <= 0.05 < (1 - budget) ** (needed - 1)


def test_rows_needed_grow_with_each_bad_one() -> None:
    assert [rows_needed(0.05, unsafe=bad) for bad in range(4)] == [59, 93, 124, 153]


def test_a_clean_intent_gets_the_smallest_threshold_that_is_allowed() -> None:
    [found] = choose(*rows([0.9] * 30 + [0.6] * 30), ["how_to"], budget=0.05)
    assert (found.threshold, found.handled, found.unsafe, found.missing) == (0.5, 60, 0, 0)
    assert found.bound <= 0.05
    [strict] = choose(*rows([0.9] * 60 + [0.6] * 60), ["how_to"], budget=0.05, floor=0.7)
    assert strict.threshold == 0.7


def test_the_way_ends_at_the_first_failure() -> None:
    held = [0.95] * 60 + [0.8] * 20 + [0.6] * 200
    [found] = choose(*rows(held, unsafe=[60, 61, 62]), ["how_to"], budget=0.05)
    assert found.threshold == 0.81, "0.6 would pass again by dilution, and is not looked at"
    assert (found.handled, found.unsafe) == (60, 0)


@pytest.mark.parametrize("count", [0, 1, 58])
def test_an_intent_with_too_few_rows_is_refused_and_told_how_many_are_missing(count: int) -> None:
    [found] = choose(*rows([0.95] * count), ["how_to"], budget=0.05)
    assert (found.threshold, found.handled, found.missing) == (None, count, 59 - count)


def test_rows_below_the_floor_do_not_count() -> None:
    [found] = choose(*rows([0.95] * 58 + [0.3] * 500), ["how_to"], budget=0.05)
    assert (found.threshold, found.missing) == (None, 1)


def test_an_intent_whose_surest_rows_are_unsafe_is_refused() -> None:
    [found] = choose(*rows([0.95] * 100, unsafe=list(range(20))), ["how_to"], budget=0.05)
    assert found.threshold is None
    assert (found.handled, found.unsafe) == (100, 20)
    assert found.missing == rows_needed(0.05, unsafe=20) - 100


def test_each_intent_is_decided_by_its_own_rows() -> None:
    good, bad = rows([0.9] * 80), rows([0.9] * 80, list(range(40)), "export")
    held, names, unsafe = np.r_[good[0], bad[0]], good[1] + bad[1], np.r_[good[2], bad[2]]
    found = choose(held, names, unsafe, ["export", "how_to", "never_seen"], budget=0.05)
    assert [one.intent for one in found] == ["export", "how_to", "never_seen"]
    assert [one.threshold for one in found] == [None, 0.5, None]


def _calibrated(held: np.ndarray) -> np.ndarray:
    return 0.5 * (1 - held)


def _cliff(held: np.ndarray) -> np.ndarray:
    return np.where(held >= 0.8, 0.01, 0.3)


def _barely_too_much(held: np.ndarray) -> np.ndarray:
    return np.full_like(held, 0.0501)


def _surest_are_worst(held: np.ndarray) -> np.ndarray:
    """Against the assumption: the promise should hold even so, if not by proof."""
    return np.where(held >= 0.97, 0.12, 0.03)


@pytest.mark.parametrize("count", [80, 300, 900])
@pytest.mark.parametrize("risk", [_calibrated, _cliff, _barely_too_much, _surest_are_worst])
def test_the_promise_holds_in_simulated_worlds(risk: Callable[[np.ndarray], np.ndarray], count: int) -> None:
    """The true unsafe share at the chosen threshold is over the budget in at most 5 % of the data sets (and what chance adds to 400 of them)."""
    rng = np.random.default_rng(5)
    population = np.sort(rng.beta(4, 1, 200_000))
    above = np.cumsum(risk(population)[::-1])[::-1] / np.arange(len(population), 0, -1)
    broken, worlds = 0, 400
    for _ in range(worlds):
        held = rng.beta(4, 1, count)
        [found] = choose(held, ["x"] * count, rng.random(count) < risk(held), ["x"], budget=0.05)
        if found.threshold is not None:
            broken += above[np.searchsorted(population, found.threshold)] > 0.05
    assert broken / worlds <= 0.05 + 2 * (0.05 * 0.95 / worlds) ** 0.5


def test_the_same_rows_in_another_order_give_the_same() -> None:
    rng = np.random.default_rng(1)
    held, unsafe = rng.beta(4, 1, 300), rng.random(300) < 0.02
    order = rng.permutation(300)
    names = ["x"] * 300
    assert choose(held, names, unsafe, ["x"], budget=0.05) == choose(
        held[order], names, unsafe[order], ["x"], budget=0.05
    )


def test_the_grid_does_not_depend_on_rows() -> None:
    assert thresholds(0.5)[:2] == (0.99, 0.98)
    assert thresholds(0.5)[-1] == 0.5
    assert thresholds(1.0) == (0.99,)


@pytest.mark.parametrize("budget", [0.0, 1.0, -0.1, float("nan")])
def test_a_budget_that_is_no_share_is_refused(budget: float) -> None:
    with pytest.raises(ModelRefused, match="no share"):
        choose(*rows([0.9]), ["how_to"], budget=budget)


def test_confidences_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ModelRefused, match="not a number"):
        choose(*rows([float("nan")]), ["how_to"], budget=0.05)
    with pytest.raises(ModelRefused, match="differ in number"):
        choose(np.array([0.9]), [], np.zeros(1, dtype=bool), ["how_to"], budget=0.05)
