"""Every Encoder: shapes, order, norm and the inputs that people really paste."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from torch_folders import needs_torch, sentence_transformer

from models.encoder import OnnxEncoder
from models.roles import Encoder
from models.standin import HashEncoder, StandInWarning
from models.torch_models import TorchEncoder, TorchModel

TEXTS = ["reset my password", "I was charged twice for the same order " * 9, "refund", "How do I export a report?"]


@pytest.fixture(scope="session")
def torch_encoder(tmp_path_factory: pytest.TempPathFactory) -> TorchEncoder:
    folder = sentence_transformer(tmp_path_factory.mktemp("torch") / "encoder")
    return TorchEncoder.open(TorchModel(folder, "torch", max_tokens=256))


@pytest.fixture(params=["onnx", "stand-in", pytest.param("torch", marks=needs_torch)])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if request.param == "stand-in":
        with pytest.warns(StandInWarning, match="stands in for a model"):
            return HashEncoder()
    if request.param == "torch":
        torch: TorchEncoder = request.getfixturevalue("torch_encoder")
        return torch
    onnx: OnnxEncoder = request.getfixturevalue("onnx_encoder")
    return onnx


def test_it_names_its_revision(encoder: Encoder) -> None:
    assert encoder.revision


def test_rows_have_norm_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_the_order_of_the_texts_is_kept(encoder: Encoder) -> None:
    forwards, backwards = encoder.encode(TEXTS), encoder.encode(TEXTS[::-1])
    assert (np.sum(forwards * backwards[::-1], axis=1) > 0.97).all()  # int8 scales differ a little between batches


def test_the_same_batch_gives_the_same_vectors(encoder: Encoder) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)


@pytest.mark.parametrize(
    "text",
    ["", "   \n\t", "\x00\x01", "\ud83d broken emoji", "日本語のテキスト", "!!!", "x" * 1_000_000, "a b " * 250_000],
)
def test_strange_texts_get_a_vector(encoder: Encoder, text: str) -> None:
    vectors = encoder.encode([text, "refund"])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_like_texts_are_nearer_than_unlike_ones(encoder: Encoder) -> None:
    password, again, invoice = encoder.encode(
        ["I forgot my password", "my password is forgotten", "send the invoice to accounting"]
    )
    assert password @ again > password @ invoice


def test_threads_may_share_it(encoder: Encoder) -> None:
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(encoder.encode, [TEXTS] * 8):
            np.testing.assert_array_equal(found, expected)
