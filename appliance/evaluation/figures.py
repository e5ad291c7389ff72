"""The arithmetic of the figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_RESAMPLES = 2_000
_SEED = 7
"""The same data give the same interval."""


def share(part: int, whole: int) -> float | None:
    """``part`` of ``whole``, null where there is nothing to divide."""
    return round(part / whole, 4) if whole else None


def mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Linear between neighbours; milliseconds to two places."""
    return round(float(np.percentile(values, percent)), 2) if len(values) else None


def interval(values: Sequence[float]) -> list[float] | None:
    """95 % interval of the mean by the percentile bootstrap (Efron 1979): what another sample of such questions might show."""
    if not len(values):
        return None
    sample = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(0, len(sample), size=(_RESAMPLES, len(sample)))
    low, high = np.percentile(sample[drawn].mean(axis=1), (2.5, 97.5))
    return [round(float(low), 4), round(float(high), 4)]
