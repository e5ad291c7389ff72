"""What the contract suite cannot see: truncation, pooling over the mask, batches, broken folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import OnnxEncoder
from models.errors import ModelRefused
from models.tokens import batches, bounded


def test_padding_does_not_change_a_vector(tmp_path: Path) -> None:
    encoder = OnnxEncoder.open(tiny.encoder_folder(tmp_path))
    together = encoder.encode(["red", "blue blue blue blue blue", "red"])
    np.testing.assert_allclose(together[0], encoder.encode(["red"])[0], atol=1e-6)
    np.testing.assert_allclose(together[0], together[2])
    assert together[0, 0] > 0.9
    assert together[1, 1] > 0.9


def test_text_beyond_max_tokens_is_not_read(tmp_path: Path) -> None:
    encoder = OnnxEncoder.open(tiny.encoder_folder(tmp_path))  # 8 tokens: [CLS], six words, [SEP]
    six, more = encoder.encode(["red " * 6, "red " * 6 + "blue " * 500_000])
    np.testing.assert_allclose(six, more)


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    (tiny.encoder_folder(tmp_path) / "tokenizer.json").unlink()
    with pytest.raises(ModelRefused, match=r"tokenizer\.json cannot be read"):
        OnnxEncoder.open(tmp_path)


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tiny.encoder_folder(tmp_path) / "tokenizer.json").write_text("{")
    with pytest.raises(ModelRefused, match=r"tokenizer\.json is not a tokenizer"):
        OnnxEncoder.open(tmp_path)


@pytest.mark.parametrize("meta", ["", "[]", '{"role": "encoder"}', '{"role": "reranker", "revision": "1"}'])
def test_a_broken_meta_is_named(tmp_path: Path, meta: str) -> None:
    (tiny.encoder_folder(tmp_path) / "meta.json").write_text(meta)
    with pytest.raises(ModelRefused, match=r"meta\.json is not as it should be"):
        OnnxEncoder.open(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"meta\.json cannot be read"):
        OnnxEncoder.open(tmp_path)


@given(st.lists(st.integers(1, 256), max_size=80))
def test_batches_hold_every_index_once_within_the_budget(lengths: list[int]) -> None:
    groups = list(batches(lengths, tokens_a_batch=512))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    assert all(len(group) * max(lengths[index] for index in group) <= 512 for group in groups)


def test_bounded_text_keeps_its_beginning_and_can_be_tokenised() -> None:
    assert bounded("  a \n b\t", 8) == "a b"
    assert len(bounded("word " * 1_000_000, 256)) <= 256 * 16
    assert bounded("half \ud83d", 8) == "half ?"
