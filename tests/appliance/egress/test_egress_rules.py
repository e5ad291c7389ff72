"""The policy: everything is refused that is not allowed by name, and each refusal says why by a stable rule."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from egress_parts import ALLOWED, MORNING, RULE
from hypothesis import given
from hypothesis import strategies as st

from appliance.egress.rules import Asked, Cost, Refused, budget_days, judge, over_budget
from appliance.errors import ConfigInvalid
from appliance.fallback import DAYS, Fallback, FallbackRule
from appliance.policy import load_policy, parse_policy, shipped_profiles
from appliance.store.ledger import Spent
from appliance.ticket import TIERS

ASKED: dict[str, Any] = {
    "intent": "billing_question",
    "tier": "free",
    "residency": frozenset({"eu"}),
    "occasion": "low_support",
    "data_classes": frozenset({"customer_message", "public_articles"}),
}


def judged(asked: dict[str, Any], *rules: dict[str, Any], moment: datetime = MORNING) -> str:
    """The rule's id, or that of the refusal."""
    found = judge(Fallback.model_validate(ALLOWED | {"rules": rules or [RULE]}), Asked(**asked), moment)
    return found.rule if isinstance(found, Refused) else found.id


def test_what_the_rule_names_is_allowed() -> None:
    assert judged(ASKED) == "questions"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"intent": "cancellation"}, "egress.intent_not_allowed"),
        ({"intent": ""}, "egress.intent_not_allowed"),
        ({"tier": "enterprise"}, "egress.tier_not_allowed"),
        ({"residency": frozenset({"us"})}, "egress.residency_not_allowed"),
        ({"residency": frozenset({"eu", "ch"})}, "egress.residency_not_allowed"),
        ({"residency": frozenset()}, "egress.residency_unknown"),
        ({"data_classes": frozenset({"customer_articles"})}, "egress.data_class_not_allowed"),
        ({"data_classes": frozenset({"internal_articles"})}, "egress.data_class_not_allowed"),
        ({"always_person": "account_security"}, "egress.always_escalate"),
    ],
)
def test_one_thing_that_no_rule_names_refuses(changed: dict[str, Any], rule: str) -> None:
    assert judged(ASKED | changed) == rule


def test_an_occasion_that_no_rule_names_refuses() -> None:
    assert judged(ASKED, RULE | {"occasions": ["local_down"]}) == "egress.occasion_not_allowed"


@pytest.mark.parametrize("emptied", ["intents", "tiers", "residency", "occasions", "data_classes"])
def test_an_empty_list_allows_nothing(emptied: str) -> None:
    assert judged(ASKED, RULE | {emptied: []}).startswith("egress.")


def test_without_a_rule_nothing_goes_and_no_shipped_profile_has_one() -> None:
    assert judge(Fallback(), Asked(**ASKED), MORNING) == Refused("egress.no_rules", "The profile has no fallback rule.")
    for name in shipped_profiles():
        assert load_policy(name).fallback == Fallback()


def test_the_first_rule_that_fits_decides_also_when_it_refuses() -> None:
    strict, loose = RULE | {"id": "strict", "data_classes": ["customer_message"]}, RULE | {"id": "loose"}
    assert judged(ASKED, strict, loose) == "egress.data_class_not_allowed"
    assert judged(ASKED, loose, strict) == "loose"
    assert judged(ASKED, strict | {"tiers": ["paid"]}, loose) == "loose"


@pytest.mark.parametrize(
    ("intent", "tier", "tag", "occasion"),
    list(
        product(
            ["billing_question", "how_to", "login_access"],
            TIERS,
            ["eu", "us"],
            ["first", "local_down", "overloaded", "low_support"],
        )
    ),
)
def test_the_whole_matrix_allows_what_two_rules_name_and_nothing_else(
    intent: str, tier: str, tag: str, occasion: str
) -> None:
    rules = [
        RULE | {"id": "one", "intents": ["how_to"], "tiers": ["free"], "occasions": ["local_down"]},
        RULE
        | {
            "id": "two",
            "intents": ["billing_question"],
            "tiers": ["paid"],
            "residency": ["eu", "us"],
            "occasions": ["low_support", "overloaded"],
        },
    ]
    expected = None
    if (intent, tier, tag, occasion) == ("how_to", "free", "eu", "local_down"):
        expected = "one"
    if intent == "billing_question" and tier == "paid" and occasion in ("low_support", "overloaded"):
        expected = "two"
    asked = ASKED | {"intent": intent, "tier": tier, "residency": frozenset({tag}), "occasion": occasion}
    found = judged(asked, *rules)
    assert found == expected if expected else found.startswith("egress.")


@pytest.mark.parametrize(
    ("hours", "at", "open_"),
    [
        ({}, "2026-06-01T03:00", True),
        ({"days": ["mon"]}, "2026-06-01T03:00", True),
        ({"days": ["tue"]}, "2026-06-01T03:00", False),
        ({"hours_from": "08:00", "hours_to": "18:00"}, "2026-06-01T08:00", True),
        ({"hours_from": "08:00", "hours_to": "18:00"}, "2026-06-01T07:59", False),
        ({"hours_from": "08:00", "hours_to": "18:00"}, "2026-06-01T18:00", False),
        ({"hours_from": "22:00", "hours_to": "06:00", "days": ["mon"]}, "2026-06-01T23:00", True),
        ({"hours_from": "22:00", "hours_to": "06:00", "days": ["mon"]}, "2026-06-02T05:59", True),
        ({"hours_from": "22:00", "hours_to": "06:00", "days": ["mon"]}, "2026-06-02T06:00", False),
        ({"hours_from": "22:00", "hours_to": "06:00", "days": ["mon"]}, "2026-06-01T05:00", False),
        ({"hours_from": "22:00", "hours_to": "06:00", "days": ["mon"]}, "2026-06-02T23:00", False),
    ],
)
def test_hours(hours: dict[str, Any], at: str, open_: bool) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert (judged(ASKED, RULE | hours, moment=moment) == "questions") is open_


def test_hours_and_days_are_those_of_the_time_zone_that_is_named() -> None:
    fallback = Fallback(time_zone="Asia/Tokyo")
    moment = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)  # 01:00 on 1 July in Tokyo
    assert budget_days(fallback, moment) == ("2026-07-01", "2026-07-01", "2026-07-31")
    rule = FallbackRule.model_validate(RULE | {"days": ["wed"], "hours_to": "02:00"})
    assert rule.open_at(fallback.local(moment))
    assert not rule.open_at(fallback.local(moment + timedelta(hours=1)))


@given(st.datetimes(), st.times(), st.times())
def test_every_moment_is_in_a_span_or_in_its_complement(moment: datetime, start: Any, end: Any) -> None:
    if start == end:
        return
    one = FallbackRule.model_validate(RULE | {"hours_from": start, "hours_to": end})
    other = FallbackRule.model_validate(RULE | {"hours_from": end, "hours_to": start})
    assert one.open_at(moment) != other.open_at(moment)
    assert one.days == DAYS


@pytest.mark.parametrize(
    ("budget", "spent", "cost", "refused"),
    [
        ({"money": 1.0, "tokens": 1_000}, Spent(), Cost(1_000_000, 1_000), False),
        ({"money": 1.0, "tokens": 1_000}, Spent(), Cost(1_000_001, 1), True),
        ({"money": 1.0, "tokens": 1_000}, Spent(), Cost(1, 1_001), True),
        ({"money": 1.0, "tokens": 1_000}, Spent(999_999, 0), Cost(1, 1), False),
        ({"money": 1.0, "tokens": 1_000}, Spent(999_999, 0), Cost(2, 1), True),
        ({"money": 1.0, "tokens": 1_000}, Spent(0, 1_000), Cost(1, 1), True),
        ({"money": 0.0, "tokens": 1_000}, Spent(), Cost(0, 1), True),
        ({"money": 1.0, "tokens": 0}, Spent(), Cost(0, 1), True),
    ],
)
@pytest.mark.parametrize("which", ["daily_budget", "monthly_budget"])
def test_budgets(which: str, budget: dict[str, Any], spent: Spent, cost: Cost, refused: bool) -> None:
    fallback = Fallback.model_validate(ALLOWED | {which: budget})
    day, month = (spent, Spent()) if which == "daily_budget" else (Spent(), spent)
    over = over_budget(fallback, cost, day, month)
    assert (over is not None) is refused
    if over:
        assert over.rule == ("egress.budget_day" if which == "daily_budget" else "egress.budget_month")


@pytest.mark.parametrize(
    "table",
    [
        "[fallback]\nallow = true",
        "[[fallback.rules]]\nid = 'x'\nintent = ['how_to']",
        "[[fallback.rules]]\nid = 'Not An Id'",
        "[[fallback.rules]]\nid = 'x'\n[[fallback.rules]]\nid = 'x'",
        "[[fallback.rules]]\nid = 'x'\nintents = ['nonsense']",
        "[[fallback.rules]]\nid = 'x'\nintents = ['account_security']",
        "[[fallback.rules]]\nid = 'x'\ndata_classes = ['internal_articles']",
        "[[fallback.rules]]\nid = 'x'\ntiers = ['gold']",
        "[[fallback.rules]]\nid = 'x'\nhours_from = '25:00'",
        "[fallback]\ntime_zone = 'Mars/Olympus'",
        "[fallback.daily_budget]\nmoney = -1",
        "[fallback.daily_budget]\nmoney = inf",
        "[fallback.daily_budget]\nmoney = nan",
    ],
)
def test_a_table_that_is_wrong_is_refused_at_the_start(table: str) -> None:
    shipped = (Path(__file__).parents[3] / "appliance/profiles/saas.toml").read_text("utf-8")
    assert tomllib.loads(table)
    with pytest.raises(ConfigInvalid, match="fallback"):
        parse_policy(f"{shipped}\n{table}\n", origin="test")
