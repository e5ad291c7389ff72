"""The states of words: every word has a row, long texts come in windows, and the search's encoder is not touched."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from models.catalog import WEIGHTS
from models.errors import ModelRefused
from models.names import EncoderNameTagger
from models.onnx import open_session
from models.token_states import WINDOW, TokenStates
from models.words import BUCKETS, MOST_GRAMS, SHAPES, grams, shapes, split_words

LAYERS = json.loads((WEIGHTS / "names" / "meta.json").read_text("utf-8"))["layers"]


@pytest.fixture(scope="module")
def states() -> TokenStates:
    return TokenStates.open(WEIGHTS / "encoder", LAYERS, threads=1)


def test_every_word_has_one_row(states: TokenStates) -> None:
    words = ["Ann", "\n", "\u200b", "x" * 500, "🙂", "\ud800", "."]
    [(first, found)] = states.of(words)
    assert first == 0
    assert found.shape == (len(words), 384 * len(LAYERS))
    assert np.isfinite(found).all()
    assert list(states.of([])) == []


def test_a_long_text_is_read_in_windows_that_end_at_sentences(states: TokenStates) -> None:
    words = ["one", "two", "three", "."] * 100
    found = list(states.of(words))
    assert sum(len(rows) for _, rows in found) == len(words)
    assert all(left + len(rows) == right for (left, rows), (right, _) in pairwise(found))
    assert all(len(rows) <= WINDOW for _, rows in found)
    assert all(words[start - 1] == "." for start, _ in found[1:])


def test_the_states_are_those_that_the_encoders_own_pass_has() -> None:
    """The mean of the cut graph's states, norm 1, is what the whole graph gives as its lower layers."""
    path = WEIGHTS / "encoder" / "model.onnx"
    feeds = {"input_ids": np.array([[101, 2129, 2079, 1045, 102]]), "attention_mask": np.ones((1, 5), dtype=np.int64)}
    inner = open_session(path, threads=1, inner=LAYERS).run(feeds)
    means = [inner[name].mean(axis=1) for name in LAYERS]
    expected = np.concatenate([mean / np.linalg.norm(mean) for mean in means], axis=1)
    assert np.allclose(open_session(path, threads=1).run(feeds)["layers"], expected, atol=1e-5)


def test_a_tensor_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelRefused, match="no tensor nowhere"):
        open_session(WEIGHTS / "encoder" / "model.onnx", inner=["nowhere"])


def test_a_tagger_of_another_encoder_is_refused(tmp_path: Path) -> None:
    meta = json.loads((WEIGHTS / "encoder" / "meta.json").read_text("utf-8"))
    (tmp_path / "meta.json").write_text(json.dumps(meta | {"revision": "another"}), "utf-8")
    with pytest.raises(ModelRefused, match="was trained on encoder"):
        EncoderNameTagger.open(WEIGHTS / "names", encoder=tmp_path)


def test_words_keep_their_places() -> None:
    text = "Ann O'Neil,\n陳大文 a_b"
    words = split_words(text)
    assert [word.text for word in words] == ["Ann", "O", "'", "Neil", ",", "\n", "陳", "大", "文", "a", "_", "b"]
    assert all(text[word.start : word.end] == word.text for word in words)


def test_letters_and_shapes_have_one_row_a_word() -> None:
    words = split_words("Ann 12\n")
    pieces, forms = grams([word.text for word in words]), shapes(words, "Ann 12\n")
    assert pieces.shape == (3, MOST_GRAMS)
    assert forms.shape == (3, SHAPES)
    assert 0 < pieces.max() < BUCKETS
    assert forms[0, 0] == 1.0
    assert forms[1, 4] == 1.0
    assert forms[2, 7] == 1.0
