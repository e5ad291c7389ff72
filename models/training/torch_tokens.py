"""Question and passage as the cross-encoder reads them, in training as at run time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

MAX_TOKENS = 192
MAX_QUESTION_TOKENS = 64
Batch = dict[str, torch.Tensor]


class PairTokens:
    """[CLS] question [SEP] passage [SEP]; the question is cut as at run time, the passage fills ``max_tokens``."""

    def __init__(self, tokenizer_file: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._max_tokens = max_tokens
        self._first, self._separator = (self._tokenizer.token_to_id(one) for one in ("[CLS]", "[SEP]"))

    def batch(self, pairs: Sequence[tuple[str, str]]) -> Batch:
        rows = [self._row(question, passage) for question, passage in pairs]
        width = max(len(ids) for ids, _ in rows)
        padded = {"input_ids": [], "attention_mask": [], "token_type_ids": []}  # type: dict[str, list[list[int]]]
        for ids, types in rows:
            gap = [0] * (width - len(ids))
            padded["input_ids"].append(ids + gap)
            padded["attention_mask"].append([1] * len(ids) + gap)
            padded["token_type_ids"].append(types + gap)
        return {name: torch.tensor(values, dtype=torch.int64) for name, values in padded.items()}

    def _row(self, question: str, passage: str) -> tuple[list[int], list[int]]:
        left = self._ids(question)[:MAX_QUESTION_TOKENS]
        right = self._ids(passage)[: self._max_tokens - 3 - len(left)]
        ids = [self._first, *left, self._separator, *right, self._separator]
        return ids, [0] * (len(left) + 2) + [1] * (len(right) + 1)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
