"""How far a passage supports a sentence, learned: boosted trees on the encoder's likenesses and on the small words that turn a meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from models.errors import ModelRefused
from models.lexical import content_stems, words
from models.meta import SupportMeta, read_meta
from models.onnx import REINSTALL
from models.roles import Encoder, Pair, Scores
from models.support import verbatim
from models.support_features import DIRECTIONS, FeatureReader
from models.trees import Forest, Trees

AGAINST = 0.25
"""Factor of a claim that says "disable" where its source says "enable": no likeness may outweigh that."""
_OPPOSITE = tuple(DIRECTIONS).index("opposite words")


class LearnedSupport:
    """A ``SupportChecker``: verbatim text is supported; of all other the trees judge the features (``models.support_features``).

    Needs no more memory than the encoder that serves anyway. Safe to call from several threads.
    """

    def __init__(self, encoder: Encoder, trees: Trees, revision: str) -> None:
        self.revision = f"{revision}+{encoder.revision}"
        self._features = FeatureReader(encoder)
        self._forest = Forest(trees)

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> Self:
        """Load ``trees.json`` and ``meta.json``. Raises ``ModelRefused``, also when they were fitted to another encoder."""
        meta = read_meta(SupportMeta, folder)
        trees = Trees.open(folder / "trees.json")
        if meta.encoder_revision != encoder.revision or trees.features != tuple(DIRECTIONS):
            raise ModelRefused(
                f"The support checker of {folder} was fitted to {meta.encoder_revision} and cannot read {encoder.revision}.",
                remedy=REINSTALL,
            )
        return cls(encoder, trees, meta.revision)

    def support(self, pairs: Sequence[Pair]) -> Scores:
        """0..1 for each (sentence, passage), in order. Vectors are made for all pairs in one call."""
        scores = np.zeros(len(pairs), dtype=np.float32)
        open_cases = []
        for index, (sentence, passage) in enumerate(pairs):
            if verbatim(sentence, passage):
                scores[index] = 1.0
            elif content_stems(words(sentence)) and passage.strip():
                open_cases.append(index)
        if open_cases:
            rows = self._features.read([pairs[index] for index in open_cases])
            chances = 1 / (1 + np.exp(-np.clip(self._forest.logits(rows), -60, 60)))
            scores[open_cases] = np.where(rows[:, _OPPOSITE] > 0, AGAINST * chances, chances)
        return scores
