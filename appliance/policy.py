"""Every number and list that decides, read once from a profile (TOML) and passed by hand.

A profile says what a company's tickets are about, which of them a person always handles, how sure the classifier must be, and what customers read.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import ConfigInvalid
from appliance.ticket import Tier

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
ReplyName = Literal[
    "handed_over", "asked_for_person", "always_escalate", "out_of_scope", "not_covered", "unsure", "overloaded"
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Thresholds(_Frozen):
    """The numbers that decide between an answer and a person."""

    confidence: Probability = 0.7
    """Calibrated confidence below this: escalate."""
    part: Probability = 0.6
    """A piece of a mixed message that is, with this confidence, about a topic which a person always handles decides for the whole."""
    out_of_scope: Probability = 0.5
    """Out-of-scope score at or above this: not ours to answer."""
    answerable: Probability = 0.5
    """The floor of retrieval: calibrated probability that the best passage answers, below this nothing is quoted."""
    answerable_when_foreign: Probability = 0.8
    """The floor for a question that the classifier holds for foreign."""
    support: Probability = 0.6
    """How far a cited passage must support a sentence."""


class VoiceExample(_Frozen):
    customer: str
    reply: str


class Voice(_Frozen):
    tone: str = ""
    examples: tuple[VoiceExample, ...] = ()


class Style(_Frozen):
    """How much is said."""

    max_sentences: Annotated[int, Field(ge=1, le=8)] = 2


class Replies(_Frozen):
    """What customers read when the line does not answer."""

    handed_over: str
    asked_for_person: str
    always_escalate: str
    out_of_scope: str
    not_covered: str
    unsure: str
    overloaded: str
    more_in: str = "More in: {title} ({url})"
    thanks: str = "You are welcome. I am here if anything else comes up."
    greeting: str = "Hello. What can I help you with?"


class Intent(_Frozen):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    description: str = ""
    always_escalate: bool = False
    threshold: Probability | None = None


class TierRule(_Frozen):
    """What is different for customers of one tier."""

    name: Tier
    threshold: Probability | None = None
    always_escalate: tuple[str, ...] = ()
    priority: int = 0


class Policy(_Frozen):
    """One profile, checked."""

    name: str
    title: str
    company: str
    language: str = "en"
    thresholds: Thresholds = Thresholds()
    voice: Voice = Voice()
    style: Style = Style()
    replies: Replies
    intents: Annotated[tuple[Intent, ...], Field(min_length=5, max_length=15)]
    tiers: tuple[TierRule, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Policy:
        names = [intent.name for intent in self.intents]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"intents named twice: {', '.join(sorted(twice))}")
        for rule in self.tiers:
            if unknown := set(rule.always_escalate) - set(names):
                raise ValueError(f"tier {rule.name} escalates unknown intents: {', '.join(sorted(unknown))}")
        return self

    @cached_property
    def _by_name(self) -> dict[str, Intent]:
        return {intent.name: intent for intent in self.intents}

    def intent(self, name: str) -> Intent:
        """The intent of that name; an unknown name (a classifier of another profile) is a fault."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ConfigInvalid(
                f"The classifier knows the intent {name!r}, the profile {self.name!r} does not.",
                remedy=f"Train the heads for this profile (appliance models train intent) or add {name!r} to it.",
            ) from None

    def tier(self, tier: Tier) -> TierRule:
        return next((rule for rule in self.tiers if rule.name == tier), TierRule(name=tier))

    def threshold(self, intent: str, tier: Tier) -> float:
        """The strictest of the default, the intent's and the tier's threshold."""
        own = (self.thresholds.confidence, self.intent(intent).threshold, self.tier(tier).threshold)
        return max(value for value in own if value is not None)


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that come with the appliance."""
    folder = resources.files("appliance") / "profiles"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_policy(profile: str) -> Policy:
    """Read a shipped profile by name, or one of your own by the path of its TOML file.

    Raises ``ConfigInvalid`` naming file, key and remedy.
    """
    own = Path(profile)
    if profile.endswith(".toml"):
        return parse_policy(_read(own), origin=str(own))
    if profile not in shipped_profiles():
        raise ConfigInvalid(
            f"There is no profile {profile!r}.",
            remedy=f"Choose one of {', '.join(shipped_profiles())}, or give the path of a .toml file.",
        )
    return parse_policy(
        (resources.files("appliance") / "profiles" / f"{profile}.toml").read_text("utf-8"), origin=f"profile {profile}"
    )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"The profile {path} cannot be read: {error}.", remedy="Check the path and that it is UTF-8 text."
        ) from error


def parse_policy(text: str, *, origin: str) -> Policy:
    """Turn TOML into a checked policy; ``origin`` names the file in errors."""
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(
            f"{origin} is not valid TOML: {error}.", remedy="Mend the line that the message names."
        ) from error
    except ValidationError as error:
        raise ConfigInvalid(
            f"{origin}: {explain(error)}.", remedy="Mend the keys named; docs/settings.md lists them all."
        ) from error


def explain(error: ValidationError) -> str:
    """A pydantic error in one line: key and reason, without the values (they may be secrets)."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'file'}: "
        f"{'unknown key' if item['type'] == 'extra_forbidden' else item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
