"""The first support checker on claims that a draft may make of a passage: true ones above false ones, with room."""

from __future__ import annotations

import pytest

from models.catalog import Catalog
from models.encoder import OnnxEncoder
from models.lexical import (
    content_stems,
    contradicting,
    denial_differs,
    denials,
    limits,
    negated,
    stem,
    strength,
    unsaid_limits,
    words,
)
from models.support import LexicalEncoderSupport, verbatim

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
    "Your data is kept for 30 days after cancelling.",
]
UNSUPPORTED = [
    "Gift cards are refunded.",
    "We refund gift cards.",
    "You cannot cancel your subscription.",
    "Refunds are issued within 30 days of the purchase.",
    "Refunds are always instant.",
    "Disable two-factor authentication under Security.",
    "Your data is deleted immediately.",
    "Contact our sales team for a discount.",
]


@pytest.fixture(scope="module")
def checker() -> LexicalEncoderSupport:
    return LexicalEncoderSupport(OnnxEncoder.open(Catalog.open().require("encoder"), threads=2))


def test_true_claims_score_above_false_ones(checker: LexicalEncoderSupport) -> None:
    true = checker.support([(sentence, PASSAGE) for sentence in SUPPORTED])
    false = checker.support([(sentence, PASSAGE) for sentence in UNSUPPORTED])
    assert true.min() > 0.8
    assert false.max() < 0.6


def test_scores_do_not_depend_on_the_company_of_a_pair(checker: LexicalEncoderSupport) -> None:
    alone = [float(checker.support([(sentence, PASSAGE)])[0]) for sentence in SUPPORTED]
    together = checker.support([(sentence, PASSAGE) for sentence in SUPPORTED])
    assert together == pytest.approx(alone, abs=0.05)


@pytest.mark.parametrize(
    ("sentence", "literal"),
    [
        ("We do not refund gift cards", True),
        ("You can cancel your  subscription at any time", True),
        ("refund gift cards", False),  # cut out of a sentence that denies it
        ("Refunds are issued within 14 days of the purchase", False),  # the exception was left out
        ("cancel your sub", False),  # half a word
        ("You can cancel. Enable", False),
        ("", False),
    ],
)
def test_verbatim(sentence: str, literal: bool) -> None:
    assert verbatim(sentence, PASSAGE) is literal


NEIGHBOURS = (
    "Never give anyone your password. Do not delete the old key until the new one works. Exports are not part of the "
    "Basic plan. If you are on Enterprise, refunds are paid within 5 business days. When you have no receipt, call us."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Give anyone your password.",
        "Delete the old key until the new one works.",
        "Exports are part of the Basic plan.",
    ],
)
def test_a_denial_is_not_cancelled_by_its_neighbour(checker: LexicalEncoderSupport, sentence: str) -> None:
    assert checker.support([(sentence, NEIGHBOURS)])[0] < 0.5


def test_a_condition_left_out_costs_full_support(checker: LexicalEncoderSupport) -> None:
    without, kept = checker.support(
        [
            (text, NEIGHBOURS)
            for text in (
                "Refunds are paid within 5 business days.",
                "Refunds are paid within 5 business days if you are on Enterprise.",
            )
        ]
    )
    assert without < 0.6 < kept


@pytest.mark.parametrize(
    "passage",
    [
        "If you are on Enterprise, we pay at once.",
        "When the order is lost, we pay at once.",
        "On the Enterprise plan, we pay at once.",
        "Ask us and, provided that it was lost, we pay at once.",
    ],
)
def test_a_part_cut_from_under_its_condition_is_not_verbatim(passage: str) -> None:
    assert not verbatim("we pay at once", passage)
    assert verbatim(passage, passage)


def test_denials_of_one_sentence() -> None:
    assert negated(words("Do not share it, not even with us"))
    assert negated(words("Neither gifts nor cards are refunded"))
    assert denials(words("never without a receipt")) == 0
    assert denial_differs(0, 2)
    assert not denial_differs(1, 3)


def test_a_plan_that_the_claim_names_is_no_unsaid_limit() -> None:
    source = words("On the Team plan you get exports")
    assert unsaid_limits(words("You get exports"), source) == {"plan team"}
    assert not unsaid_limits(words("The Team plan has exports"), source)


def test_a_quote_of_two_sentences_is_verbatim() -> None:
    assert verbatim("We do not refund gift cards. Enable two-factor authentication under Security.", PASSAGE)


@pytest.mark.parametrize(
    "forms", ["refund refunds refunded refunding", "install installed installation", "cancel cancelled cancelling"]
)
def test_forms_of_a_word_share_a_stem(forms: str) -> None:
    assert len({stem(word) for word in forms.split()}) == 1


def test_small_words_that_turn_the_meaning() -> None:
    assert negated(words("You can't do that"))
    assert negated(words("You can’t do that"))
    assert not negated(words("never without a receipt"))
    assert limits(words("only owners, unless asked")) == {"only", "unless"}
    assert strength(words("You must restart")) > strength(words("Restart it")) > strength(words("It may restart"))
    assert contradicting(frozenset(("enable", "it")), frozenset(("disable", "it")))
    assert not contradicting(frozenset(("on", "off")), frozenset(("on",)))
    assert content_stems(words("What is the price of version 68.0.1?")) == {stem("price"), stem("version"), "68.0.1"}
