"""The first stations on labelled texts, without database, index or draft: what would be routed where.

For measuring and for learning thresholds. The stations are the line's own, so that what is measured is what customers get. Texts
are encoded one ticket at a time, as for a customer who is alone: the encoder's int8 arithmetic depends a little on what shares a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.line.classify import classify
from appliance.line.route import confidence, route
from appliance.policy import Policy
from appliance.ticket import Classified, Identified, Message, Routed, Ticket, Tier
from models.roles import Classification, Features, Reading

Read = Callable[[Sequence[str]], list[Reading]]
Classify = Callable[[Features], list[Classification]]
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One text and what becomes of it. ``confidence`` is the number that is held against the threshold."""

    classified: Classified
    routed: Routed
    confidence: float

    @property
    def by_threshold(self) -> bool:
        """Did the threshold decide? Before it come the rules that no confidence overrules."""
        return self.routed.decision.rule in {"route.attempt", "route.low_confidence"}


class _Reader:
    """What the station ``classify`` needs of a desk, straight from the models."""

    def __init__(self, read: Read, classifier: Classify) -> None:
        self._read, self._classifier = read, classifier

    async def encode(self, texts: Sequence[str]) -> list[Reading]:
        return self._read(texts)

    def classify(self, features: Features) -> Classification:
        return self._classifier(features[None, :])[0]


def read(reads: Read, classifier: Classify, texts: Sequence[str]) -> list[Classified]:
    """Every text as the first message of a conversation, sent by a form without a subject. Not from within a running event loop."""
    reader = _Reader(reads, classifier)

    async def each() -> list[Classified]:
        return [await classify(reader, _ticket(text)) for text in texts]

    return asyncio.run(each())


def decide(policy: Policy, texts: Sequence[Classified], tier: Tier) -> list[Rehearsed]:
    """The route of each for a customer of that tier."""
    identified = Identified(tier=tier)
    return [
        Rehearsed(one, route(policy, _ticket(one.question), identified, one), confidence(policy, identified, one))
        for one in texts
    ]


def _ticket(text: str) -> Ticket:
    return Ticket(Message("rehearsal", "rehearsal", 1, "customer", text, _LONG_AGO), channel="form")
