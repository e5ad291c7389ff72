"""The cross-encoder that reads question and passage together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Encoding, Tokenizer

from models.meta import RerankerMeta, read_meta
from models.onnx import Provider, Session, open_session
from models.roles import Pair, Scores
from models.tokens import TOKENS_A_BATCH, batches, bounded, open_tokenizer, padded


class OnnxReranker:
    """A ``Reranker``. A long question is cut first (it repeats itself), then the passage fills what is left.

    Safe to call from several threads.
    """

    def __init__(self, session: Session, tokenizer: Tokenizer, meta: RerankerMeta) -> None:
        self.revision = meta.revision
        self._max_tokens = meta.max_tokens
        self._max_question_tokens = meta.max_question_tokens
        self.languages = meta.languages
        self._session = session
        self._tokens_a_batch = TOKENS_A_BATCH[session.provider]
        self._tokenizer = tokenizer
        self._special = tokenizer.num_special_tokens_to_add(is_pair=True)
        self._output = "score" if "score" in session.outputs else session.outputs[0]
        self.score([("warm", "up")])  # as in the encoder: the first run is slow, so it is not a customer's

    @classmethod
    def open(cls, folder: Path, *, provider: Provider = "cpu", threads: int | None = None) -> Self:
        """Load ``model.onnx``, ``tokenizer.json`` and ``meta.json`` of ``folder``. Raises ``ModelRefused``."""
        meta = read_meta(RerankerMeta, folder)
        tokenizer = open_tokenizer(folder / "tokenizer.json", max_tokens=None)
        return cls(open_session(folder / "model.onnx", provider=provider, threads=threads), tokenizer, meta)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Logits in the order of ``pairs``; no pairs give shape (0,)."""
        scores = np.empty(len(pairs), dtype=np.float32)
        encodings = self._encode(pairs)
        for group in batches(list(map(len, encodings)), self._tokens_a_batch):
            feeds = padded([encodings[index] for index in group], self._session.inputs)
            scores[group] = self._session.run(feeds)[self._output].reshape(-1)
        return scores

    def _encode(self, pairs: Sequence[Pair]) -> list[Encoding]:
        """[CLS] question [SEP] passage [SEP]; a question that many pairs share is tokenised once."""
        questions = {question: self._cut(question) for question, _ in pairs}
        passages = self._tokenizer.encode_batch(
            [bounded(passage, self._max_tokens) for _, passage in pairs], add_special_tokens=False
        )
        joined = []
        for (question, _), passage in zip(pairs, passages, strict=True):
            first = questions[question]
            passage.truncate(self._max_tokens - self._special - len(first))
            joined.append(self._tokenizer.post_process(first, passage))
        return joined

    def _cut(self, question: str) -> Encoding:
        text = bounded(question, self._max_question_tokens)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        encoding.truncate(self._max_question_tokens)
        return encoding


class LateReranker:
    """An ``OnnxReranker`` that is loaded when it is first asked: where the search alone orders, nobody asks it, and 80 MB stay free.

    The caller has checked the folder's hashes. Safe to call from several threads: the first loads, the others wait.
    """

    def __init__(self, folder: Path, *, provider: Provider = "cpu", threads: int | None = None) -> None:
        """Reads ``meta.json``. Raises ``ModelRefused``."""
        meta = read_meta(RerankerMeta, folder)
        self.revision, self.languages = meta.revision, meta.languages
        self._folder, self._provider, self._threads = folder, provider, threads
        self._one = threading.Lock()
        self._opened: OnnxReranker | None = None

    @property
    def loaded(self) -> bool:
        return self._opened is not None

    def load(self) -> OnnxReranker:
        """Raises ``ModelRefused`` when the files cannot be loaded."""
        with self._one:
            if self._opened is None:
                self._opened = OnnxReranker.open(self._folder, provider=self._provider, threads=self._threads)
            return self._opened

    def score(self, pairs: Sequence[Pair]) -> Scores:
        return self.load().score(pairs)
