"""Weightless stand-ins for every role, so that the whole surface runs without weights. Each warns when it is made.

They are deterministic and know words, not meaning: good enough to test a line, never to answer a customer.
"""

from __future__ import annotations

import math
import re
import warnings
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence

import numpy as np

from models.language import KNOWN
from models.lexical import content_stems, words
from models.prose import prose
from models.roles import (
    UNDECIDED,
    Classification,
    DraftSentence,
    Encoder,
    Features,
    Language,
    Matrix,
    Mention,
    Pair,
    Scores,
    SynthesisRequest,
    Urgency,
)
from models.sentences import split_sentences
from models.support import verbatim

_URGENT: tuple[tuple[Urgency, frozenset[str]], ...] = (
    ("critical", frozenset(("outage", "breach", "hacked", "emergency"))),
    ("high", frozenset(("urgent", "urgently", "asap", "immediately"))),
)


class StandInWarning(UserWarning):
    """A stand-in answers in place of a model."""


def _warn(part: object) -> None:
    message = f"{type(part).__name__} stands in for a model: its results mean nothing outside tests."
    warnings.warn(message, StandInWarning, stacklevel=3)


def _stems(text: str) -> frozenset[str]:
    return content_stems(words(text))


def _overlap(pair: Pair) -> float:
    """The share of the first text's content words that the second has, 0..1."""
    first, second = _stems(pair[0]), _stems(pair[1])
    return len(first & second) / len(first) if first else 0.0


class HashEncoder:
    """An ``Encoder``: a bag of hashed word stems, so that texts with common words are near each other."""

    stand_in = True
    revision = "stand-in-hash-1"
    languages = KNOWN

    def __init__(self, dimension: int = 384) -> None:
        _warn(self)
        self.dimension = dimension

    def encode(self, texts: Sequence[str]) -> Matrix:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _stems(text) or {""}:  # a text without words still needs a vector of norm 1
                code = zlib.crc32(word.encode("utf-8", "replace"))
                vectors[row, code % self.dimension] += 1.0 if code & 0x10000 else -1.0
            if not vectors[row].any():  # two words met in one place and cancelled out
                vectors[row, 0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


class NearestLabelClassifier:
    """An ``IntentClassifier``: the intent whose describing words lie nearest, by the given encoder.

    Urgency cannot be read from vectors without training: it is nearest to the words of ``_URGENT`` or normal.
    """

    stand_in = True
    sharpness = 12.0

    def __init__(self, encoder: Encoder, keywords: Mapping[str, str]) -> None:
        """``keywords``: intent -> words that are typical of it. Must not be empty."""
        _warn(self)
        if not keywords:
            raise ValueError("a classifier needs at least one intent")
        self.revision = f"stand-in-nearest-1+{encoder.revision}"
        self.encoder_revision = encoder.revision
        self.intents = tuple(keywords)
        self._labels = encoder.encode([f"{intent.replace('_', ' ')} {text}" for intent, text in keywords.items()])
        self._urgent = encoder.encode([" ".join(sorted(found)) for _, found in _URGENT])

    def classify(self, features: Features) -> list[Classification]:
        """The vector is the first part of the features."""
        vectors = features[:, : self._labels.shape[1]].astype(np.float32)
        return [self._row(vector @ self._labels.T, vector @ self._urgent.T) for vector in vectors]

    def _row(self, cosines: Scores, urgent: Scores) -> Classification:
        powers = np.exp(self.sharpness * cosines.astype(np.float64))
        shares = powers / powers.sum()
        ranking = tuple((self.intents[index], float(shares[index])) for index in np.argsort(-shares, kind="stable"))
        best = int(np.argmax(urgent))
        level: Urgency = _URGENT[best][0] if urgent[best] > 0.2 else "normal"
        return Classification(
            intent=ranking[0][0],
            confidence=ranking[0][1],
            urgency=level,
            urgency_confidence=0.5,
            out_of_scope=float(np.clip(1.0 - 4.0 * cosines.max(), 0.0, 1.0)),
            ranking=ranking,
        )


class CommonWordsDetector:
    """A ``LanguageDetector``: counts a handful of very common words of a few languages."""

    stand_in = True
    revision = "stand-in-common-words-1"
    languages: tuple[str, ...] = ("de", "en", "es", "fr")
    _common: Mapping[str, frozenset[str]] = {
        "de": frozenset(("ich", "der", "das", "nicht", "und", "wie", "kann", "mein", "ist", "wir")),
        "en": frozenset(("i", "the", "not", "and", "how", "can", "my", "is", "we", "do", "a", "to")),
        "es": frozenset(("el", "los", "por", "y", "cómo", "puedo", "mi", "dónde", "que", "una")),
        "fr": frozenset(("je", "le", "les", "pas", "et", "comment", "mon", "où", "une", "nous")),
    }

    def __init__(self) -> None:
        _warn(self)

    def detect(self, text: str) -> Language:
        said = [word.strip(".,;:!?¿¡()").lower() for word in prose(text).split()]
        counted = {code: sum(word in common for word in said) for code, common in self._common.items()}
        best = max(counted, key=lambda code: counted[code])
        found = sum(counted.values())
        return Language(best, counted[best] / found) if found > 1 else UNDECIDED


class CapitalNameTagger:
    """A ``NameTagger``: a word with a capital that begins no sentence is a person, surely so."""

    stand_in = True
    revision = "stand-in-capital-1"
    tags: tuple[str, ...] = ("PERSON",)
    _name = re.compile(r"(?<=[^\W_], |[^\W_]{2} )[^\W\d_]{2,40}+")

    def __init__(self) -> None:
        _warn(self)

    def tag(self, texts: Sequence[str], *, at_least: float) -> list[tuple[Mention, ...]]:
        return [
            tuple(
                Mention("PERSON", found.start(), found.end(), max(0.5, at_least))
                for found in self._name.finditer(text)
                if found[0].istitle()
            )
            for text in texts
        ]


class OverlapReranker:
    """A ``Reranker``: log-odds of the share of the question's words that the passage has."""

    stand_in = True
    revision = "stand-in-overlap-1"
    languages = KNOWN

    def __init__(self) -> None:
        _warn(self)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        shares = (min(0.99, max(0.01, _overlap(pair))) for pair in pairs)
        return np.array([math.log(share / (1 - share)) for share in shares], dtype=np.float32)


class OverlapSupport:
    """A ``SupportChecker``: 1 for what stands in the passage literally, else the squared share of common words."""

    stand_in = True
    revision = "stand-in-overlap-1"

    def __init__(self) -> None:
        _warn(self)

    def support(self, pairs: Sequence[Pair]) -> Scores:
        return np.array([1.0 if verbatim(*pair) else 0.9 * _overlap(pair) ** 2 for pair in pairs], dtype=np.float32)


class QuotingSynthesizer:
    """A ``Synthesizer``: the first sentence of the passages that share a word with the question, verbatim."""

    stand_in = True
    name = "stand-in"
    verbatim = True

    def __init__(self) -> None:
        _warn(self)

    async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
        asked = _stems(request.question)
        related = [passage for passage in request.passages if asked & _stems(f"{passage.title} {passage.text}")]
        for passage in related[: request.max_sentences]:
            for sentence in split_sentences(passage.text)[:1]:
                yield DraftSentence(sentence, (passage.n,))
