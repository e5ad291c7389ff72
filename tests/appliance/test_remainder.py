"""What is left of a draft: nothing leaves that leans on a removed sentence, or that no longer answers."""

from __future__ import annotations

from typing import Any

import pytest
from line_parts import Parts, Quote, Rung, candidate, case, classified, draft, retrieved
from test_writing import CARD, GOOD, WRONG, written

from appliance.line.deadline import Deadline
from appliance.line.events import spoken
from appliance.line.remainder import Remainder
from appliance.line.writing import write
from appliance.ticket import Identified

SUPPORTED = {"support": lambda pair: 1.0}


def texts(told: list[dict[str, Any]]) -> list[str]:
    return [one["text"] for one in told]


async def test_a_sentence_that_leans_on_a_removed_one_falls_with_it_and_the_quote_answers() -> None:
    rung = Rung([draft(WRONG), draft("However, they go to the card that paid.")])
    drafted, grounded, told = await written(rung, Quote(), **SUPPORTED)
    assert texts(told) == [GOOD, CARD] == [one.text for one in grounded.sentences]
    assert drafted.synthesizer == "quote"
    assert ("antecedent", False) in {(one.gate, one.passed) for one in grounded.verdicts}


async def test_what_leans_on_a_sentence_that_fell_for_leaning_falls_too() -> None:
    left = Remainder("Where does it go?")
    left.fell()
    for text in ("It goes to the card.", "Then it is paid."):
        freed, verdict = left.passed(draft(text))
        assert (freed, verdict is not None and verdict.gate) == ([], "antecedent")
    assert left.passed(draft("Refunds go to the card."))[0] == [draft("Refunds go to the card.")]


async def test_a_sentence_that_leans_on_one_that_passed_may_leave_and_so_may_one_that_leans_on_the_question() -> None:
    _, _, told = await written(Rung([draft("They are paid within 10 business days."), draft(CARD)]), **SUPPORTED)
    assert texts(told) == ["They are paid within 10 business days.", CARD]


async def test_when_the_sentence_that_answers_was_removed_the_rest_is_not_told_and_the_model_writes_once_more() -> None:
    rung = Rung([draft(WRONG), draft("Refunds go to the card that paid.")])
    drafted, grounded, told = await written(rung, Quote(), **SUPPORTED)
    assert texts(told) == [GOOD, CARD]
    assert [(one.rung, one.outcome) for one in drafted.attempts] == [
        ("scripted", "nothing_left"),
        ("scripted", "nothing_left"),
        ("quote", "answered"),
    ]
    assert rung.asked[1].rejected[-1] == (
        "Refunds go to the card that paid.",
        "answers: no sentence that is left says when or how long",
    )
    assert grounded.decision.rule == "ground.supported"


async def test_a_sentence_of_another_kind_is_told_as_soon_as_one_that_answers_has_passed_and_in_its_order() -> None:
    _, grounded, told = await written(
        Rung([draft("Refunds go to the card that paid."), draft(WRONG), draft(GOOD)]), **SUPPORTED
    )
    assert texts(told) == ["Refunds go to the card that paid.", GOOD]
    assert [one.text for one in grounded.sentences] == texts(told)


async def test_a_draft_of_which_nothing_was_removed_leaves_whole_whatever_kind_it_is() -> None:
    drafted, _, told = await written(Rung([draft("Refunds go to the card that paid.")]), Quote(), **SUPPORTED)
    assert texts(told) == ["Refunds go to the card that paid."]
    assert drafted.synthesizer == "scripted"


async def test_a_question_that_asks_for_no_kind_of_answer_keeps_what_passed() -> None:
    told: list[dict[str, Any]] = []
    rung = Rung([draft(WRONG), draft("Refunds go to the card that paid.")])
    parts = Parts(ladder=(rung, Quote()), **SUPPORTED)
    asking = case(classified=classified(question="Tell me about refunds."))
    drafted, _ = await write(
        parts.desk(),
        asking,
        Identified(),
        retrieved(candidate()),
        spoken(lambda kind, data: told.append(data)),
        deadline=Deadline(30.0, 5.0, lambda: 0.0),
    )
    assert texts(told) == ["Refunds go to the card that paid."]
    assert drafted.synthesizer == "scripted"


async def test_when_the_quote_has_nothing_either_a_person_takes_over_and_nothing_was_told() -> None:
    rung = Rung([draft(WRONG), draft("Refunds go to the card that paid.")])
    _, grounded, told = await written(rung, Rung([], name="quote", verbatim=True), **SUPPORTED)
    assert (told, grounded.sentences) == ([], ())
    assert grounded.decision.rule == "draft.not_covered"


SORRY = "I'm sorry you're having trouble with your refund."


async def test_the_one_apology_leaves_before_the_first_sentence_that_answers_and_cites_nothing() -> None:
    drafted, grounded, told = await written(Rung([draft(SORRY), draft(GOOD)]), Quote())
    assert texts(told) == [SORRY, GOOD] == [one.text for one in grounded.sentences]
    assert grounded.sentences[0].citations == ()
    assert drafted.synthesizer == "scripted"


async def test_an_apology_alone_is_no_answer() -> None:
    drafted, _, told = await written(Rung([draft(SORRY), draft(WRONG)]), Quote())
    assert texts(told) == [GOOD, CARD]
    assert drafted.synthesizer == "quote"
    _, grounded, told = await written(Rung([draft(SORRY)]))
    assert (texts(told), grounded.sentences) == ([], ())


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry you're having trouble with your broken bicycle.",
        "I'm sorry you're having trouble with your $500 refund.",
        "I'm sorry you're having trouble with <b>refund</b>.",
        "I'm sorry you're having trouble with your refund and we will pay it.",
    ],
)
async def test_an_apology_that_says_more_is_judged_like_any_sentence(text: str) -> None:
    _, _, told = await written(Rung([draft(text), draft(GOOD)]), Quote())
    assert texts(told) == [GOOD]
