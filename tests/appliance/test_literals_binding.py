"""Amounts that stand in the source, but of another subject, for another period, or apart."""

from __future__ import annotations

import pytest
from line_parts import Parts, candidate, draft, retrieved

from appliance.line.ground import ground
from appliance.line.literals import misbound

PRICES = (
    "Prices\n\nThe Solo plan costs €7 per seat per month when you pay monthly, or €70 per seat per year when you pay "
    "yearly. The Studio plan costs €12 per seat per month. Exports are not part of the Basic plan. Standard delivery "
    "takes 3 days and costs $5. Express delivery takes 1 day and costs $12."
)


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The Solo plan costs €12 per seat.", "€12 is not said of Solo"),
        ("The Studio plan costs €7 per seat.", "€7 is not said of Studio"),
        ("Studio costs €7 per seat.", "€7 is not said of Studio"),
        ("The Basic plan costs €7 per seat.", "€7 is not said of Basic"),
        ("The Solo plan costs €7 per seat and the Studio plan €70.", "€70 is not said of Studio"),
        ("The Solo plan costs €7 per seat per year.", "€7 is said of another period"),
        ("The Solo plan costs €70 per seat per month.", "€70 is said of another period"),
        ("Delivery takes 1 day and costs $5.", "1 day and $5 are not said together"),
    ],
)
def test_an_amount_of_something_else_is_refused_with_a_reason(sentence: str, why: str) -> None:
    assert misbound(sentence, [PRICES]) == why


@pytest.mark.parametrize(
    "sentence",
    [
        "Solo is €7 per seat a month.",
        "Each seat on the Solo plan is €70 a year.",
        "The Solo plan costs €7 and the Studio plan €12 per month.",
        "With yearly payment, the Solo plan is €70.",
        "Express delivery is $12 and takes 1 day.",
        "You pay €12 per seat each month.",
    ],
)
def test_a_fair_paraphrase_is_bound(sentence: str) -> None:
    assert misbound(sentence, [PRICES]) == ""


def test_the_title_and_the_sentence_before_name_the_subject() -> None:
    assert misbound("Solo costs €9.", ["The Solo plan\n\nThe price is €9. On Solo, seats cost €2."]) == ""
    assert misbound("The Solo plan costs €9.", ["Seats on Solo cost €2. They tell you about Solo. It costs €9."]) == ""


def test_amounts_of_two_sources_may_be_joined() -> None:
    assert misbound("Pay $10 within 30 days.", ["It costs $10.", "You have 30 days."]) == ""


async def test_the_gate_says_what_is_wrong() -> None:
    found = retrieved(candidate(PRICES, "prices", "Prices"))
    judged = await ground(
        Parts(support=lambda _: 1.0).desk(), draft("The Studio plan costs €7 per seat per month."), found
    )
    [*_, last] = judged.verdicts
    assert (last.gate, last.passed, last.detail) == ("literals", False, "€7 is not said of Studio")
