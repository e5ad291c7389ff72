"""What the learned support checker sees of a claim and its evidence: likeness, words without a counterpart, and small words that differ.

The encoder compares sentences and single words: "cancelled" has a counterpart in "withdrawn", "Team" has none in "Business".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.evidence import evidence, unmarked
from models.lexical import (
    STOP_WORDS,
    content_stems,
    contradicting,
    denial_differs,
    denials,
    is_negation,
    limits,
    stem,
    strength,
    unsaid_limits,
    words,
)
from models.roles import Encoder, Matrix, Pair, Vector

Features = npt.NDArray[np.float64]

UP, DOWN, FREE = 1, -1, 0
"""How a feature may move the score. Without these a head learns from hand-written pairs that what sounds like the source is false."""
_SMALL_WORDS = (
    "only", "all", "always", "every", "any", "not", "no", "can", "must", "may", "up", "least", "most", "more", "than", "before",
    "after", "also",
)  # fmt: skip
DIRECTIONS: dict[str, int] = {
    "cosine of the nearest": UP,
    "best cosine": UP,
    "words in the nearest": UP,
    "words in one sentence": UP,
    "words in the evidence": UP,
    "mean counterpart in the nearest": UP,
    "weakest counterpart in the nearest": UP,
    "mean counterpart": UP,
    "weakest counterpart": UP,
    "counterpart elsewhere": DOWN,
    "share without counterpart": DOWN,
    "words without counterpart": DOWN,
    "denial differs": DOWN,
    "denial differs on like words": DOWN,
    "claim denies": FREE,
    "nearest denies": FREE,
    "opposite words": DOWN,
    "number in no sentence": DOWN,
    "number not in the nearest": DOWN,
    "limits left out": DOWN,
    "limits added": FREE,
    "stronger": DOWN,
    "name not in the nearest": DOWN,
    "name in no sentence": DOWN,
    "neighbouring words alike": UP,
    **{f"adds {word}": FREE for word in _SMALL_WORDS},
    **{f"lacks {word}": FREE for word in _SMALL_WORDS},
}
"""Name and direction of every feature, in order."""

MAX_KNOWN_WORDS = 4096
"""Vectors of single words that are kept: 6 MB. More than that, and all are made anew when asked for."""
_HAS_NO_COUNTERPART = 0.5
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w-]+")


class _Text(NamedTuple):
    text: str
    words: tuple[str, ...]
    content: tuple[str, ...]
    """Words that carry content, in order, repeated ones too."""
    stems: frozenset[str]


class FeatureReader:
    """Features of pairs, all vectors of one call made together. Safe to call from several threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vector] = {}

    def read(self, pairs: Sequence[Pair]) -> Features:
        """One row a pair, one column for each of ``DIRECTIONS``."""
        cases = [
            (_text(unmarked(claim)), [_text(one) for one in evidence(claim, passage) or (".",)])
            for claim, passage in pairs
        ]
        texts = dict.fromkeys(one.text for claim, sources in cases for one in (claim, *sources))
        vectors = dict(zip(texts, self._encoder.encode(list(texts)), strict=True)) if texts else {}
        known = self._words(chain.from_iterable(one.content for claim, sources in cases for one in (claim, *sources)))
        rows = [_row(claim, sources, vectors, known) for claim, sources in cases]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(DIRECTIONS))

    def _words(self, wanted: Iterable[str]) -> dict[str, Vector]:
        every = dict.fromkeys(wanted)
        known = self._known
        missing = sorted(word for word in every if word not in known)
        found = dict(zip(missing, self._encoder.encode(missing), strict=True)) if missing else {}
        if len(known) + len(found) <= MAX_KNOWN_WORDS:
            self._known = known | found  # a new one each time: other threads go on reading the old
        return {word: found[word] if word in found else known[word] for word in every}


def _text(text: str) -> _Text:
    found = tuple(words(text))
    content = tuple(word for word in found if word not in STOP_WORDS and not is_negation(word))
    return _Text(text, found, content, content_stems(found))


def _row(claim: _Text, sources: Sequence[_Text], vectors: dict[str, Vector], known: dict[str, Vector]) -> list[float]:
    cosines = [float(vectors[claim.text] @ vectors[one.text]) for one in sources]
    covered = [len(claim.stems & one.stems) / max(len(claim.stems), 1) for one in sources]
    everything = frozenset().union(*(one.stems for one in sources))
    alike = [_counterparts(claim.content, one.content, known) for one in sources]
    anywhere = np.max(alike, axis=0)
    at = max(range(len(sources)), key=lambda at: cosines[at] + float(alike[at].mean()))
    nearest, near = sources[at], alike[at]
    denies = denial_differs(denials(claim.words), denials(nearest.words))
    numbers = {one for one in claim.stems if any(char.isdigit() for char in one)}
    names = {one.lower() for one in _NAME.findall(claim.text)}
    read = {word for one in sources for word in one.words}
    own, theirs = _neighbours(claim), frozenset().union(*map(_neighbours, sources))
    said, there = frozenset(claim.words), frozenset(nearest.words)
    return [
        cosines[at], max(cosines), covered[at], max(covered), len(claim.stems & everything) / max(len(claim.stems), 1),
        float(near.mean()), float(near.min()), float(anywhere.mean()), float(anywhere.min()), float((anywhere - near).max()),
        float((near < _HAS_NO_COUNTERPART).mean()), float((near < _HAS_NO_COUNTERPART).sum()),
        denies, denies * covered[at], denials(claim.words) > 0, denials(nearest.words) > 0,
        contradicting(said, there), bool(numbers - everything), bool(numbers - nearest.stems),
        len(unsaid_limits(claim.words, nearest.words)), len(limits(claim.words) - limits(nearest.words)),
        strength(said) - strength(there), bool(names - there), bool(names - read),
        len(own & theirs) / max(len(own), 1),
        *(word in said and word not in there for word in _SMALL_WORDS),
        *(word in there and word not in said for word in _SMALL_WORDS),
    ]  # fmt: skip


def _counterparts(claim: Sequence[str], source: Sequence[str], known: dict[str, Vector]) -> Matrix:
    """For each content word of the claim the cosine of the word of the source that is most like it."""
    if not claim or not source:
        return np.zeros(max(len(claim), 1), dtype=np.float32)
    left, right = (np.stack([known[word] for word in side]) for side in (claim, source))
    return np.asarray((left @ right.T).max(axis=1), dtype=np.float32)


def _neighbours(text: _Text) -> frozenset[tuple[str, str]]:
    return frozenset((stem(one), stem(other)) for one, other in pairwise(text.content))
