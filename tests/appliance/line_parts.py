"""Parts to set a line up with: a desk of small, readable parts whose answers a test chooses, around the real stations, gates and policy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import numpy as np

from appliance.line.desk import Desk
from appliance.line.ladder import Local
from appliance.policy import Policy, load_policy
from appliance.ticket import Author, Case, Classified, Decision, Identified, Message, Retrieved, Routed, Ticket
from kb.article import Candidate, Passage, Visibility
from models.roles import UNDECIDED, Classification, DraftSentence, Language, Pair, Reading, SynthesisRequest, Vector
from models.sentences import split_sentences
from models.support import verbatim

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
POLICY = load_policy("saas")
REFUND = "Refunds are paid within 10 business days. They go to the card that paid. Write to billing@example.com to ask for one."
VECTOR = np.zeros(3, np.float32)


def message(
    text: str = "When do I get my refund?", *, seq: int = 1, author: Author = "customer", name: str = ""
) -> Message:
    return Message(name or f"m{seq}", "c1", seq, author, text, NOW)


def ticket(text: str = "When do I get my refund?", *history: tuple[Author, str], **more: object) -> Ticket:
    earlier = tuple(message(said, seq=seq, author=author) for seq, (author, said) in enumerate(history, 1))
    return replace(Ticket(message(text, seq=len(earlier) + 1), earlier), **more)  # type: ignore[arg-type] # a test names the fields that it changes


def candidate(
    text: str = REFUND,
    name: str = "refunds",
    title: str = "Refunds",
    url: str = "https://example.com/refunds",
    score: float = 1.0,
) -> Candidate:
    return Candidate(Passage(f"{name}-0", name, 0, "", text), title, url, vector=0.8, bm25=1.0, rrf=0.03, score=score)


def classification(intent: str = "billing_question", confidence: float = 0.95, **more: object) -> Classification:
    return replace(Classification(intent, confidence, "normal", 0.8, 0.05), **more)  # type: ignore[arg-type] # a test names the fields that it changes


def classified(intent: str = "billing_question", confidence: float = 0.95, **more: object) -> Classified:
    made = Classified(
        "When do I get my refund?", VECTOR, intent, confidence, "normal", "none", 0.05, wants_person=False
    )
    return replace(made, **more)  # type: ignore[arg-type] # a test names the fields that it changes


def retrieved(*found: Candidate, answerable: float = 0.9) -> Retrieved:
    return Retrieved(found or (candidate(),), answerable, Decision("retrieve", "retrieve.found", "Covered."))


def case(**more: object) -> Case:
    made = Case(ticket(), classified(), Routed(True, Decision("route", "route.attempt", "Sure.")), 0.95)
    return replace(made, **more)  # type: ignore[arg-type] # a test names the fields that it changes


@dataclass
class Rung:
    """A synthesizer that writes what it was given; an exception among the sentences is raised at its place."""

    says: Sequence[DraftSentence | Exception]
    name: str = "scripted"
    verbatim: bool = False
    asked: list[SynthesisRequest] = field(default_factory=list)
    written: int = 0
    closed: bool = False

    async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
        self.asked.append(request)
        try:
            for one in self.says:
                if isinstance(one, Exception):
                    raise one
                self.written += 1
                yield one
        finally:
            self.closed = True


def draft(text: str, *citations: int) -> DraftSentence:
    return DraftSentence(text, citations or (1,))


@dataclass
class Quote:
    """The last rung of these tests: the first sentences of the best passage, word for word."""

    name: str = "quote"
    verbatim: bool = True

    async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
        for sentence in split_sentences(request.passages[0].text)[: request.max_sentences]:
            yield DraftSentence(sentence, (1,))


@dataclass
class Parts:
    """What the desk answers; a test changes what it is about."""

    policy: Policy = POLICY
    classification: Classification = field(default_factory=classification)
    found: list[Candidate] = field(default_factory=lambda: [candidate()])
    answerable: float = 0.9
    ladder: tuple[object, ...] = field(default_factory=lambda: (Quote(),))
    identified: Identified = field(default_factory=Identified)
    support: Callable[[Pair], float] = lambda pair: 1.0 if verbatim(*pair) else 0.0
    encode: Callable[[Sequence[str]], list[Vector]] = lambda texts: [VECTOR for _ in texts]
    detect: Callable[[str], Language] = lambda text: UNDECIDED
    reads: frozenset[str] = frozenset({"en"})
    offered: frozenset[str] = frozenset({""})
    seen: list[tuple[str, Visibility]] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)

    def desk(self) -> Desk:
        return Desk(
            policy=self.policy,
            identify=lambda *_: self.identified,
            detect=self.detect,
            reads=self.reads,
            languages=self._languages,
            encode=self._encode,
            classify=lambda _: self.classification,
            find=self._find,
            rank=self._rank,
            support=self._support,
            ladder=tuple(one if hasattr(one, "writer") else Local(one) for one in self.ladder),  # type: ignore[arg-type] # structural
            keep=4,
            today=lambda: date(2026, 6, 1),
            clock=lambda: 0.0,
        )

    async def _encode(self, texts: Sequence[str]) -> list[Reading]:
        self.encoded.extend(texts)
        return [Reading(vector, vector) for vector in self.encode(texts)]

    async def _languages(self, visibility: Visibility) -> frozenset[str]:
        return self.offered

    async def _find(self, question: str, vector: Vector, visibility: Visibility) -> list[Candidate]:
        self.seen.append((question, visibility))
        return self.found

    async def _rank(self, question: str, candidates: Sequence[Candidate]) -> tuple[list[Candidate], float]:
        return sorted(candidates, key=lambda one: -one.score), self.answerable

    async def _support(self, pairs: Sequence[Pair]) -> list[float]:
        return [self.support(pair) for pair in pairs]
