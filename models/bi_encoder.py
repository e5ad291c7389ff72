"""Question and text read apart: the cosine of their vectors, in place of a cross-encoder where many short texts are judged.

A pair costs the cross-encoder the question's tokens each time; here a text costs its own tokens once, and nothing when it was judged before.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from models.roles import Encoder, Pair, Scores, Vector

SCALE = 20.0
"""From a cosine to the scale of the cross-encoder's logits, which starts from the same product (``models.training.torch_pair``)."""
KEPT = 8192
"""Vectors of texts kept in memory: 13 MB at 384 dimensions, the sentences of some 700 passages."""


class BiEncoderReranker:
    """A ``Reranker`` for sentences. The encoder must read question and text alike (no prefixes).

    Vectors of texts are kept, those of questions are not: texts come from articles, questions from customers. Keys are hashes, so that no
    text is held. Safe to call from several threads.
    """

    def __init__(self, encoder: Encoder, *, kept: int = KEPT) -> None:
        self.revision = f"cosine+{encoder.revision}"
        self._encoder = encoder
        self._kept = kept
        self._vectors: OrderedDict[bytes, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Scaled cosines in the order of ``pairs``; all that is not known yet is encoded in one call."""
        texts = {text: _key(text) for _, text in pairs}
        vectors = self._known(texts)
        questions = list(dict.fromkeys(question for question, _ in pairs))
        missing = [text for text in texts if text not in vectors]
        if not questions:
            return np.zeros(0, dtype=np.float32)
        found = self._encoder.encode([*questions, *missing])
        asked = dict(zip(questions, found, strict=False))
        fresh = {text: vector.copy() for text, vector in zip(missing, found[len(questions) :], strict=True)}
        self._keep(texts, fresh)
        vectors |= fresh
        return np.array([SCALE * (asked[question] @ vectors[text]) for question, text in pairs], dtype=np.float32)

    def _known(self, texts: dict[str, bytes]) -> dict[str, Vector]:
        with self._lock:
            found = {text: self._vectors[key] for text, key in texts.items() if key in self._vectors}
            for text in found:
                self._vectors.move_to_end(texts[text])
        return found

    def _keep(self, texts: dict[str, bytes], fresh: dict[str, Vector]) -> None:
        """A copy of each row: a view would keep its whole batch alive."""
        with self._lock:
            self._vectors.update((texts[text], vector) for text, vector in fresh.items())
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
