"""The shared sentence encoder: text to vectors for search, classification and support."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Tokenizer

from models.meta import EncoderMeta, read_meta
from models.onnx import Provider, Session, open_session
from models.roles import Matrix
from models.tokens import TOKENS_A_BATCH, batches, bounded, open_tokenizer, padded

_LAYERS = "layers"


class OnnxEncoder:
    """An ``Encoder`` whose graph pools and normalises, so that its output is the embedding.

    Safe to call from several threads: neither session nor tokenizer keeps state between calls.
    """

    def __init__(self, session: Session, tokenizer: Tokenizer, meta: EncoderMeta) -> None:
        self.revision = meta.revision
        self.dimension = meta.dimension
        self.languages = meta.languages
        self.vector_revision = meta.vector_revision or meta.revision
        self._max_tokens = meta.max_tokens
        self._session = session
        self._tokens_a_batch = TOKENS_A_BATCH[session.provider]
        self._tokenizer = tokenizer
        self._output = "embedding" if "embedding" in session.outputs else session.outputs[0]
        self.encode(["warm up"])  # the first run allocates and packs weights: pay for it now, not in a customer's turn

    @classmethod
    def open(cls, folder: Path, *, provider: Provider = "cpu", threads: int | None = None) -> Self:
        """Load ``model.onnx``, ``tokenizer.json`` and ``meta.json`` of ``folder``. Raises ``ModelRefused``.

        Hashes are the catalogue's: call ``Catalog.require`` first.
        """
        meta = read_meta(EncoderMeta, folder)
        tokenizer = open_tokenizer(folder / "tokenizer.json", max_tokens=meta.max_tokens)
        return cls(open_session(folder / "model.onnx", provider=provider, threads=threads), tokenizer, meta)

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Vectors in the order of ``texts``; text beyond ``max_tokens`` is not read; no texts give shape (0, d)."""
        [vectors] = self._outputs(texts, self._output)
        return vectors

    def encode_layers(self, texts: Sequence[str]) -> tuple[Matrix, Matrix]:
        """The same vectors, and beside them the means of the lower layers that intent heads read, shape (n, 0) without any."""
        if _LAYERS not in self._session.outputs:
            return self.encode(texts), np.empty((len(texts), 0), dtype=np.float32)
        vectors, layers = self._outputs(texts, self._output, _LAYERS)
        return vectors, layers

    def _outputs(self, texts: Sequence[str], *names: str) -> list[Matrix]:
        found: list[list[Matrix]] = [[] for _ in names]
        places: list[int] = []
        encodings = self._tokenizer.encode_batch([bounded(text, self._max_tokens) for text in texts])
        for group in batches(list(map(len, encodings)), self._tokens_a_batch):
            feeds = padded([encodings[index] for index in group], self._session.inputs)
            values = self._session.run(feeds)
            places += group
            for mine, name in zip(found, names, strict=True):
                mine.append(values[name])
        order = np.argsort(places)
        return [np.concatenate(mine)[order] if mine else self._nothing() for mine in found]

    def _nothing(self) -> Matrix:
        return np.empty((0, self.dimension), dtype=np.float32)
