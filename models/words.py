"""Words of a text with their places, and what their letters look like: the features of taggers beside the encoder's states."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_WORD = re.compile(
    r"\n|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\w\s]|_"
)
"""A run of letters and digits, one sign of Chinese, Japanese or Korean, one mark, or a line end."""

BUCKETS = 8192
MOST_GRAMS = 24
SHAPES = 18
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: int
    end: int


def split_words(text: str) -> list[Word]:
    return [Word(found[0], found.start(), found.end()) for found in _WORD.finditer(text)]


def grams(words: Sequence[str]) -> npt.NDArray[np.int64]:
    """Hash buckets of each word's pieces of 2 to 4 letters and of the word itself, shape (words, MOST_GRAMS); 0 where there are fewer."""
    rows = np.zeros((len(words), MOST_GRAMS), dtype=np.int64)
    known: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        if word not in known:
            known[word] = _grams(word)
        row = known[word]
        rows[at, : len(row)] = row
    return rows


def _grams(word: str) -> list[int]:
    lower = word.lower()[:_LONGEST]
    framed = f"<{lower}>"
    pieces = [f"={lower}", *(framed[at : at + size] for size in (3, 4, 2) for at in range(len(framed) - size + 1))]
    return [1 + zlib.crc32(piece.encode("utf-8", "replace")) % (BUCKETS - 1) for piece in pieces[:MOST_GRAMS]]


def shapes(words: Sequence[Word], text: str) -> npt.NDArray[np.float32]:
    """Flags of each word, shape (words, SHAPES)."""
    rows = np.zeros((len(words), SHAPES), dtype=np.float32)
    letters = [word.text for word in words if word.text.isalpha() and len(word.text) > 1]
    quiet = bool(letters) and all(word.islower() for word in letters)
    loud = bool(letters) and all(word.isupper() for word in letters)
    for at, word in enumerate(words):
        before = words[at - 1].text if at else "\n"
        after = words[at + 1].text if at + 1 < len(words) else "\n"
        rows[at] = (
            *_shape(word.text, before, after),
            quiet,
            loud,
            at > 0 and words[at - 1].end == word.start,
            at + 1 < len(words) and words[at + 1].start == word.end,
        )
    return rows


def _shape(word: str, before: str, after: str) -> tuple[bool, ...]:
    return (
        word.istitle(),
        word.isupper() and len(word) > 1,
        word.islower(),
        word.isalpha() and len(word) == 1 and word.isupper(),
        word.isdigit(),
        any(sign.isdigit() for sign in word) and not word.isdigit(),
        not word.isalnum() and word != "\n",
        word == "\n",
        not word.isascii(),
        before in {"\n", ".", "!", "?", ":", ";", '"'},
        before == "\n",
        after == "\n",
        word.isdigit() and len(word) <= 2,
        word.isdigit() and len(word) >= 4,
    )
