"""What intent heads read: n-gram counts, the lower layers of the shipped encoder, and their place in a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalog import Catalog
from models.encoder import OnnxEncoder
from models.features import read_features, read_messages
from models.ngrams import BUCKETS, MOST_CHARACTERS, count_ngrams
from models.standin import HashEncoder, StandInWarning


def test_counts_do_not_know_case_digits_or_white_space() -> None:
    one, other = count_ngrams(["Error  47 on\nORDER 1182"]), count_ngrams(["error 12 on order 9999"])
    assert (one == other).all()


def test_counts_tell_texts_of_other_letters_apart() -> None:
    first, second, near = count_ngrams(["refund my order", "printer jams", "refund my orders"]).astype(np.float32)
    assert first @ near > 5 * (first @ second)


def test_an_empty_text_has_one_ngram_of_two_spaces_and_a_long_one_is_cut() -> None:
    assert count_ngrams([""]).sum() == 1
    assert (
        count_ngrams(["ab " * MOST_CHARACTERS]) == count_ngrams([("ab " * MOST_CHARACTERS)[:MOST_CHARACTERS]])
    ).all()
    assert count_ngrams([]).shape == (0, BUCKETS)


@given(st.text(max_size=200))
def test_any_text_has_counts(text: str) -> None:
    found = count_ngrams([text])
    assert found.shape == (1, BUCKETS)
    assert found.any()


def test_the_shipped_encoder_gives_its_lower_layers_beside_the_same_vectors() -> None:
    encoder = OnnxEncoder.open(Catalog.open().require("encoder"), threads=1)
    texts = ["Where is my parcel?", "The VPN drops every hour, always at ten past."]
    vectors, layers = encoder.encode_layers(texts)
    assert (vectors == encoder.encode(texts)).all()
    assert layers.shape == (2, 2 * encoder.dimension)
    assert np.allclose(np.linalg.norm(layers.reshape(2, 2, -1), axis=2), 1.0, atol=1e-3)
    [first, second] = read_messages(encoder, texts)
    features = read_features(encoder, texts)
    assert features.shape == (2, 3 * encoder.dimension + BUCKETS)
    assert features.dtype == np.float16
    assert (first.vector == vectors[0]).all()
    assert (second.features == features[1]).all()


def test_an_encoder_without_layers_is_read_by_its_vectors() -> None:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder(dimension=16)
    assert read_features(encoder, ["one", "two"]).shape == (2, 16 + BUCKETS)
    assert read_features(encoder, []).shape == (0, 16 + BUCKETS)


def test_the_shipped_encoder_says_whose_vectors_it_gives() -> None:
    encoder = OnnxEncoder.open(Catalog.open().require("encoder"), threads=1)
    assert encoder.vector_revision == "all-minilm-l6-v2-int8-66692965"
    assert encoder.revision != encoder.vector_revision
