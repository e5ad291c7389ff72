"""The little optimisation that the heads need, in numpy alone: a default install then carries no scipy and no scikit-learn (150 MB)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]
_GOLDEN = (5**0.5 - 1) / 2


def solve_lower(lower: Array, right: Array, block: int = 256) -> Array:
    """``x`` with ``lower @ x = right`` for a lower triangular matrix: forward substitution in blocks, at the speed of a product."""
    found = np.array(right, copy=True)
    for at in range(0, len(lower), block):
        rows = slice(at, at + block)
        found[rows] = np.linalg.solve(lower[rows, rows], found[rows] - lower[rows, :at] @ found[:at])
    return found


def solve_upper(lower: Array, right: Array) -> Array:
    """``x`` with ``lower.T @ x = right``: the same from the other end."""
    return solve_lower(lower[::-1, ::-1].T, right[::-1])[::-1]


def minimise(loss: Callable[[float], float], low: float, high: float, *, tolerance: float = 1e-5) -> float:
    """Golden-section search for the minimum of a function with one valley between ``low`` and ``high``."""
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = loss(inner), loss(outer)
    while high - low > tolerance:
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = loss(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = loss(outer)
    return (low + high) / 2


def fit_logistic(
    features: npt.NDArray[np.floating], targets: Array64, row_weights: Array64, *, c: float
) -> tuple[Array64, Array64]:
    """Softmax regression by Newton's method: minimises c x weighted log-loss + half the squared weights; the bias is not penalised.

    ``targets`` one-hot (n, k). Returns weights (d, k) and bias (k,). For small d x k: it solves a system of that size, some twenty times.
    """
    rows = np.hstack([features, np.ones((len(features), 1))]).astype(np.float64)
    d, k = rows.shape[1], targets.shape[1]
    penalty = np.repeat(
        np.r_[np.ones(d - 1), 1e-9], k
    )  # all biases may shift together: a trace of penalty keeps the system solvable
    theta = np.zeros(d * k)

    def state(theta: Array64) -> tuple[float, Array64]:
        logits = rows @ theta.reshape(d, k)
        logits -= logits.max(axis=1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-c * (row_weights[:, None] * targets * log_p).sum() + 0.5 * penalty @ theta**2), np.exp(log_p)

    loss, p = state(theta)
    for _ in range(100):
        gradient = c * (rows.T @ (row_weights[:, None] * (p - targets))).ravel() + penalty * theta
        if np.abs(gradient).max() < 1e-6 * c * row_weights.sum():
            break
        step = np.linalg.solve(_hessian(rows, p, c * row_weights) + np.diag(penalty), gradient)
        size = 1.0
        while (trial := state(theta - size * step))[0] > loss and size > 1e-6:
            size /= 2
        theta, (loss, p) = theta - size * step, trial
    solution = theta.reshape(d, k)
    return solution[:-1], solution[-1]


def _hessian(rows: Array64, p: Array64, weights: Array64) -> Array64:
    d, k = rows.shape[1], p.shape[1]
    blocks = np.empty((d, k, d, k))
    for a in range(k):
        for b in range(k):
            curvature = weights * p[:, a] * ((a == b) - p[:, b])
            blocks[:, a, :, b] = rows.T @ (curvature[:, None] * rows)
    return blocks.reshape(d * k, d * k)
