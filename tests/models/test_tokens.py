"""From texts to arrays: in the model's own thread, and only the arrays that the model takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tiny
from tokenizers import Encoding

from models.batching import Batcher
from models.encoder import OnnxEncoder
from models.reranker import OnnxReranker
from models.roles import Pair
from models.tokens import open_tokenizer, padded


class WatchedReranker(OnnxReranker):
    """Notes in which thread it tokenises."""

    threads: list[str]

    def _encode(self, pairs: Sequence[Pair]) -> list[Encoding]:
        self.threads = [*getattr(self, "threads", []), threading.current_thread().name]
        return super()._encode(pairs)


async def test_tokenisation_never_runs_on_the_event_loop(tmp_path: Path) -> None:
    reranker = WatchedReranker.open(tiny.reranker_folder(tmp_path))
    reranker.threads.clear()  # the warm-up of the constructor
    queue = Batcher[Pair, float](
        lambda pairs: reranker.score(pairs).tolist(), max_batch=4, max_waiting=9, name="reranker"
    )
    try:
        await asyncio.gather(*(queue.submit([("red", "blue")]) for _ in range(3)))
    finally:
        await queue.close()
    assert set(reranker.threads) == {"batch-reranker"}


def test_arrays_are_padded_with_zeros_to_the_longest(tmp_path: Path) -> None:
    tiny.save_tokenizer(tmp_path / "t.json")
    tokenizer = open_tokenizer(tmp_path / "t.json", max_tokens=None)
    arrays = padded([tokenizer.encode("red"), tokenizer.encode("red", "blue blue")])
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "input_ids": [[1, 3, 2, 0, 0, 0], [1, 3, 2, 4, 4, 2]],
        "attention_mask": [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]],
        "token_type_ids": [[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]],
    }


def test_an_input_that_the_model_does_not_take_is_not_made(tmp_path: Path) -> None:
    tiny.save_tokenizer(tmp_path / "t.json")
    encoding = open_tokenizer(tmp_path / "t.json", max_tokens=None).encode("red")
    assert list(padded([encoding], frozenset(("input_ids", "attention_mask", "position_ids")))) == [
        "input_ids",
        "attention_mask",
    ]


def test_a_vector_does_not_depend_on_the_company_that_it_was_made_in(tmp_path: Path) -> None:
    encoder = OnnxEncoder.open(tiny.encoder_folder(tmp_path))
    texts = ["red " * n for n in (5, 1, 3, 2, 4, 6, 1)] * 20
    np.testing.assert_allclose(encoder.encode(texts)[3], encoder.encode([texts[3]])[0], atol=1e-6)
