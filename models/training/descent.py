"""Minimising a smooth function of a few numbers, in numpy alone: a box fits its fusion without scipy (150 MB)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ValueAndSlope = Callable[[Floats], tuple[float, Floats]]
ARMIJO = 1e-4


def minimum(loss: ValueAndSlope, start: Floats, *, steps: int = 200, tolerance: float = 1e-7) -> Floats:
    """A local minimum by BFGS with backtracking (Nocedal and Wright, algorithm 6.1)."""
    here = np.array(start, dtype=np.float64)
    inverse = np.eye(len(here))
    value, slope = loss(here)
    for _ in range(steps):
        if np.abs(slope).max(initial=0.0) < tolerance:
            break
        direction = -inverse @ slope
        if slope @ direction >= 0:  # rounding has spoiled the curvature: begin anew downhill
            inverse, direction = np.eye(len(here)), -slope
        size = _step(loss, here, value, slope, direction)
        if size == 0.0:
            break
        move = size * direction
        new_value, new_slope = loss(here + move)
        inverse = _updated(inverse, move, new_slope - slope)
        here, value, slope = here + move, new_value, new_slope
    return here


def _step(loss: ValueAndSlope, here: Floats, value: float, slope: Floats, direction: Floats) -> float:
    """The largest halving of 1 that goes down enough; 0 when none does."""
    size, expected = 1.0, float(slope @ direction)
    while size > 1e-12:
        if loss(here + size * direction)[0] <= value + ARMIJO * size * expected:
            return size
        size /= 2
    return 0.0


def _updated(inverse: Floats, move: Floats, change: Floats) -> Floats:
    """The next inverse Hessian; unchanged where the function does not curve upwards."""
    curvature = float(move @ change)
    if curvature <= 1e-12:
        return inverse
    left = np.eye(len(move)) - np.outer(move, change) / curvature
    updated: Floats = left @ inverse @ left.T + np.outer(move, move) / curvature
    return updated
