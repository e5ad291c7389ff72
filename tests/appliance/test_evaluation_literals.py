"""The second look at what left."""

from __future__ import annotations

import pytest

from appliance.evaluation.literals import unsupported_literals

SOURCE = (
    "The plan costs $1,200.00 a year, or **€9** a month. Refunds within 14 days, until March 3, 2026; after 3-5 days we write "
    "to billing@example.org. See https://example.org/plans?id=7. Version 2.5 needs 4 GB; 20 % off from 5:30."
)


@pytest.mark.parametrize(
    "reply",
    [
        "It costs $1200 a year.",
        "It is €9 a month, or 9 euros.",
        "You have 14 days. We write after 5 days, or 3 days.",
        "Until 3 March 2026.",
        "Write to Billing@example.org.",
        "More in: plans (https://example.org/plans?id=7)",
        "Version 2.5 needs 4 GB and gives 20 percent.",
        "From 5:30 on.",
        "No literal at all, you may go.",
    ],
)
def test_what_the_article_says_passes(reply: str) -> None:
    assert unsupported_literals(reply, [SOURCE]) == ()


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("It costs $1,300 a year.", ("price $1300", "number 1300")),
        ("It costs $14.", ("price $14",)),
        ("You have 14 weeks.", ("duration 14 week",)),
        ("You have 30 days.", ("duration 30 day", "number 30")),
        ("Until March 4, 2026.", ("date mar 4",)),
        ("Get 14 % off.", ("percent 14%",)),
        ("Version 2 is enough.", ("number 2",)),
        ("Write to sales@example.org.", ("email sales@example.org",)),
        ("See https://example.com/plans?id=7.", ("url https://example.com/plans?id=7",)),
        ("See www.example.org/x.", ("url www.example.org/x",)),
    ],
)
def test_what_it_does_not_say_is_named(reply: str, found: tuple[str, ...]) -> None:
    assert set(found) <= set(unsupported_literals(reply, [SOURCE]))


def test_nothing_cited_supports_nothing() -> None:
    assert unsupported_literals("Wait 5 minutes.", []) == ("duration 5 minute", "number 5")
