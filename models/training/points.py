"""From what heads read of a text to the two points that their kernel compares: one of meaning, one of wording.

Meaning: the encoder's vector and its lower layers' means, centred and turned onto their main axes (a frozen encoder's
upper layer forgets what lower ones still know). Wording: n-gram counts, damped, weighted by rarity, of norm 1. Both are
fitted without labels. What each part is worth: docs/decisions/0012-what-intent-heads-read.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.ngrams import BUCKETS
from models.roles import Features

Array = npt.NDArray[np.float32]
AXES = 384
_TINY = np.float32(1e-9)


@dataclass(frozen=True, slots=True)
class Points:
    """``meaning`` (n, axes) and ``wording`` (n, BUCKETS), rows of norm 1; a text without n-grams has a zero row there."""

    meaning: Array
    wording: Array

    def __len__(self) -> int:
        return len(self.meaning)

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Points:
        return Points(self.meaning[rows], self.wording[rows])


@dataclass(frozen=True, slots=True)
class Preparation:
    """``mean`` (d,), ``axes`` (d, at most AXES), ``rarity`` (BUCKETS,); d is the width of a row less the counts."""

    mean: Array
    axes: Array
    rarity: Array

    def __call__(self, features: Features) -> Points:
        """``features`` (n, d + BUCKETS), as ``models.features`` gives them."""
        width = len(self.mean)
        meaning = ((np.asarray(features[:, :width], dtype=np.float32) - self.mean) @ self.axes).astype(np.float32)
        counts = np.asarray(features[:, width:], dtype=np.float32)
        return Points(_unit(meaning), _unit((np.log1p(counts) * self.rarity).astype(np.float32)))


def fit_preparation(features: Features) -> Preparation:
    """Mean and main axes of the dense part, rarity (smoothed inverse document frequency) of each bucket."""
    width = features.shape[1] - BUCKETS
    dense = np.asarray(features[:, :width], dtype=np.float32)
    mean = _half(dense.mean(axis=0))
    centred = dense - mean
    _, axes = np.linalg.eigh(centred.T @ centred)
    seen = (features[:, width:] > 0).sum(axis=0)
    rarity = np.log((1 + len(features)) / (1 + seen)) + 1
    return Preparation(mean, _half(axes[:, ::-1][:, :AXES]), rarity.astype(np.float32))


def _unit(rows: Array) -> Array:
    found: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return found


def _half(values: Array) -> Array:
    """Rounded to half precision, as the graph keeps them: fitted and shipped heads give the same numbers."""
    return np.ascontiguousarray(values, dtype=np.float16).astype(np.float32)
