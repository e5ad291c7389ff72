"""The ladder: who may write the draft, best first. A rung that may not or cannot gives way to the next; the last needs no language model."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.line.breaker import Breaker
from appliance.line.load import Load
from appliance.ticket import Attempted, Case, Identified
from models.roles import DraftSentence, SynthesisRequest, Synthesizer

Occasion = Literal["first", "local_down", "overloaded", "low_support"]
"""Why a rung is asked: it is the first; the one before was down, or shed because of load; or nothing that it wrote passed the gates."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a rung is asked to write, for whom, and why it is asked: for rungs that may not do everything."""

    case: Case
    identified: Identified
    request: SynthesisRequest
    occasion: Occasion = "first"
    left_s: float = math.inf
    """Seconds that this rung may take, of what is left until the ticket's deadline."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rung that is not asked this time: a stable rule id and the reason in words. ``occasion``: what that means for the next rung."""

    rule: str
    reason: str
    occasion: Occasion | None = None


class Rung(Protocol):
    """One step of the ladder. ``name`` is for records and metrics; ``hosted`` is true when it sends anything out of the building."""

    name: str
    verbatim: bool
    hosted: bool

    @property
    def state(self) -> str:
        """In a few words, for readiness and figures: whether it is asked just now. Asks nobody."""
        ...

    async def writer(self, errand: Errand) -> Synthesizer | Skipped:
        """Who writes this draft. Raises nothing but defects: what cannot be done is ``Skipped``."""
        ...

    def heard(self, attempted: Attempted) -> None:
        """What became of it, for circuit breakers and figures. Told after every draft; ``abandoned`` when the line itself broke off."""
        ...


class Local:
    """A synthesizer of this machine that is always asked."""

    hosted = False
    state = "always asked"

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.name, self.verbatim = synthesizer.name, synthesizer.verbatim

    async def writer(self, errand: Errand) -> Synthesizer:
        return self.synthesizer

    def heard(self, attempted: Attempted) -> None:
        """Nothing depends on it."""


class Served:
    """A language model on a server of ours: not asked while its breaker is open, nor when more want it than it serves in time."""

    hosted = False

    def __init__(self, synthesizer: Synthesizer, breaker: Breaker, load: Load, *, clock: Callable[[], float]) -> None:
        self.synthesizer = synthesizer
        self.name, self.verbatim = synthesizer.name, synthesizer.verbatim
        self.breaker = breaker
        self.load = load
        self._clock = clock

    @property
    def state(self) -> str:
        return f"{self.breaker.state}, shedding" if self.load.shedding else self.breaker.state

    async def writer(self, errand: Errand) -> Synthesizer | Skipped:
        if self.breaker.state == "open":
            return self._down(f"{self.name} failed; it is asked again in {self.breaker.opens_in_s:.0f} s")
        if why := self.load.refuses(errand.left_s):
            return Skipped("ladder.shed", f"{why}.", "overloaded")
        if not self.breaker.allow():
            return self._down(f"{self.name} failed; another ticket finds out whether it is back")
        return _Counted(self.synthesizer, self.load, self._clock)

    def heard(self, attempted: Attempted) -> None:
        if attempted.outcome == "abandoned":
            self.breaker.abandoned()
        elif attempted.fault:
            self.breaker.failed(lasting=attempted.fault == "lasting")
        else:
            self.breaker.succeeded()

    def _down(self, reason: str) -> Skipped:
        return Skipped("ladder.breaker_open", f"{reason}.", "local_down")


class _Counted:
    """The same synthesizer; each of its requests counts while it is under way."""

    def __init__(self, synthesizer: Synthesizer, load: Load, clock: Callable[[], float]) -> None:
        self.name, self.verbatim = synthesizer.name, synthesizer.verbatim
        self._synthesizer = synthesizer
        self._load = load
        self._clock = clock

    async def sentences(self, request: SynthesisRequest) -> AsyncGenerator[DraftSentence, None]:
        with self._load.one(self._clock):
            stream = self._synthesizer.sentences(request)
            async with aclosing(stream):  # type: ignore[type-var]  # every stream of ours is a generator or has aclose
                async for sentence in stream:
                    yield sentence
