"""Questions as vectors: some encoders read a question otherwise than the passage that answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from models.roles import Encoder, Matrix


@runtime_checkable
class AsksOtherwise(Protocol):
    """An ``Encoder`` that was trained with a prefix or an instruction before each question."""

    def encode_questions(self, texts: Sequence[str]) -> Matrix: ...


def question_vectors(encoder: Encoder, texts: Sequence[str]) -> Matrix:
    """Vectors of customers' messages, for search and classification. Passages, titles and sentences go through ``encode``."""
    if isinstance(encoder, AsksOtherwise):
        return encoder.encode_questions(texts)
    return encoder.encode(texts)
