"""A follow-up leans on what was said before, and is joined to it; a question of its own is left alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.line.signals.followup import is_follow_up, standalone
from appliance.ticket import Author, Message

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def _said(*texts: tuple[Author, str]) -> tuple[Message, ...]:
    return tuple(Message(f"m{n}", "c", n, author, text, NOW) for n, (author, text) in enumerate(texts, 1))


@pytest.mark.parametrize(
    "text",
    ["and for monthly plans?", "And how much is it?", "What about guests?", "but why?", "why not?", "How so?", "for the annual plan?", "for monthly plans?", "Is that also true for guests?",
     "does it work offline?", "Can I undo this?", "How do I delete it?", "the same for invoices please", "ok, and then?", "monthly?", "Which one?", "Can I have both of them?"],
)  # fmt: skip
def test_what_leans_on_something_is_a_follow_up(text: str) -> None:
    assert is_follow_up(text)


@pytest.mark.parametrize(
    "text",
    ["How do I reset my password?", "Is it possible to export all invoices?", "Is there a limit for uploads?", "Can one person have two accounts?", "Are there discounts for schools?",
     "I was charged twice for the same month and my card shows both of them, what should I do now?", "Where can I download my invoices?"],
)  # fmt: skip
def test_a_whole_question_is_none(text: str) -> None:
    assert not is_follow_up(text)


def test_a_follow_up_is_joined_to_the_question_that_it_leans_on() -> None:
    history = _said(("customer", "How do I change the annual plan?"), ("assistant", "Open Billing."))
    assert standalone("and the monthly one?", history) == (
        "How do I change the annual plan?\nand the monthly one?",
        True,
    )


def test_a_chain_of_follow_ups_reaches_back_to_the_whole_question_and_no_further() -> None:
    history = _said(
        ("customer", "Where can I download my old invoices?"), ("customer", "How do I change the annual plan?"), ("assistant", "Open Billing."), ("customer", "and monthly?")
    )  # fmt: skip
    joined, leans = standalone("and for guests?", history)
    assert leans
    assert joined.splitlines() == ["How do I change the annual plan?", "and monthly?", "and for guests?"]


def test_a_chain_is_cut_after_three_messages() -> None:
    history = _said(*[("customer", f"and {word}?") for word in ("a", "b", "c", "d", "e")])
    assert standalone("and f?", history)[0].splitlines() == ["and c?", "and d?", "and e?", "and f?"]


def test_the_first_message_of_a_conversation_leans_on_nothing() -> None:
    assert standalone("and for monthly plans?", ()) == ("and for monthly plans?", False)


def test_what_the_assistant_said_is_no_question_of_the_customer() -> None:
    assert standalone("and now?", _said(("assistant", "Hello."))) == ("and now?", False)
