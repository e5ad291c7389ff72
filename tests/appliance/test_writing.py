"""Drafting under guard: what passed is told at once, what failed is never told, and a rung that fails gives way to the next."""

from __future__ import annotations

from typing import Any

import pytest
from line_parts import Parts, Quote, Rung, candidate, case, draft, retrieved

from appliance.line.deadline import Deadline
from appliance.line.events import spoken
from appliance.line.ladder import Errand, Local, Skipped
from appliance.line.writing import write
from appliance.ticket import Drafted, Grounded, Identified
from models.errors import ModelRefused, ModelUnavailable, Overloaded
from models.roles import Pair

GOOD = "Refunds are paid within 10 business days."
CARD = "They go to the card that paid."
WRONG = "Refunds are paid within 3 days."


async def written(*rungs: object, **more: Any) -> tuple[Drafted, Grounded, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    parts = Parts(ladder=rungs, **more)
    drafted, grounded = await write(
        parts.desk(),
        case(),
        Identified(),
        retrieved(*parts.found),
        spoken(lambda kind, data: told.append({"kind": kind} | data)),
        deadline=Deadline(30.0, 5.0, lambda: 0.0),
    )
    return drafted, grounded, told


async def test_sentences_that_pass_are_told_at_once_and_leave() -> None:
    rung = Rung([draft(GOOD), draft(CARD)])
    drafted, grounded, told = await written(rung)
    assert told == [
        {"kind": "sentence", "text": GOOD, "citations": [1]},
        {"kind": "sentence", "text": CARD, "citations": [1]},
    ]
    assert [sentence.text for sentence in grounded.sentences] == [GOOD, CARD]
    assert (grounded.decision.rule, drafted.synthesizer, rung.closed) == ("ground.supported", "scripted", True)


async def test_an_invented_sentence_is_dropped_and_never_told() -> None:
    drafted, grounded, told = await written(Rung([draft(WRONG), draft(GOOD)]), Quote())
    assert [one["text"] for one in told] == [GOOD]
    assert len(drafted.sentences) == 2
    assert any(
        not verdict.passed and verdict.gate == "literals" and verdict.sentence == WRONG for verdict in grounded.verdicts
    )


async def test_when_nothing_of_a_rung_passes_the_next_one_writes() -> None:
    drafted, grounded, told = await written(Rung([draft(WRONG)]), Quote())
    assert (drafted.synthesizer, grounded.decision.rule) == ("quote", "ground.supported")
    assert [one["text"] for one in told] == [GOOD, CARD]
    assert WRONG in {verdict.sentence for verdict in grounded.verdicts}


@pytest.mark.parametrize("fault", [ModelUnavailable("down"), ModelRefused("no such model")])
async def test_a_rung_that_fails_gives_way_and_its_fault_is_kept(fault: Exception) -> None:
    drafted, grounded, _ = await written(Rung([fault]), Quote())
    assert drafted.synthesizer == "quote"
    assert drafted.faults == (f"scripted: {fault.code}: {fault.message}",)  # type: ignore[attr-defined]
    assert grounded.sentences


async def test_what_passed_before_the_fault_is_kept_and_not_said_again() -> None:
    drafted, grounded, told = await written(Rung([draft(GOOD), ModelUnavailable("cut")]), Quote())
    assert [one["text"] for one in told] == [GOOD]
    assert (drafted.synthesizer, len(grounded.sentences)) == ("scripted", 1)


async def test_a_model_that_says_not_covered_is_not_overruled_by_a_quote() -> None:
    drafted, grounded, told = await written(Rung([]), Quote())
    assert (drafted.synthesizer, grounded.sentences, told) == ("scripted", (), [])
    assert grounded.decision.rule == "draft.not_covered"


async def test_an_empty_quote_goes_on_to_the_next_rung() -> None:
    drafted, _, _ = await written(Rung([], name="first", verbatim=True), Quote())
    assert drafted.synthesizer == "quote"


async def test_when_no_rung_has_anything_left_the_decision_says_so() -> None:
    drafted, grounded, told = await written(Rung([draft(WRONG), draft("")], name="only"))
    assert (grounded.sentences, grounded.citations, told) == ((), (), [])
    assert grounded.decision.rule == "ground.nothing_left"
    assert "2 sentences by only" in grounded.decision.reason
    assert drafted.faults == ()


async def test_all_rungs_down_leaves_nothing_and_names_every_fault() -> None:
    drafted, grounded, _ = await written(
        Rung([ModelUnavailable("a")], name="a"), Rung([ModelUnavailable("b")], name="b")
    )
    assert drafted.faults == ("a: model_unavailable: a", "b: model_unavailable: b")
    assert grounded.sentences == ()


async def test_no_more_sentences_leave_than_the_style_allows() -> None:
    rung = Rung([draft(GOOD), draft(CARD), draft("Write to billing@example.com to ask for one.")])
    _, grounded, told = await written(rung)
    assert len(grounded.sentences) == len(told) == 2
    assert rung.closed


async def test_a_sentence_that_is_said_twice_leaves_once() -> None:
    _, grounded, told = await written(Rung([draft(GOOD), draft(GOOD), draft(CARD)]))
    assert [one["text"] for one in told] == [GOOD, CARD]
    assert len(grounded.sentences) == 2


async def test_a_model_that_never_ends_is_cut_off() -> None:
    rung = Rung([draft(f"Refunds take {n} days.") for n in range(11, 10_000)])
    drafted, grounded, _ = await written(rung, Quote())
    assert rung.written < 100
    assert rung.closed
    assert drafted.synthesizer == "quote"
    assert grounded.sentences


async def test_overloaded_gates_stop_the_line() -> None:
    def refuse(_: object) -> float:
        raise Overloaded("full")

    rung = Rung([draft("They go to the card.")])
    with pytest.raises(Overloaded):
        await written(rung, Quote(), support=refuse)
    assert rung.closed


@pytest.mark.parametrize("fault", [Overloaded("full"), ModelUnavailable("a gate's model")])
async def test_when_the_gates_fail_in_the_middle_what_the_customer_has_read_is_the_reply(fault: Exception) -> None:
    def tired(pair: Pair) -> float:
        if pair[0] == CARD:
            raise fault
        return 1.0

    drafted, grounded, told = await written(Rung([draft(GOOD), draft(CARD)]), Quote(), support=tired)
    assert [one["text"] for one in told] == [GOOD] == [one.text for one in grounded.sentences]
    assert drafted.attempts[-1].fault == "", "the one that writes is not to blame"


async def test_a_defect_closes_the_stream_and_is_not_hidden() -> None:
    rung = Rung([ValueError("a defect")])
    with pytest.raises(ValueError, match="a defect"):
        await written(rung, Quote())
    assert rung.closed


async def test_a_rung_reads_the_passages_in_order_with_their_numbers_and_scores() -> None:
    rung = Rung([])
    await written(rung, found=[candidate(), candidate("Invoices.", "invoices", "Invoices", score=0.5)])
    [asked] = rung.asked
    assert [(one.n, one.title) for one in asked.passages] == [(1, "Refunds"), (2, "Invoices")]
    assert asked.scores == (1.0, 0.5)
    assert asked.company == "Tallybird"
    assert asked.max_sentences == 2


async def test_a_language_model_whose_sentences_all_failed_is_told_why_and_writes_once_more() -> None:
    rung = Rung([draft(WRONG)])
    drafted, _, _ = await written(rung, Quote())
    assert rung.asked[0].rejected == ()
    assert rung.asked[1].rejected == ((WRONG, "literals: in no cited passage: duration '3 days'"),)
    assert [(one.rung, one.occasion, one.outcome) for one in drafted.attempts] == [
        ("scripted", "first", "nothing_left"),
        ("scripted", "first", "nothing_left"),
        ("quote", "low_support", "answered"),
    ]


async def test_a_rung_that_is_skipped_says_why_and_what_that_means_for_the_next() -> None:
    class Shed(Local):
        async def writer(self, errand: Errand) -> Skipped:  # type: ignore[override] # it always declines
            return Skipped("ladder.shed", "Too many tickets wait.", "overloaded")

    drafted, grounded, _ = await written(Shed(Rung([])), Quote())
    assert [(one.outcome, one.occasion, one.reason) for one in drafted.attempts] == [
        ("skipped", "first", "ladder.shed: Too many tickets wait."),
        ("answered", "overloaded", ""),
    ]
    assert grounded.sentences
