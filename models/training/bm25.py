"""BM25 over a list of passages, for mining hard negatives (the serving search uses LanceDB's own full-text index)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.roles import Scores

_WORD = re.compile(r"[a-z0-9]+")
_SUFFIXES = ("ing", "ed", "es", "s")
_STOP = frozenset(
    _WORD.findall(
        "a an and are as at be but by can do does for has have how i if in into is it me my no not of on or our such"
        " that the their then there these they this to was we what when will with you your"
    )
)


def terms(text: str) -> list[str]:
    """Lower-case words without stop words, cut by four common English suffixes."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


class BM25:
    """Okapi BM25 (k1 = 1.2, b = 0.75) with every term weight computed once; memory is one float a distinct term."""

    def __init__(self, texts: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        counts = [Counter(terms(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
        norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1e-9))
        self._size = len(texts)
        self._postings: dict[str, tuple[npt.NDArray[np.int64], Scores]] = {}
        rows: dict[str, list[tuple[int, int]]] = {}
        for row, count in enumerate(counts):
            for term, times in count.items():
                rows.setdefault(term, []).append((row, times))
        for term, found in rows.items():
            at = np.array([row for row, _ in found], dtype=np.int64)
            often = np.array([times for _, times in found], dtype=np.float64)
            idf = np.log(1 + (self._size - len(at) + 0.5) / (len(at) + 0.5))
            self._postings[term] = (at, (idf * often * (k1 + 1) / (often + norm[at])).astype(np.float32))

    def scores(self, question: str) -> Scores:
        """BM25 of every passage, shape (passages,)."""
        total = np.zeros(self._size, dtype=np.float32)
        for term in set(terms(question)):
            if term in self._postings:
                at, weights = self._postings[term]
                total[at] += weights
        return total
