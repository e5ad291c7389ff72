"""Every SupportChecker: 0..1, literal text is supported, foreign or turned-round text is not."""

from __future__ import annotations

import pytest

from models.catalog import Catalog
from models.encoder import OnnxEncoder
from models.learned_support import LearnedSupport
from models.roles import SupportChecker
from models.standin import HashEncoder, OverlapSupport, StandInWarning
from models.support import LexicalEncoderSupport

PASSAGE = (
    "You can cancel your subscription at any time in **Settings > Billing**.\n"
    "Refunds are issued within 14 days of the purchase."
)


@pytest.fixture(params=["learned", "onnx", "hash encoder", "stand-in"])
def checker(request: pytest.FixtureRequest) -> SupportChecker:
    if request.param == "stand-in":
        with pytest.warns(StandInWarning):
            return OverlapSupport()
    if request.param == "hash encoder":
        with pytest.warns(StandInWarning):
            return LexicalEncoderSupport(HashEncoder())
    onnx: OnnxEncoder = request.getfixturevalue("onnx_encoder")
    if request.param == "learned":
        return LearnedSupport.open(Catalog.open().require("support"), onnx)
    return LexicalEncoderSupport(onnx)


def test_it_names_its_revision(checker: SupportChecker) -> None:
    assert checker.revision


def test_what_stands_in_the_passage_is_supported(checker: SupportChecker) -> None:
    literal = "You can cancel  your subscription at any time in Settings > Billing"
    assert checker.support([(literal, PASSAGE)]).tolist() == [1.0]


def test_foreign_text_is_not_supported(checker: SupportChecker) -> None:
    scores = checker.support([("Our sales team offers a discount to schools.", PASSAGE), ("Refunds are issued.", "")])
    assert scores.shape == (2,)
    assert (scores < 0.3).all()


@pytest.mark.parametrize("sentence", ["", "   ", "!!!", "\ud83d", "the of and"])
def test_a_sentence_that_says_nothing_is_not_supported(checker: SupportChecker, sentence: str) -> None:
    assert checker.support([(sentence, PASSAGE)])[0] < 0.3


def test_no_pairs_give_no_scores(checker: SupportChecker) -> None:
    assert checker.support([]).shape == (0,)
