"""The fits of the fusion against scipy and scikit-learn, which the default install does not have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from models.training.descent import minimum
from models.training.fusion_fit import _balanced, auroc


def _rosenbrock(at: np.ndarray) -> tuple[float, np.ndarray]:
    x, y = at
    return float((1 - x) ** 2 + 100 * (y - x**2) ** 2), np.array(
        [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)]
    )


@pytest.mark.parametrize("start", [(0.0, 0.0), (-1.2, 1.0), (3.0, -2.0)])
def test_the_minimum_is_scipys(start: tuple[float, float]) -> None:
    expected = minimize(_rosenbrock, start, jac=True, method="L-BFGS-B").x
    np.testing.assert_allclose(minimum(_rosenbrock, np.array(start)), expected, atol=1e-3)


def test_a_flat_function_ends_where_it_began() -> None:
    assert minimum(lambda at: (1.0, np.zeros_like(at)), np.array([2.0, 3.0])).tolist() == [2.0, 3.0]


def test_the_balanced_logistic_is_scikit_learns() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(200, 2))
    right = rows @ [1.0, -2.0] + rng.normal(size=200) > 1.0
    expected = LogisticRegression(C=1.0, class_weight="balanced").fit(rows, right)
    weights, bias = _balanced(rows, right)
    np.testing.assert_allclose(weights, expected.coef_[0], atol=1e-3)
    assert bias == pytest.approx(expected.intercept_[0], abs=1e-3)


def test_where_all_are_right_the_chance_is_high_and_nothing_fails() -> None:
    weights, bias = _balanced(np.ones((5, 2)), np.ones(5, dtype=bool))
    assert not weights.any()
    assert bias > 0


def test_auroc_is_scikit_learns() -> None:
    rng = np.random.default_rng(5)
    right = rng.random(80) < 0.4
    chance = np.round(rng.random(80) + 0.3 * right, 1)
    assert auroc(chance[right], chance[~right]) == pytest.approx(roc_auc_score(right, chance))
    assert auroc(chance[right], np.array([])) == 0.5
