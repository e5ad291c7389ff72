"""What intent heads read of a message: vectors of several of the encoder's layers, and counts of its character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from models.ngrams import count_ngrams
from models.questions import question_vectors
from models.roles import Encoder, Features, Matrix, Reading


@runtime_checkable
class ReadsLayers(Protocol):
    """An ``Encoder`` that gives its lower layers' means (norm 1 each, side by side) in the same pass as its vectors."""

    def encode_layers(self, texts: Sequence[str]) -> tuple[Matrix, Matrix]: ...


def read_messages(encoder: Encoder, texts: Sequence[str]) -> list[Reading]:
    """One reading a text, in order; a single pass of the encoder serves search and classification."""
    vectors, features = _both(encoder, texts)
    return [Reading(vector, row) for vector, row in zip(vectors, features, strict=True)]


def read_features(encoder: Encoder, texts: Sequence[str]) -> Features:
    """For training and measuring: shape (n, width), the width being the encoder's own; half precision, or it is large."""
    return _both(encoder, texts)[1]


def _both(encoder: Encoder, texts: Sequence[str]) -> tuple[Matrix, Features]:
    dense: npt.NDArray[np.float32]
    if isinstance(encoder, ReadsLayers):
        vectors, layers = encoder.encode_layers(texts)
        dense = np.concatenate([vectors, layers], axis=1)
    else:
        vectors = dense = question_vectors(encoder, texts)
    return vectors, np.concatenate([dense.astype(np.float16), count_ngrams(texts).astype(np.float16)], axis=1)
