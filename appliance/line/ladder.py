"""The ladder: who may write the draft, best first. A rung that may not or cannot gives way to the next; the last needs no language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.ticket import Attempted, Case, Identified
from models.roles import SynthesisRequest, Synthesizer

Occasion = Literal["first", "local_down", "overloaded", "low_support"]
"""Why a rung is asked: it is the first; the one before was down, or shed because of load; or nothing that it wrote passed the gates."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a rung is asked to write, for whom, and why it is asked: for rungs that may not do everything."""

    case: Case
    identified: Identified
    request: SynthesisRequest
    occasion: Occasion = "first"


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

    async def writer(self, errand: Errand) -> Synthesizer | Skipped:
        """Who writes this draft. Raises nothing but defects: what cannot be done is ``Skipped``."""
        ...

    def heard(self, attempted: Attempted) -> None:
        """What became of it, for circuit breakers and figures."""
        ...


class Local:
    """A synthesizer of this machine that is always asked."""

    hosted = False

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.name, self.verbatim = synthesizer.name, synthesizer.verbatim

    async def writer(self, errand: Errand) -> Synthesizer:
        return self.synthesizer

    def heard(self, attempted: Attempted) -> None:
        """Nothing depends on it."""
