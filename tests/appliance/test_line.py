"""The whole line on one ticket: every end it can come to, and what is written down of each."""

from __future__ import annotations

from typing import Any

import pytest
from line_parts import POLICY, REFUND, VECTOR, Parts, Quote, Rung, candidate, classification, draft, ticket

from appliance.line import close
from appliance.line.line import run
from appliance.ticket import Closed, Decision, Identified, Ticket
from models.errors import Overloaded


async def ran(of: Ticket | None = None, **parts: Any) -> tuple[Closed, list[tuple[str, dict[str, Any]]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    closed = await run(Parts(**parts).desk(), of or ticket(), lambda kind, data: told.append((kind, data)))
    return closed, told


async def test_an_answer_has_its_sentences_its_source_and_where_to_read_more() -> None:
    closed, told = await ran()
    reply = closed.reply
    assert reply.outcome == "answered"
    assert reply.text == f"{REFUND.rpartition(' Write')[0]}\n\nMore in: Refunds (https://example.com/refunds)"
    assert [(one.n, one.article_id, one.url) for one in reply.citations] == [
        (1, "refunds", "https://example.com/refunds")
    ]
    assert (reply.rule, reply.intent, reply.confidence, reply.message_id) == (
        "ground.supported",
        "billing_question",
        0.95,
        "m1",
    )
    assert [one.rule for one in closed.decisions] == [
        "route.attempt",
        "deadline.simple",
        "retrieve.found",
        "ground.supported",
    ]
    assert (closed.note, closed.gap) == (None, "")
    assert set(reply.timings_ms) == {"identify", "language", "classify", "route", "retrieve", "draft", "total"}
    assert [data["stage"] for kind, data in told if kind == "stage"] == [
        "identify",
        "language",
        "classify",
        "route",
        "retrieve",
        "draft",
    ]


async def test_an_answer_without_an_address_has_no_link() -> None:
    closed, _ = await ran(found=[candidate(url="")])
    assert "More in" not in closed.reply.text


async def test_what_is_told_on_the_way_is_what_leaves() -> None:
    closed, told = await ran()
    said = [data["text"] for kind, data in told if kind == "sentence"]
    assert said
    assert closed.reply.text.startswith(" ".join(said))


async def test_a_wish_for_a_person_is_obeyed_without_a_search() -> None:
    parts = Parts()
    closed = await run(
        parts.desk(),
        ticket("I want to talk to a human", ("customer", "When is my refund?"), ("assistant", "Soon.")),
        lambda *_: None,
    )
    assert (closed.reply.outcome, closed.reply.rule) == ("handed_over", "route.asked_for_person")
    assert closed.reply.text == POLICY.replies.asked_for_person
    assert parts.seen == []
    assert closed.note is not None
    assert closed.note.asked.splitlines() == ["When is my refund?", "I want to talk to a human"]
    assert "replied 1 times before" in " ".join(closed.note.tried)


async def test_always_escalate_hands_over_with_a_note() -> None:
    closed, _ = await ran(classification=classification("account_security", 0.9))
    assert (closed.reply.outcome, closed.reply.rule, closed.reply.text) == (
        "handed_over",
        "route.always_escalate",
        POLICY.replies.always_escalate,
    )
    assert closed.note is not None
    assert "verify who the customer is" in closed.note.next_step
    assert closed.gap == ""


async def test_doubt_hands_over() -> None:
    closed, _ = await ran(classification=classification(confidence=0.4))
    assert (closed.reply.outcome, closed.reply.rule, closed.reply.text) == (
        "handed_over",
        "route.low_confidence",
        POLICY.replies.unsure,
    )


async def test_a_courtesy_is_answered_and_is_no_gap() -> None:
    closed, _ = await ran(ticket("Thank you!"))
    assert (closed.reply.outcome, closed.reply.rule, closed.reply.text) == (
        "answered",
        "route.courtesy",
        POLICY.replies.thanks,
    )
    assert (closed.gap, closed.note, closed.reply.citations) == ("", None, ())


async def test_after_a_hand_over_we_are_silent() -> None:
    closed, told = await ran(ticket("And another thing: how do I pay?", ("customer", "Help!"), status="handed_over"))
    assert (closed.reply.outcome, closed.reply.text, closed.reply.rule) == ("handed_over", "", "route.person_has_it")
    assert (closed.note, closed.gap) == (None, "")
    assert [kind for kind, _ in told] == ["stage"] * 4


@pytest.mark.parametrize("found", [[], [candidate()]])
async def test_below_the_floor_is_a_gap_and_is_said_honestly(found: list[Any]) -> None:
    closed, told = await ran(found=found, answerable=0.3)
    assert (closed.reply.outcome, closed.reply.text) == ("handed_over", POLICY.replies.not_covered)
    assert closed.reply.rule == ("retrieve.below_floor" if found else "retrieve.nothing")
    assert closed.gap == "When do I get my refund?"
    assert not any(kind == "sentence" for kind, _ in told)
    assert closed.note is not None
    assert closed.note.passages == (("Refunds (refunds)",) if found else ())
    assert closed.note.suggested_reply == (
        "This article may help: Refunds (https://example.com/refunds)" if found else ""
    )


async def test_the_floor_itself_is_enough() -> None:
    assert (await ran(answerable=0.5))[0].reply.outcome == "answered"
    assert (await ran(answerable=0.4999))[0].reply.outcome == "handed_over"


async def test_a_draft_of_which_nothing_is_left_is_handed_over() -> None:
    closed, told = await ran(ladder=(Rung([draft("Refunds take 3 days.")]),))
    assert (closed.reply.outcome, closed.reply.rule, closed.gap) == (
        "handed_over",
        "ground.nothing_left",
        "When do I get my refund?",
    )
    assert closed.draft is not None
    assert closed.draft.sentences[0].text == "Refunds take 3 days."
    assert [verdict.passed for verdict in closed.verdicts] == 2 * [
        True,
        True,
        True,
        True,
        False,
    ]  # told why, it wrote the same again
    assert not any(kind == "sentence" for kind, _ in told)
    assert "3 days" not in closed.reply.text


async def test_a_model_that_says_not_covered_is_believed() -> None:
    closed, _ = await ran(ladder=(Rung([]), Quote()))
    assert (closed.reply.outcome, closed.reply.rule) == ("handed_over", "draft.not_covered")


FOREIGN = classification(out_of_scope=0.9)


async def test_a_foreign_question_is_declined_once_and_then_read_by_a_person() -> None:
    first, _ = await ran(classification=FOREIGN, answerable=0.6)
    assert (first.reply.outcome, first.reply.rule, first.reply.text) == (
        "refused",
        "route.out_of_scope",
        POLICY.replies.out_of_scope,
    )
    assert (first.note, first.gap) == (None, "")
    again, _ = await ran(
        ticket("But it does concern you!", ("customer", "Who won?"), ("assistant", "We can only …")),
        classification=FOREIGN,
        answerable=0.6,
    )
    assert (again.reply.outcome, again.reply.text) == ("handed_over", POLICY.replies.unsure)
    assert again.note is not None


async def test_a_question_that_only_looks_foreign_is_answered_when_an_article_clearly_does() -> None:
    closed, _ = await ran(classification=FOREIGN, answerable=0.8)
    assert closed.reply.outcome == "answered"


async def test_only_what_the_customer_may_see_is_searched() -> None:
    parts = Parts(identified=Identified("paid", True, frozenset({"public", "customer"})))
    await run(parts.desk(), ticket(customer_id="k1"), lambda *_: None)
    [(_, visibility)] = parts.seen
    assert visibility.audiences == {"public", "customer"}
    assert visibility.today.isoformat() == "2026-06-01"


async def test_a_follow_up_is_searched_with_what_it_leans_on_and_a_subject_with_its_message() -> None:
    parts = Parts()
    await run(
        parts.desk(),
        ticket("and for monthly plans?", ("customer", "When do I get my refund?"), ("assistant", "Soon.")),
        lambda *_: None,
    )
    await run(parts.desk(), ticket("It has not come yet.", subject="My refund"), lambda *_: None)
    assert [question for question, _ in parts.seen] == [
        "When do I get my refund?\nand for monthly plans?",
        "My refund\nIt has not come yet.",
    ]
    assert parts.encoded == [*(question for question, _ in parts.seen), "My refund", "It has not come yet."]


async def test_urgent_words_raise_the_urgency_and_are_the_evidence() -> None:
    closed, _ = await ran(ticket("URGENT: production is down, connect me to an agent"))
    assert closed.reply.urgency == "high"
    assert closed.note is not None
    assert closed.note.urgency_evidence == "“urgent”; “production is down”"


async def test_one_urgent_word_alone_does_not_overrule_the_classifier() -> None:
    assert (await ran(ticket("urgent, connect me to an agent")))[0].reply.urgency == "normal"
    critical = classification("account_security", urgency="critical")
    assert (await ran(classification=critical))[0].reply.urgency == "critical"


async def test_frustration_stands_in_the_note() -> None:
    closed, _ = await ran(
        ticket(
            "still not working, agent please",
            ("customer", "This is ridiculous"),
            ("assistant", "Sorry."),
            ("customer", "ok"),
        )
    )
    assert closed.note is not None
    assert "frustration in 2 of the customer's messages" in closed.note.urgency_evidence


async def test_a_very_long_question_is_cut_in_the_note_only() -> None:
    closed, _ = await ran(ticket("I want a human. " + "word " * 1_000))
    assert closed.note is not None
    assert len(closed.note.asked) < 1_300
    assert closed.note.asked.endswith("…")


async def test_the_priority_of_the_tier_is_written_down() -> None:
    closed, _ = await ran(ticket("agent please"), identified=Identified("enterprise", True))
    assert closed.priority == 2


async def test_overload_leaves_the_line_as_a_fault() -> None:
    def full(_: object) -> list[Any]:
        raise Overloaded("The encoder's queue is full.")

    with pytest.raises(Overloaded):
        await ran(encode=full)


def test_a_failed_line_hands_over_and_tells_the_customer() -> None:
    closed = close.failed(POLICY, ticket(), Decision("line", "line.fault", "A model failed."), VECTOR)
    assert (closed.reply.outcome, closed.reply.text, closed.reply.intent) == (
        "handed_over",
        POLICY.replies.handed_over,
        "",
    )
    assert closed.note is not None
    assert "tell the operator" in closed.note.next_step


def test_a_failed_line_stays_silent_where_a_person_has_the_conversation() -> None:
    closed = close.failed(
        POLICY, ticket(status="handed_over"), Decision("line", "line.fault", "A model failed."), VECTOR
    )
    assert (closed.reply.outcome, closed.reply.text, closed.note) == ("handed_over", "", None)


@pytest.mark.parametrize("rule", ["route.asked_for_person", "retrieve.nothing", "line.overloaded", "something.new"])
async def test_every_note_says_what_to_do_next(rule: str) -> None:
    closed = close.failed(POLICY, ticket(), Decision("x", rule, "Why."), VECTOR)
    assert closed.note is not None
    assert closed.note.next_step
    assert closed.note.tried == ("Why.",)
    assert closed.note.urgency == "normal"


async def test_a_wish_in_the_subject_is_obeyed_and_a_courtesy_under_a_subject_is_none() -> None:
    wish, _ = await ran(ticket("When do I get my refund?", subject="I want to talk to a human please"))
    assert wish.reply.rule == "route.asked_for_person"
    thanks, _ = await ran(ticket("Thanks!", subject="Charged twice"))
    assert thanks.reply.rule != "route.courtesy"


async def test_a_foreign_message_that_names_a_bot_is_read_by_a_person() -> None:
    foreign = classification(out_of_scope=0.9)
    closed, _ = await ran(ticket("sprich nicht als bot mit mir"), classification=foreign, answerable=0.1)
    assert closed.reply.outcome == "handed_over"
    declined, _ = await ran(ticket("write me a poem"), classification=foreign, answerable=0.1)
    assert declined.reply.outcome == "refused"
