"""The kind of answer that is asked for, and sentences of that kind."""

from __future__ import annotations

import pytest

from models.synthesis.answer_type import AnswerType, answers, asked_for


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How do I reset my password?", "steps"),
        ("Where can I see my invoices?", "steps"),
        ("How long is the trial?", "duration"),
        ("When will my refund arrive?", "duration"),
        ("What does the Team plan cost?", "money"),
        ("How many members may we invite?", "count"),
        ("My invoice is wrong.", "any"),
        ("How do I cancel?\nand how long does it take?", "duration"),
        ("", "any"),
    ],
)
def test_questions_ask_for_a_kind(question: str, kind: AnswerType) -> None:
    assert asked_for(question) == kind


@pytest.mark.parametrize(
    ("kind", "sentence", "fits"),
    [
        ("steps", "Open Settings > Data > Export as Owner.", True),
        ("steps", "On the sign-in page, select Forgot password.", True),
        ("steps", "A password needs at least 12 characters.", False),
        ("duration", "The Business trial lasts 14 days.", True),
        ("duration", "Each workspace can start the trial once.", False),
        ("money", "The Team plan costs €9 per member.", True),
        ("money", "Prices depend on the plan.", False),
        ("count", "The Free plan has 5 projects.", True),
        ("any", "Anything at all.", True),
    ],
)
def test_sentences_are_of_a_kind(kind: AnswerType, sentence: str, fits: bool) -> None:
    assert answers(kind, sentence) is fits
