"""Reads the texts of a training with the encoder, a block at a time, so that somebody can watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.features import read_features
from models.roles import Encoder, Features

_AT_ONCE = 256
Advance = Callable[[int, int], None]


def encode(encoder: Encoder, texts: Sequence[str], advance: Advance) -> Features:
    """One row a text; ``advance`` is told how many are done, and of how many."""
    parts = []
    for at in range(0, len(texts), _AT_ONCE):
        parts.append(read_features(encoder, texts[at : at + _AT_ONCE]))
        advance(min(at + _AT_ONCE, len(texts)), len(texts))
    return np.concatenate(parts) if parts else read_features(encoder, [])
