"""What the appliance asks of a model: one Protocol a role, and the frozen values that come back.

Implementations are synchronous and batched (one call, many inputs); ``models.batching`` brings them to the event loop.
Every implementation, shipped or stand-in, passes the contract suite of its role in ``tests/contracts``.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import PlainSerializer, PlainValidator


def _numbers(text: object) -> object:
    return np.frombuffer(base64.b64decode(text), "<f4") if isinstance(text, str) else text


def _text(vector: npt.NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


Vector = Annotated[npt.NDArray[np.float32], PlainValidator(_numbers), PlainSerializer(_text)]
"""One embedding: shape (dimension,), Euclidean norm 1. In JSON: base64 of its little-endian numbers."""
Matrix = npt.NDArray[np.float32]
"""Embeddings in input order: shape (n, dimension), rows of Euclidean norm 1."""
Scores = npt.NDArray[np.float32]
"""One score an input: shape (n,)."""

Urgency = Literal["low", "normal", "high", "critical"]
URGENCIES: tuple[Urgency, ...] = ("low", "normal", "high", "critical")


class Encoder(Protocol):
    """Text to a point in the space in which nearness is likeness of meaning."""

    revision: str
    """Identifies weights and pre-processing; vectors of different revisions never mix."""
    dimension: int

    def encode(self, texts: Sequence[str]) -> Matrix: ...


@dataclass(frozen=True, slots=True)
class Classification:
    """What one message is about.

    ``confidence`` is the calibrated probability (0..1) that ``intent`` is right; ``out_of_scope`` the probability
    (0..1) that none of the profile's intents fits; ``ranking`` all intents with their probabilities, best first.
    """

    intent: str
    confidence: float
    urgency: Urgency
    urgency_confidence: float
    out_of_scope: float
    ranking: tuple[tuple[str, float], ...] = ()


Features = npt.NDArray[np.float16]
"""What intent heads read of messages (``models.features``): shape (n, width) or, for one message, (width,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One message after one pass of the encoder: its vector for search, its features for the intent heads."""

    vector: Vector
    features: Features


class IntentClassifier(Protocol):
    """Heads on the encoder's reading of a message: intent, urgency, out-of-scope."""

    revision: str
    encoder_revision: str
    intents: tuple[str, ...]

    def classify(self, features: Features) -> list[Classification]: ...


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its ISO 639-1 code, and how sure (0..1) that is. No code: too little text, or none that is language."""

    code: str
    confidence: float


UNDECIDED = Language("", 0.0)
UNKNOWN = "und"
"""The code (ISO 639-2) of a language of which only the letters are known: not those of any language that the detector tells."""


class LanguageDetector(Protocol):
    """The language of a text, from its own words. Addresses, codes, logs and quoted lines do not count."""

    revision: str
    languages: tuple[str, ...]
    """Codes that it can answer with, besides ``UNKNOWN``; empty: none."""

    def detect(self, text: str) -> Language: ...


Pair = tuple[str, str]
"""(question, passage) for a reranker; (sentence, passage) for a support checker."""


class Reranker(Protocol):
    """Reads question and passage together. Higher is better; the scale is the model's own (logits)."""

    revision: str

    def score(self, pairs: Sequence[Pair]) -> Scores: ...


class SupportChecker(Protocol):
    """How far a passage supports a sentence: 0 (not at all) to 1 (it says so)."""

    revision: str

    def support(self, pairs: Sequence[Pair]) -> Scores: ...


@dataclass(frozen=True, slots=True)
class Mention:
    """Characters ``start``..``end`` of a text name somebody or something; ``type`` is one of the tagger's tags."""

    type: str
    start: int
    end: int
    confidence: float


class NameTagger(Protocol):
    """Who and what is named in a text: PERSON, ADDRESS, LOCATION, ORGANIZATION."""

    revision: str
    tags: tuple[str, ...]

    def tag(self, texts: Sequence[str], *, at_least: float) -> list[tuple[Mention, ...]]:
        """Mentions of each text, in order, not overlapping, that are at least so sure (0..1)."""
        ...


@dataclass(frozen=True, slots=True)
class PromptPassage:
    """A passage as a synthesizer sees it; ``n`` is the number that a citation names, from 1."""

    n: int
    title: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """All that a synthesizer may know. ``history`` is (author, text), oldest first, of this conversation alone."""

    question: str
    passages: tuple[PromptPassage, ...]
    history: tuple[tuple[str, str], ...] = ()
    company: str = ""
    tone: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    language: str = "en"
    max_sentences: int = 2
    scores: tuple[float, ...] = ()
    """Rerank score of each passage, best first; for rungs that choose sentences themselves."""
    rejected: tuple[tuple[str, str], ...] = ()
    """(sentence, why it may not leave) of the same rung's last draft: it writes once more, and better."""
    mark: str = ""
    """A word of this installation's that stands in the prompt and may stand in no reply: a prompt that gets out shows by it."""


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One sentence as the synthesizer wrote it, with the numbers of the passages that it claims as its source."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a synthesis cost. Times in milliseconds."""

    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_token_ms: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)


class Synthesizer(Protocol):
    """Writes a draft, one sentence at a time as it becomes known.

    An empty stream means "not covered by these passages". Raises ``ModelUnavailable`` or ``ModelRefused``.
    ``verbatim`` is true when every sentence is copied from a passage, so that nothing in it can be invented.
    """

    name: str
    verbatim: bool

    def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]: ...


@dataclass(frozen=True, slots=True)
class Permit:
    """The gate's leave to send one payload once: made after the ledger has the row, and only by the gate (``models.permits``)."""

    row: int
    """Sequence in the egress ledger."""
    host: str
    """Host and port, as in the address."""
    model: str
    sha256: str
    """Of the payload's bytes."""
    expires_at: float
    """Seconds of a monotonic clock."""
    seal: str
