"""Character n-grams of a text, counted in hash buckets: what a vector of meaning forgets (names, codes, spelling).

Two to five characters, after lower-casing; digits count as one and the same, runs of white space as one space. Hashing
(Weinberger et al. 2009) needs no vocabulary, so heads that were trained on one box can be read on any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.uint8]

BUCKETS = 2048
LENGTHS = (2, 3, 4, 5)
MOST_CHARACTERS = 4_000
"""A longer text says what it is about in its beginning, and a megabyte must not hold up the line."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SPACE = re.compile(r"\s+")
_DIGIT = re.compile(r"\d")


def count_ngrams(texts: Sequence[str]) -> Counts:
    """Counts of each text's n-grams, shape (n, BUCKETS), at most 255 a bucket."""
    found = np.zeros((len(texts), BUCKETS), dtype=np.uint8)
    for row, text in enumerate(texts):
        found[row] = np.minimum(np.bincount(_buckets(text), minlength=BUCKETS), 255)
    return found


def _buckets(text: str) -> npt.NDArray[np.int64]:
    plain = _DIGIT.sub("0", _SPACE.sub(" ", text[:MOST_CHARACTERS].lower()).strip())
    letters = np.array([ord(letter) for letter in f" {plain} "], dtype=np.uint64)
    parts = []
    for length in LENGTHS:
        if len(letters) < length:
            break
        hashed = np.full(len(letters) - length + 1, length, dtype=np.uint64)
        for at in range(length):  # arithmetic modulo 2^64, on purpose
            hashed = (hashed ^ letters[at : at + len(hashed)]) * _BASE
        hashed = (hashed ^ (hashed >> np.uint64(29))) * _MIX
        parts.append((hashed >> np.uint64(32)) % np.uint64(BUCKETS))
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)
