"""The parts that the line works with, typed by role. ``appliance.bootstrap`` chooses them; the line never does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from appliance.line.gates import NOTHING_PRIVATE, Private
from appliance.line.ladder import Rung
from appliance.policy import Policy
from appliance.ticket import Identified, Trust
from kb.article import Candidate, Visibility
from models.roles import Classification, Features, Language, Pair, Reading, Vector


class Encode(Protocol):
    """Reads texts without holding the event loop. Raises ``Overloaded``."""

    async def __call__(self, texts: Sequence[str]) -> list[Reading]: ...


class Classify(Protocol):
    """Intent, urgency and out-of-scope of one message that was read."""

    def __call__(self, features: Features) -> Classification: ...


class Find(Protocol):
    """First-stage search of the knowledge base, best first."""

    async def __call__(self, question: str, vector: Vector, visibility: Visibility) -> list[Candidate]: ...


class Languages(Protocol):
    """Languages in which somebody may see at least one article today."""

    async def __call__(self, visibility: Visibility) -> frozenset[str]: ...


class Rank(Protocol):
    """Second stage: the same candidates, best first, with the probability that the best one answers."""

    async def __call__(self, question: str, candidates: Sequence[Candidate]) -> tuple[list[Candidate], float]: ...


class Support(Protocol):
    """How far each passage supports each sentence, 0..1. Raises ``Overloaded``."""

    async def __call__(self, pairs: Sequence[Pair]) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a station may use."""

    policy: Policy
    identify: Callable[[str | None, Trust], Identified]
    """Who that customer is to a message of that trust; asks a database and perhaps a CRM, so it may block."""
    detect: Callable[[str], Language]
    """Which language a text is in; well under a millisecond."""
    reads: frozenset[str]
    """Languages that every model of retrieval reads."""
    languages: Languages
    encode: Encode
    classify: Classify
    find: Find
    rank: Rank
    support: Support
    ladder: tuple[Rung, ...]
    """Who may write, best first; the last one must need no language model."""
    keep: int
    """Passages that go on to the draft."""
    today: Callable[[], date]
    clock: Callable[[], float]
    """Seconds of a monotonic clock, for timings."""
    private: Private = NOTHING_PRIVATE
    """What may be in no reply: keys, canaries, words of the prompt."""
    threads: Executor | None = None
    """Where ``identify`` is asked; None: in the threads that everything shares. A CRM that hangs must not hold those."""
