"""The support checker that ships: true claims above false ones, whatever stands beside them, and only with its own encoder."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.catalog import Catalog
from models.encoder import OnnxEncoder
from models.errors import ModelRefused
from models.learned_support import LearnedSupport
from models.roles import Matrix
from models.standin import HashEncoder, StandInWarning

PASSAGE = (
    "You can cancel your subscription at any time in **Settings > Billing**. Refunds are issued within 14 days of the "
    "purchase, unless the order was a gift card. We do not refund gift cards. Enable two-factor authentication under "
    "Security. After you cancel, your data is kept for 30 days."
)
SUPPORTED = [
    "Your subscription can be cancelled at any time from Settings, under Billing.",
    "Gift cards are not refunded.",
    "Refunds are issued within 14 days unless it is a gift card.",
    "Two-factor authentication can be enabled under Security.",
]
UNSUPPORTED = [
    "Gift cards are refunded.",
    "You cannot cancel your subscription.",
    "Refunds are always instant.",
    "Disable two-factor authentication under Security.",
    "Your data is deleted immediately.",
    "Contact our sales team for a discount.",
]


class CountingEncoder:
    """The real encoder; remembers how many texts it was asked for."""

    def __init__(self, encoder: OnnxEncoder) -> None:
        self._encoder = encoder
        self.revision, self.dimension = encoder.revision, encoder.dimension
        self.languages, self.vector_revision = encoder.languages, encoder.vector_revision
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.texts += len(texts)
        return self._encoder.encode(texts)


@pytest.fixture(scope="module")
def onnx_encoder() -> OnnxEncoder:
    return OnnxEncoder.open(Catalog.open().require("encoder"), threads=2)


@pytest.fixture(scope="module")
def checker(onnx_encoder: OnnxEncoder) -> LearnedSupport:
    return LearnedSupport.open(Catalog.open().require("support"), onnx_encoder)


def test_every_true_claim_scores_above_every_false_one(checker: LearnedSupport) -> None:
    true = checker.support([(sentence, PASSAGE) for sentence in SUPPORTED])
    false = checker.support([(sentence, PASSAGE) for sentence in UNSUPPORTED])
    assert true.min() > false.max()


def test_scores_do_not_depend_on_the_company_of_a_pair(checker: LearnedSupport) -> None:
    alone = [float(checker.support([(sentence, PASSAGE)])[0]) for sentence in SUPPORTED]
    together = checker.support([(sentence, PASSAGE) for sentence in SUPPORTED])
    assert together == pytest.approx(alone, abs=0.15)  # int8 rounds by batch, and trees step


def test_what_stands_in_the_passage_costs_no_model(onnx_encoder: OnnxEncoder) -> None:
    counting = CountingEncoder(onnx_encoder)
    checker = LearnedSupport.open(Catalog.open().require("support"), counting)
    assert checker.support([("We do not refund gift cards.", PASSAGE)])[0] == 1.0
    assert counting.texts == 0


def test_a_part_cut_from_under_its_condition_is_not_taken_as_verbatim(checker: LearnedSupport) -> None:
    assert checker.support([("Refunds are issued within 14 days of the purchase", PASSAGE)])[0] < 1.0


def test_it_refuses_an_encoder_that_it_was_not_fitted_to() -> None:
    with pytest.warns(StandInWarning):
        other = HashEncoder()
    with pytest.raises(ModelRefused, match="cannot read"):
        LearnedSupport.open(Catalog.open().require("support"), other)
