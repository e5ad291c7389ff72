"""Every number and list that decides, read once from a profile (TOML) and passed by hand.

A profile says what a company's tickets are about, which of them a person always handles, how sure the classifier must be, and what customers read.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from appliance.errors import ConfigInvalid, explain
from appliance.fallback import Fallback
from appliance.learned import IntentThresholds, LearnedThreshold, check_fits
from appliance.masking_rules import Masking
from appliance.pace import Afterwards, Burst, MailBudget
from appliance.ticket import Tier
from appliance.translations import Translation, shipped_translation
from appliance.trusted import Trusted
from models.tags import primary

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
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
    support: Probability = 0.4
    """How far a cited passage must support a sentence."""
    language: Probability = 0.35
    """The customer's language counts when the detector is at least this sure; below it is the profile's."""
    language_of_text: Probability = 0.9
    """The same for texts of ours, articles and drafted sentences, which are long enough to be clear."""
    risk_budget: Share | None = None
    """Unsafe share that is allowed among the tickets of an intent which are handled automatically; set, retraining learns thresholds that keep it."""
    risk_confidence: Share = 0.95
    """How sure retraining must be that a learnt threshold keeps the budget."""
    risk_floor: Probability = 0.5
    """No learnt threshold goes below this."""


class VoiceExample(_Frozen):
    customer: str
    reply: str


class Voice(_Frozen):
    tone: str = ""
    examples: tuple[VoiceExample, ...] = ()


class Style(_Frozen):
    """How much is said."""

    max_sentences: Annotated[int, Field(ge=1, le=8)] = 2
    max_sentences_when_asked: Annotated[int, Field(ge=1, le=12)] = 6
    """When the customer asks for details or every step."""


class Deadlines(_Frozen):
    """Until when a ticket must have its end, from the moment its message was accepted."""

    simple_s: Annotated[float, Field(gt=0)] = 30.0
    complex_s: Annotated[float, Field(gt=0)] = 300.0
    reserve_s: Annotated[float, Field(gt=0)] = 5.0
    """Kept back for each rung below the one that writes; the last rung gets at least this even when the deadline has passed."""
    complex_parts: Annotated[int, Field(ge=2)] = 4
    """A message of so many sentences or pieces is complex …"""
    complex_words: Annotated[int, Field(ge=1)] = 120
    """… or one of so many words …"""
    complex_thread: Annotated[int, Field(ge=1)] = 6
    """… or one with so many messages before it."""

    @model_validator(mode="after")
    def _leave_time(self) -> Deadlines:
        if not 2 * self.reserve_s <= self.simple_s <= self.complex_s:
            raise ValueError(
                "2 * reserve_s <= simple_s <= complex_s must hold: a rung and the one below it need their time"
            )
        return self


class Replies(_Frozen):
    """What customers read when the line does not answer."""

    handed_over: str
    asked_for_person: str
    always_escalate: str
    out_of_scope: str
    not_covered: str
    unsure: str
    overloaded: str
    not_in_language: str = "We have passed your message to a colleague, who will reply to you here. We cannot answer automatically in your language yet."
    """For a language of which we have no words; the others are in ``translations``."""
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
    burst: Burst = Burst()
    afterwards: Afterwards = Afterwards()
    deadlines: Deadlines = Deadlines()
    trusted: Trusted = Trusted()
    replies: Replies
    intents: Annotated[tuple[Intent, ...], Field(min_length=5, max_length=15)]
    tiers: tuple[TierRule, ...] = ()
    masking: Masking = Masking()
    translations: tuple[Translation, ...] = ()
    """Words of one's own for customers who write in another language than the profile's."""
    fallback: Fallback = Fallback()
    mail: MailBudget = MailBudget()
    _learned: IntentThresholds | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _names_fit(self) -> Policy:
        names = [intent.name for intent in self.intents]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"intents named twice: {', '.join(sorted(twice))}")
        for rule in self.tiers:
            if unknown := set(rule.always_escalate) - set(names):
                raise ValueError(f"tier {rule.name} escalates unknown intents: {', '.join(sorted(unknown))}")
        self.fallback.check_intents(frozenset(names), frozenset(i.name for i in self.intents if i.always_escalate))
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

    def translation(self, language: str) -> Translation | None:
        """What customers read in that language; None for the profile's own and for one of which we have no words."""
        if language == self.home:
            return None
        shipped = shipped_translation(language)
        own = next((one for one in self.translations if one.language == language), None)
        return own.over(shipped) if own else shipped

    @property
    def home(self) -> str:
        """The profile's language without its region: ``en`` of ``en-GB``."""
        return primary(self.language)

    def tier(self, tier: Tier) -> TierRule:
        return next((rule for rule in self.tiers if rule.name == tier), TierRule(name=tier))

    def declared(self, intent: str, tier: Tier) -> float:
        """The strictest of the default, the intent's and the tier's threshold, as the profile says."""
        own = (self.thresholds.confidence, self.intent(intent).threshold, self.tier(tier).threshold)
        return max(value for value in own if value is not None)

    def threshold(self, intent: str, tier: Tier) -> float:
        """What the confidence is held against. A learnt threshold takes the default's place; one that the profile gives the intent goes before it, and a tier's can only be stricter."""
        learned = self._learned_of(intent, tier)
        if learned is None or learned.threshold is None:
            return self.declared(intent, tier)
        return max(learned.threshold, self.tier(tier).threshold or 0.0)

    def refusal(self, intent: str, tier: Tier) -> LearnedThreshold | None:
        """Why tickets of this intent are not automated; None when they may be."""
        learned = self._learned_of(intent, tier)
        return learned if learned is not None and learned.threshold is None else None

    def always_person(self, intent: str, tier: Tier) -> bool:
        """Does a person always handle this intent, for everybody or for customers of this tier?"""
        return self.intent(intent).always_escalate or intent in self.tier(tier).always_escalate

    def with_learned(self, learned: IntentThresholds, *, revision: str) -> Policy:
        """This policy going by learnt thresholds. Raises ``ConfigInvalid`` when they are of other heads than ``revision`` or of other rules."""
        check_fits(learned, revision=revision, policy=self.rules_digest)
        guided = self.model_copy()
        guided._learned = learned
        return guided

    @property
    def learned(self) -> IntentThresholds | None:
        """The learnt thresholds that are gone by, if there are any."""
        return self._learned

    @property
    def rules_digest(self) -> str:
        """Changes whenever something changes that decides which tickets are a person's or which number is held against a threshold."""
        limits = self.thresholds
        rules = {
            "intents": sorted([one.name, one.always_escalate, one.threshold] for one in self.intents),
            "tiers": sorted([one.name, one.threshold, sorted(one.always_escalate)] for one in self.tiers),
            "thresholds": [limits.confidence, limits.part, limits.out_of_scope],
        }
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:16]

    def _learned_of(self, intent: str, tier: Tier) -> LearnedThreshold | None:
        if self._learned is None or self.intent(intent).threshold is not None:
            return None
        return self._learned.of(intent, tier)


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
