"""What the shipped encoder makes of each word on its way to a vector: the states of inner layers, for taggers.

The graph of the encoder is opened a second time and cut where the states come out, so that its own outputs, and with them every vector of
the search, stay as they are, and half of its layers need not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models.onnx import Session, open_session
from models.tokens import open_tokenizer

States = npt.NDArray[np.float32]
"""One row a word: shape (words, width)."""

WINDOW = 126
"""Tokens read at once, beside [CLS] and [SEP]. Longer texts are read in windows, which end at a line or sentence where they can."""
_ENDS = frozenset(("\n", ".", "!", "?"))
_CHARS_A_WORD = 40
_LINE_END = "|"
"""What stands for a line end: the tokenizer would drop it."""


class TokenStates:
    """Safe to call from several threads. Each window is a run of its own: int8 scales are a batch's, so what stands beside a text would change its states."""

    def __init__(self, session: Session, tokenizer: Tokenizer, layers: Sequence[str]) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._layers = tuple(layers)
        self._first, self._last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")

    @classmethod
    def open(cls, encoder: Path, layers: Sequence[str], *, threads: int | None = None) -> Self:
        """``layers``: names of the tensors in ``encoder/model.onnx``, (batch, tokens, width) each. Raises ``ModelRefused``."""
        session = open_session(encoder / "model.onnx", threads=threads, inner=layers)
        return cls(session, open_tokenizer(encoder / "tokenizer.json", max_tokens=None), layers)

    def of(self, words: Sequence[str]) -> Iterator[tuple[int, States]]:
        """For each window: the place of its first word, and a row for each of its words, the layers side by side; the mean of its tokens."""
        if not words:
            return
        plain = [_plain(word) for word in words]
        encoding = self._tokenizer.encode(plain, is_pretokenized=True, add_special_tokens=False)
        of_word = np.array([-1 if at is None else at for at in encoding.word_ids], dtype=np.int64)
        ids = np.array(encoding.ids, dtype=np.int64)
        counts = np.bincount(of_word[of_word >= 0], minlength=len(words))
        for start, end in _windows(words, counts):
            mine = (of_word >= start) & (of_word < end)
            yield start, self._run(ids[mine], of_word[mine] - start, end - start)

    def _run(self, ids: npt.NDArray[np.int64], of_word: npt.NDArray[np.int64], words: int) -> States:
        framed = np.concatenate([[self._first], ids, [self._last]]).astype(np.int64)[None, :]
        found = self._session.run({"input_ids": framed, "attention_mask": np.ones_like(framed)})
        tokens = np.concatenate([found[name][0, 1:-1] for name in self._layers], axis=1)
        sums = np.zeros((words, tokens.shape[1]), dtype=np.float32)
        np.add.at(sums, of_word, tokens)
        counts = np.bincount(of_word, minlength=words).clip(min=1)
        means: States = (sums / counts[:, None]).astype(np.float32)
        return means


def _plain(word: str) -> str:
    if word == "\n":
        return _LINE_END
    return word[:_CHARS_A_WORD].encode("utf-8", "replace").decode("utf-8")


def _windows(words: Sequence[str], counts: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    start = used = 0
    end = 0
    for at, (word, count) in enumerate(zip(words, counts, strict=True)):
        if used + count > WINDOW and at > start:
            cut = end if end > start else at
            yield start, cut
            start, used, end = cut, int(counts[cut:at].sum()), cut
        used += int(count)
        if word in _ENDS:
            end = at + 1
    yield start, len(words)
