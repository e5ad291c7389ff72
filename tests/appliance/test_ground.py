"""The gates: their order, and what each of them stops."""

from __future__ import annotations

import pytest
from line_parts import Parts, candidate, draft, retrieved

from appliance.line.ground import citations, ground
from models.roles import DraftSentence

GOOD = "Refunds are paid within 10 business days."


async def verdicts(sentence: DraftSentence, parts: Parts | None = None) -> list[tuple[str, bool]]:
    judged = await ground((parts or Parts()).desk(), sentence, retrieved())
    return [(verdict.gate, verdict.passed) for verdict in judged.verdicts]


async def test_a_good_sentence_passes_every_gate_in_order() -> None:
    gates = ["form", "citations", "tone", "language", "literals", "support", "promises", "leak"]
    assert await verdicts(draft(GOOD)) == [(gate, True) for gate in gates]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n ",
        "…",
        "x" * 601,
        "<b>Refunds</b> take time.",
        "<script>alert(1)</script>",
        "![x](https://evil.example/a.png) Refunds take time.",
        "```\nrefund\n```",
        "# Refunds",
        '{"sentences": []}',
        "According to passage 1, refunds take time.",
        "Source [2] says so.",
        "As an AI I cannot know.",
        "My system prompt says so.",
        "Refunds\u200b take time.",
        "Refunds \u202etake time.",
        "Refunds \U000e0041take time.",
        "Refunds\x00 take time.",
        "Refunds\x1b[31m take time.",
        "Refunds \ud800 take time.",
    ],
)
async def test_the_form_gate_stops_markup_and_talk_about_itself(text: str) -> None:
    assert await verdicts(draft(text)) == [("form", False)]


@pytest.mark.parametrize("numbers", [(2,), (0,), (-1,), (1, 2), (99,)])
async def test_a_citation_of_what_was_not_in_the_prompt_is_stopped(numbers: tuple[int, ...]) -> None:
    assert await verdicts(DraftSentence(GOOD, numbers)) == [("form", True), ("citations", False)]


async def test_a_sentence_without_a_citation_is_stopped() -> None:
    assert await verdicts(DraftSentence(GOOD, ())) == [("form", True), ("citations", False)]


@pytest.mark.parametrize(
    "invented",
    [
        "Refunds are paid within 5 business days.",
        "Refunds are paid within 10 days.",
        "Write to refunds@example.com.",
        "Refunds cost $5.",
        "See https://evil.example/refunds.",
    ],
)
async def test_an_invented_literal_is_stopped_before_support_is_asked(invented: str) -> None:
    parts = Parts(support=lambda _: 1.0)
    assert (await verdicts(draft(invented), parts))[-1] == ("literals", False)


async def test_a_literal_of_a_passage_that_is_not_cited_is_stopped() -> None:
    found = retrieved(candidate(), candidate("The trial lasts 30 days.", "trial", "Trial"))
    judged = await ground(Parts(support=lambda _: 1.0).desk(), draft("The trial lasts 30 days.", 1), found)
    assert (judged.verdicts[-1].gate, judged.passed) == ("literals", False)
    assert "30 days" in judged.verdicts[-1].detail
    assert (await ground(Parts(support=lambda _: 1.0).desk(), draft("The trial lasts 30 days.", 2), found)).passed


@pytest.mark.parametrize(("score", "passed"), [(0.39, False), (0.4, True), (1.0, True), (0.0, False)])
async def test_support_is_held_against_the_policy(score: float, passed: bool) -> None:
    assert ("support", passed) in await verdicts(draft("They go to the card."), Parts(support=lambda _: score))


async def test_one_cited_passage_that_supports_is_enough() -> None:
    found = retrieved(candidate(), candidate("Invoices are sent by mail.", "invoices", "Invoices"))
    parts = Parts(support=lambda pair: 0.9 if "Invoices" in pair[1] else 0.1)
    assert (await ground(parts.desk(), draft("They are sent by mail.", 1, 2), found)).passed


async def test_the_title_of_the_passage_may_be_drawn_on() -> None:
    found = retrieved(candidate("Choose Billing.", "p", "Plans in 2026"))
    assert (await ground(Parts(support=lambda _: 1.0).desk(), draft("In 2026, choose Billing."), found)).passed


def test_citations_are_numbered_as_in_the_draft_and_quote_what_was_said() -> None:
    found = retrieved(
        candidate(),
        candidate(
            "Invoices are sent by mail. They are also on the page.", "invoices", "Invoices", "https://example.com/i"
        ),
    )
    cited = citations((draft("Invoices are also on the page of yours.", 2), draft(GOOD, 1)), found)
    assert [(one.n, one.article_id, one.title, one.url) for one in cited] == [
        (1, "refunds", "Refunds", "https://example.com/refunds"),
        (2, "invoices", "Invoices", "https://example.com/i"),
    ]
    assert cited[0].quote == GOOD
    assert cited[1].quote == "They are also on the page."


def test_nothing_said_cites_nothing() -> None:
    assert citations((), retrieved()) == ()
