"""The policy's word on one ticket: the first rule that fits decides. Pure: no clock, no database, no text of a customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from appliance.fallback import Fallback, FallbackRule, Occasion
from appliance.store.ledger import Spent
from appliance.ticket import Tier

MICROS = 1_000_000
INTERNAL = "internal_articles"
"""Kind of text that no rule can name."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing leaves: a stable rule id and the reason in words."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules look at."""

    intent: str
    tier: Tier
    residency: frozenset[str]
    occasion: Occasion
    data_classes: frozenset[str]
    always_person: str = ""
    """The intent of the ticket, or of a part of it, that a person always handles; empty: none."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Worst case of one request: money in millionths of the currency, tokens in and out together."""

    money_micros: int
    tokens: int


def judge(fallback: Fallback, asked: Asked, moment: datetime) -> FallbackRule | Refused:
    """The rule that allows it at this moment, or why none does."""
    if asked.always_person:
        return Refused("egress.always_escalate", f"A person always handles {asked.always_person}; it never leaves.")
    if not asked.residency:
        return Refused("egress.residency_unknown", "hosted.residency names no residency for this ticket.")
    found = _fitting(fallback, asked)
    if isinstance(found, Refused):
        return found
    if forbidden := asked.data_classes - set(found.data_classes):
        return Refused(
            "egress.data_class_not_allowed",
            f"The prompt would hold {', '.join(sorted(forbidden))}, which rule {found.id} does not let go.",
        )
    if not found.open_at(fallback.local(moment)):
        return Refused("egress.hours", f"Rule {found.id} allows it at other hours.")
    return found


def _fitting(fallback: Fallback, asked: Asked) -> FallbackRule | Refused:
    """Narrowed down one condition at a time, so that a refusal names the first that no rule meets."""
    if not fallback.rules:
        return Refused("egress.no_rules", "The profile has no fallback rule.")
    left = list(fallback.rules)
    for rule, reason, fits in _conditions(asked):
        left = [one for one in left if fits(one)]
        if not left:
            return Refused(f"egress.{rule}_not_allowed", reason)
    return left[0]


def _conditions(asked: Asked) -> Iterator[tuple[str, str, Callable[[FallbackRule], bool]]]:
    yield "intent", f"No rule allows the intent {asked.intent or 'unknown'}.", lambda one: asked.intent in one.intents
    yield "tier", f"No rule for it allows the tier {asked.tier}.", lambda one: asked.tier in one.tiers
    tags = ", ".join(sorted(asked.residency))
    yield "residency", f"No rule for it allows {tags}.", lambda one: asked.residency <= set(one.residency)
    yield "occasion", f"No rule for it allows {asked.occasion}.", lambda one: asked.occasion in one.occasions


def over_budget(fallback: Fallback, cost: Cost, day: Spent, month: Spent) -> Refused | None:
    """Why ``cost`` may not be added to what the day and the month have spent; None when it may."""
    for name, budget, spent in (("day", fallback.daily_budget, day), ("month", fallback.monthly_budget, month)):
        limit = round(budget.money * MICROS)
        if spent.money_micros + cost.money_micros > limit or limit == 0:
            return Refused(
                f"egress.budget_{name}",
                f"The {name}'s budget is {budget.money:.2f}: {spent.money_micros / MICROS:.4f} are spent or reserved, this needs up to {cost.money_micros / MICROS:.4f}.",
            )
        if spent.tokens + cost.tokens > budget.tokens:
            return Refused(
                f"egress.budget_{name}",
                f"The {name}'s budget is {budget.tokens} tokens: {spent.tokens} are spent or reserved, this needs up to {cost.tokens}.",
            )
    return None


def budget_days(fallback: Fallback, moment: datetime) -> tuple[str, str, str]:
    """(today, first day of the month, last day of the month) in the policy's time zone. The last one need not exist: days are compared as text."""
    today = fallback.local(moment).date()
    return today.isoformat(), f"{today:%Y-%m}-01", f"{today:%Y-%m}-31"
