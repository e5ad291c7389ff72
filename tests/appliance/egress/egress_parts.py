"""A gate with everything real around it (database, ledger, switch, client, loopback server) and a small masker whose rules anyone can read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from line_parts import candidate, case, classified, retrieved, ticket

from appliance.egress.gate import Gate, Terms
from appliance.egress.ledger import Ledger
from appliance.egress.masks import Masker
from appliance.egress.rung import Hosted
from appliance.egress.switch import KillSwitch
from appliance.fallback import Fallback
from appliance.line.ladder import Errand
from appliance.policy import Policy, load_policy
from appliance.store.database import Database
from appliance.ticket import Identified
from kb.article import Audience
from models.permits import Seal
from models.roles import PromptPassage, SynthesisRequest
from models.synthesis.hosted import HostedModel
from models.synthesis.providers import PROVIDERS

MORNING = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
RULE: dict[str, Any] = {
    "id": "questions",
    "intents": ["billing_question", "how_to"],
    "tiers": ["free", "paid"],
    "residency": ["eu"],
    "occasions": ["first", "local_down", "overloaded", "low_support"],
    "data_classes": ["customer_message", "history", "public_articles"],
}
RICH = {"money": 1_000.0, "tokens": 100_000_000}
ALLOWED: dict[str, Any] = {"daily_budget": RICH, "monthly_budget": RICH, "rules": [RULE]}
CUSTOM = replace(PROVIDERS["custom"], base_url="http://127.0.0.1:9/v1", model="m")
PERSONAL = ("anna.berg@kunde.example", "+49 171 2345678", "Anna Berg")
"""Planted in customers' words by these tests; none of it may ever arrive at the server."""
QUESTION = f"I am {PERSONAL[2]} ({PERSONAL[0]}, {PERSONAL[1]}). When do I get my refund?"
PASSAGE = "Refunds are paid within 10 business days. They go to the card that paid."


@dataclass(frozen=True)
class Found:
    type: str
    start: int
    end: int
    value: str


class TestMask:
    """E-mail, telephone and, in customers' words, two capitalised words in a row."""

    __test__ = False
    FORMS: ClassVar = {"EMAIL": r"[\w.+-]+@[\w.-]+\.\w+", "PHONE": r"\+\d[\d ]{7,}\d"}
    NAMES: ClassVar = {"PERSON": r"(?<!\. )\b[A-Z][a-z]+ [A-Z][a-z]+\b"}

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self.counts: dict[str, int] = {}

    def mask(self, text: str, *, names: bool = True) -> str:
        for kind, pattern in (self.FORMS | (self.NAMES if names else {})).items():
            text = re.sub(pattern, lambda found, kind=kind: self._placeholder(kind, found.group()), text)
        return text

    def leftovers(self, text: str) -> tuple[Found, ...]:
        forms = [
            Found(kind, *found.span(), found.group())
            for kind, p in self.FORMS.items()
            for found in re.finditer(p, text)
        ]
        again = [Found("AGAIN", 0, 0, value) for value in self._known.values() if value in text]
        return (*forms, *again)

    def restore(self, text: str) -> str:
        return re.sub(r"\[[A-Z]+_\d+\]", lambda found: self._known.get(found.group(), found.group()), text)

    def unknown(self, text: str) -> tuple[str, ...]:
        return tuple(name for name in re.findall(r"\[[A-Z]+_\d+\]", text) if name not in self._known)

    def _placeholder(self, kind: str, value: str) -> str:
        for name, known in self._known.items():
            if known == value:
                return name
        self.counts[kind] = self.counts.get(kind, 0) + 1
        name = f"[{kind}_{self.counts[kind]}]"
        self._known[name] = value
        return name


class TestMasker:
    __test__ = False

    def __init__(self) -> None:
        self.sessions = 0

    def session(self) -> TestMask:
        self.sessions += 1
        return TestMask()


class Blind(TestMask):
    """Masks nothing, and sees what is left: a masker that failed."""

    def mask(self, text: str, *, names: bool = True) -> str:
        return text


class BlindMasker(TestMasker):
    def session(self) -> TestMask:
        return Blind()


def policy(**fallback: Any) -> Policy:
    """The shipped profile with these fallback rules."""
    saas = load_policy("saas")
    return saas.model_copy(update={"fallback": Fallback.model_validate({**ALLOWED, **fallback})})


def errand(
    text: str = QUESTION,
    *,
    intent: str = "billing_question",
    tier: Any = "free",
    occasion: Any = "first",
    customer: str | None = None,
    history: tuple[tuple[Any, str], ...] = (),
    passages: tuple[str, ...] = (PASSAGE,),
    **more: Any,
) -> Errand:
    found = [candidate(text=one, name=f"a{n}") for n, one in enumerate(passages, 1)]
    asked = ticket(text, *history, customer_id=customer)
    made = case(ticket=asked, classified=classified(intent, question=text, **more), retrieved=retrieved(*found))
    request = SynthesisRequest(
        question=text,
        passages=tuple(PromptPassage(n, "Refunds", one, "https://example.com/r") for n, one in enumerate(passages, 1)),
        history=history,
        company="Tallybird",
        examples=(("Where is my mail?", "It comes from no-reply@tallybird.example."),),
    )
    return Errand(made, Identified(tier=tier), request, occasion)


@dataclass
class Time:
    """Both clocks, as the test sets them."""

    now: datetime = MORNING
    seconds: float = 100.0


@dataclass
class House:
    """The parts; a test changes what it is about before it asks for ``gate``."""

    data: Path
    database: Database
    policy: Policy = field(default_factory=policy)
    masker: Masker = field(default_factory=TestMasker)  # type: ignore[assignment] # counts are an attribute here
    audiences: Mapping[str, Audience] = field(default_factory=lambda: {f"a{n}": "public" for n in range(1, 9)})
    residency: str = "eu"
    customer_residency: Mapping[str, str] = field(default_factory=dict)
    names: Callable[[str], Sequence[str]] = lambda customer: (customer,)
    prices: tuple[str, str] = ("2", "10")
    max_tokens: int = 500
    base_url: str = CUSTOM.base_url
    broken: str = ""
    time: Time = field(default_factory=Time)
    seal: Seal = field(default_factory=lambda: Seal(b"s" * 32))
    real_clock: bool = False

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, self.data / "egress.anchor", now=lambda: self.time.now)

    @property
    def switch(self) -> KillSwitch:
        return KillSwitch(self.ledger, self.data / "egress.off")

    def clock(self) -> float:
        return time.monotonic() if self.real_clock else self.time.seconds

    @property
    def terms(self) -> Terms:
        return Terms(
            CUSTOM,
            host=self.base_url.split("/")[2],
            model="m",
            price_input=Decimal(self.prices[0]),
            price_output=Decimal(self.prices[1]),
            max_tokens=self.max_tokens,
            residency=self.residency,
            customer_residency=self.customer_residency,
        )

    def gate(self) -> Gate:
        return Gate(
            self.policy,
            self.terms,
            self.ledger,
            self.switch,
            self.masker,
            seal=self.seal,
            audiences=lambda ids: {name: self.audiences[name] for name in ids if name in self.audiences},
            now=lambda: self.time.now,
            clock=self.clock,
            broken=self.broken,
            names=self.names,
        )

    def rung(self, base_url: str, **times: float) -> Hosted:
        """Bound to a real server; the clock runs."""
        self.base_url, self.real_clock = base_url, True
        model = HostedModel(base_url, "m", "key", seal=self.seal, **times)  # type: ignore[arg-type] # floats by name
        return Hosted(self.gate(), model)
