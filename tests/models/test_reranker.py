"""How a pair shares the tokens: the question is cut first, the passage fills the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from models.errors import ModelRefused
from models.reranker import OnnxReranker


@pytest.mark.parametrize(
    ("question", "passage", "read"),
    [
        ("red", "blue", 1),
        ("red", "", 0),
        ("red " * 50, "blue " * 50, 9),  # 16 tokens less [CLS], two [SEP] and a question of 4
        ("red", "blue " * 50, 12),
        ("red " * 50, "blue", 1),
    ],
)
def test_tokens_left_to_the_passage(tmp_path: Path, question: str, passage: str, read: int) -> None:
    reranker = OnnxReranker.open(tiny.reranker_folder(tmp_path))
    assert reranker.score([(question, passage)])[0] - 1 == read  # the closing [SEP] counts as the passage's


def test_the_order_survives_bucketing(tmp_path: Path) -> None:
    reranker = OnnxReranker.open(tiny.reranker_folder(tmp_path))
    lengths = [5, 1, 9, 3, 1, 7]
    assert reranker.score([("red", "blue " * n) for n in lengths]).tolist() == [n + 1 for n in lengths]


def test_an_encoder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="role"):
        OnnxReranker.open(tiny.encoder_folder(tmp_path))
