"""Names of persons, addresses, places and companies in a text: a small tagger on the states of the shipped encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from models.errors import ModelRefused
from models.meta import EncoderMeta, NamesMeta, read_meta
from models.onnx import REINSTALL, Arrays, Session, open_session
from models.roles import Mention
from models.token_states import TokenStates
from models.words import Word, grams, shapes, split_words

Shares = npt.NDArray[np.float32]
"""Probability of each tag a word, shape (words, tags); the first tag is none."""


class EncoderNameTagger:
    """A ``NameTagger``. Safe to call from several threads; time is linear in the length of the text."""

    def __init__(self, states: TokenStates, session: Session, meta: NamesMeta) -> None:
        self.revision = meta.revision
        self.tags = meta.tags[1:]
        self._states = states
        self._session = session

    @classmethod
    def open(cls, folder: Path, *, encoder: Path, threads: int | None = None) -> Self:
        """``folder`` of the tagger, ``encoder`` of the encoder whose states it was trained on. Raises ``ModelRefused``."""
        meta = read_meta(NamesMeta, folder)
        found = read_meta(EncoderMeta, encoder).revision
        if found != meta.encoder_revision:
            raise ModelRefused(
                f"The name tagger in {folder} was trained on encoder {meta.encoder_revision}, but {encoder} is {found}.",
                remedy=REINSTALL,
            )
        states = TokenStates.open(encoder, meta.layers, threads=threads)
        return cls(states, open_session(folder / "tagger.onnx", threads=1), meta)

    def tag(self, texts: Sequence[str], *, at_least: float) -> list[tuple[Mention, ...]]:
        return [tuple(self._mentions(text, at_least)) for text in texts]

    def _mentions(self, text: str, at_least: float) -> Iterator[Mention]:
        """Runs of words of one tag. Tags come in the order of what must not be missed: a word that may be a person counts as one, even if it
        is likelier a company."""
        words = split_words(text)
        shares = self._shares(words, text)
        sure = shares[:, 1:] >= at_least
        kinds = np.where(sure.any(axis=1), sure.argmax(axis=1), shares[:, 1:].argmax(axis=1))
        kinds[1.0 - shares[:, 0] < at_least] = -1
        at = 0
        while at < len(words):
            end = at + 1
            while end < len(words) and kinds[end] == kinds[at]:
                end += 1
            if kinds[at] >= 0:
                confidence = float((1.0 - shares[at:end, 0]).max())
                yield Mention(self.tags[kinds[at]], words[at].start, words[end - 1].end, confidence)
            at = end

    def _shares(self, words: Sequence[Word], text: str) -> Shares:
        plain = [word.text for word in words]
        pieces, forms = grams(plain), shapes(words, text)
        rows = [np.zeros((0, len(self.tags) + 1), dtype=np.float32)]
        for first, states in self._states.of(plain):
            last = first + len(states)
            feeds: Arrays = {
                "states": states[None],
                "grams": pieces[None, first:last],
                "shapes": forms[None, first:last],
            }
            rows.append(_softmax(self._session.run(feeds)["logits"][0]))
        return np.concatenate(rows)


def _softmax(logits: Shares) -> Shares:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Shares = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
