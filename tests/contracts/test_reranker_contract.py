"""Every Reranker: one finite score a pair, in order, whatever the pair."""

from __future__ import annotations

import numpy as np
import pytest
from torch_folders import cross_encoder, needs_torch

from models.bi_encoder import BiEncoderReranker
from models.catalog import Catalog
from models.reranker import OnnxReranker
from models.roles import Reranker
from models.standin import OverlapReranker, StandInWarning
from models.torch_models import TorchModel, TorchReranker

QUESTION = "How do I reset my password?"
ANSWER = "To reset your password, choose Forgot password on the sign-in page and follow the link in the mail."
OTHER = "Invoices are issued on the first day of the month and can be downloaded as PDF."


@pytest.fixture(scope="session")
def onnx_reranker(catalog: Catalog) -> OnnxReranker:
    return OnnxReranker.open(catalog.require("reranker"), threads=2)


@pytest.fixture(scope="session")
def torch_reranker(tmp_path_factory: pytest.TempPathFactory) -> TorchReranker:
    folder = cross_encoder(tmp_path_factory.mktemp("torch") / "reranker")
    return TorchReranker.open(TorchModel(folder, "untrained", max_tokens=256))


@pytest.fixture(params=["onnx", "apart", "stand-in", pytest.param("torch", marks=needs_torch)])
def reranker(request: pytest.FixtureRequest) -> Reranker:
    if request.param == "stand-in":
        with pytest.warns(StandInWarning):
            return OverlapReranker()
    if request.param == "torch":
        torch: TorchReranker = request.getfixturevalue("torch_reranker")
        return torch
    if request.param == "apart":
        return BiEncoderReranker(request.getfixturevalue("onnx_encoder"))
    onnx: OnnxReranker = request.getfixturevalue("onnx_reranker")
    return onnx


def test_it_names_its_revision(reranker: Reranker) -> None:
    assert reranker.revision


def test_the_answer_scores_above_another_passage(reranker: Reranker) -> None:
    scores = reranker.score([(QUESTION, OTHER), (QUESTION, ANSWER), (QUESTION, OTHER * 30)])
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert reranker.revision == "untrained" or int(np.argmax(scores)) == 1


def test_no_pairs_give_no_scores(reranker: Reranker) -> None:
    assert reranker.score([]).shape == (0,)


@pytest.mark.parametrize(
    "pair", [("", ""), (QUESTION, ""), ("", ANSWER), ("\ud83d", "\ud83d"), ("q " * 500_000, "p " * 500_000)]
)
def test_strange_pairs_get_a_finite_score(reranker: Reranker, pair: tuple[str, str]) -> None:
    assert np.isfinite(reranker.score([pair, (QUESTION, ANSWER)])).all()


def test_a_long_question_leaves_room_for_the_passage(reranker: Reranker) -> None:
    long_question = f"{QUESTION} " * 200
    answer, other = reranker.score([(long_question, ANSWER), (long_question, OTHER)])
    assert reranker.revision == "untrained" or answer > other
    assert answer != other, "something of the passage is read"
