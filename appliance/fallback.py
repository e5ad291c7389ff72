"""What of a ticket may go to a hosted model, when, and for how much: the ``[fallback]`` table of a profile. As it ships, nothing may."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from appliance.ticket import Tier

DataClass = Literal["customer_message", "history", "public_articles", "customer_articles"]
"""Kinds of text that a prompt can hold. Articles for staff alone are none of them: no rule can let them go."""
Occasion = Literal["first", "local_down", "overloaded", "low_support"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Frozen):
    """What may be spent in one day or month of the policy's time zone. 0 allows nothing."""

    money: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """In the currency of the prices (``hosted.price_input``)."""
    tokens: Annotated[int, Field(ge=0)] = 0
    """In and out together."""


class FallbackRule(_Frozen):
    """One kind of ticket that may go. Every list names what is allowed; an empty one allows nothing."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    intents: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()
    residency: tuple[str, ...] = ()
    occasions: tuple[Occasion, ...] = ()
    data_classes: tuple[DataClass, ...] = ()
    days: tuple[Day, ...] = DAYS
    hours_from: time = time(0, 0)
    hours_to: time = time(0, 0)
    """The same as ``hours_from``: all day. Earlier than it: over midnight, and the day is the one on which it began."""

    def open_at(self, moment: datetime) -> bool:
        """``moment`` in the policy's time zone."""
        now, today = moment.time(), moment.weekday()
        if self.hours_from == self.hours_to:
            return DAYS[today] in self.days
        if self.hours_from < self.hours_to:
            return DAYS[today] in self.days and self.hours_from <= now < self.hours_to
        began_today, began_yesterday = now >= self.hours_from, now < self.hours_to
        return (began_today and DAYS[today] in self.days) or (began_yesterday and DAYS[today - 1] in self.days)


class Fallback(_Frozen):
    """The first rule that fits a ticket's intent, tier, residency and occasion decides; where none fits, nothing goes."""

    time_zone: str = "UTC"
    daily_budget: Budget = Budget()
    monthly_budget: Budget = Budget()
    rules: tuple[FallbackRule, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            _zone(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone of this machine (such as Europe/Berlin)") from None
        return name

    @model_validator(mode="after")
    def _ids_differ(self) -> Fallback:
        ids = [rule.id for rule in self.rules]
        if twice := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"rules named twice: {', '.join(sorted(twice))}")
        return self

    def check_intents(self, known: frozenset[str], always_person: frozenset[str]) -> None:
        """Raises ``ValueError`` for a rule about an intent that does not exist, or that a person always handles."""
        for rule in self.rules:
            if unknown := set(rule.intents) - known:
                raise ValueError(f"fallback rule {rule.id} names unknown intents: {', '.join(sorted(unknown))}")
            if never := set(rule.intents) & always_person:
                raise ValueError(
                    f"fallback rule {rule.id} names intents that a person always handles: {', '.join(sorted(never))}"
                )

    def local(self, moment: datetime) -> datetime:
        """The same instant on the policy's clock."""
        return moment.astimezone(_zone(self.time_zone))


def _zone(name: str) -> tzinfo:
    """UTC needs no time zone files, which slim machines may lack."""
    return UTC if name == "UTC" else ZoneInfo(name)
