"""How far a passage supports a sentence: first version, from words and vectors, without a model trained for it.

It is a gate, so it leans to caution: a paraphrase that it does not follow costs a dropped sentence, a turned-round
meaning that it lets through costs a customer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from models.lexical import content_stems, contradicting, denial_differs, denials, limits, strength, unsaid_limits, words
from models.roles import Encoder, Matrix, Pair, Scores
from models.sentences import split_sentences

_EMPHASIS = re.compile(r"[*_`]+")
_EDGES = " \t.!?…\"'”’»“‘«()[]:;,-"

MAX_SENTENCES = 16
"""Sentences of a passage that are encoded, those that share most words with the claim first."""


@dataclass(frozen=True, slots=True)
class SupportWeights:
    """The numbers of the score. ``coverage`` and likeness share weight 1; the rest are factors of a mismatch."""

    coverage: float = 0.6
    near: float = 0.35
    """Cosine that counts as no likeness; unrelated sentences of this encoder lie around 0.1-0.3."""
    same: float = 0.85
    """Cosine that counts as full likeness."""
    negation: float = 0.25
    opposite: float = 0.25
    number: float = 0.2
    limit: float = 0.55
    """Below the usual threshold of 0.6: a claim that leaves out its condition must not pass on its words alone."""
    strength: float = 0.8


class _Read(NamedTuple):
    """One sentence, or two neighbours, of a passage as the comparison sees it."""

    text: str
    words: frozenset[str]
    stems: frozenset[str]
    in_order: tuple[str, ...]
    denials: int
    parts: tuple[_Read, ...] = ()
    """The two sentences of a window: a denial or a limit of one is none of the other's."""

    def nearest(self, claim: _Read) -> _Read:
        """The one sentence in here that shares most words with the claim."""
        return max(self.parts, key=lambda part: len(part.stems & claim.stems), default=self)


class LexicalEncoderSupport:
    """A ``SupportChecker``: coverage of content words, cosine, and penalties for meaning that is turned round.

    The claim is compared with every sentence of the passage and with every two neighbours; the best counts. A claim
    that stands in the passage literally is supported by definition, unless it was cut out of a sentence whose left-out
    part denies or narrows it.
    """

    def __init__(self, encoder: Encoder, weights: SupportWeights | None = None) -> None:
        self.revision = f"lexical-2+{encoder.revision}"
        self._encoder = encoder
        self._weights = weights or SupportWeights()

    def support(self, pairs: Sequence[Pair]) -> Scores:
        """0..1 for each (sentence, passage), in order. Vectors are made for all pairs in one call."""
        scores = np.zeros(len(pairs), dtype=np.float32)
        open_cases: list[tuple[int, _Read, list[_Read]]] = []
        for index, (sentence, passage) in enumerate(pairs):
            if verbatim(sentence, passage):
                scores[index] = 1.0
            elif (claim := _read(sentence)).stems:
                sources = sorted(_windows(passage), key=lambda source: -len(claim.stems & source.stems))
                open_cases.append((index, claim, sources[:MAX_SENTENCES]))
        vectors = self._vectors(open_cases)
        for index, claim, sources in open_cases:
            scores[index] = max((self._score(claim, source, vectors) for source in sources), default=0.0)
        return scores

    def _vectors(self, cases: Sequence[tuple[int, _Read, list[_Read]]]) -> dict[str, Matrix]:
        texts = list(dict.fromkeys(read.text for _, claim, sources in cases for read in (claim, *sources)))
        return dict(zip(texts, self._encoder.encode(texts), strict=True)) if texts else {}

    def _score(self, claim: _Read, source: _Read, vectors: dict[str, Matrix]) -> float:
        weights = self._weights
        coverage = len(claim.stems & source.stems) / len(claim.stems)
        cosine = float(vectors[claim.text] @ vectors[source.text])
        likeness = min(1.0, max(0.0, (cosine - weights.near) / (weights.same - weights.near)))
        score = weights.coverage * coverage + (1 - weights.coverage) * likeness
        return score * self._penalty(claim, source)

    def _penalty(self, claim: _Read, source: _Read) -> float:
        weights = self._weights
        factor = 1.0
        nearest = source.nearest(claim)
        if denial_differs(claim.denials, nearest.denials):
            factor *= weights.negation
        if contradicting(claim.words, source.words):
            factor *= weights.opposite
        if any(any(char.isdigit() for char in stem) for stem in claim.stems - source.stems):
            factor *= weights.number
        if unsaid_limits(claim.in_order, nearest.in_order):
            factor *= weights.limit
        if strength(claim.words) > strength(source.words):
            factor *= weights.strength
        return factor


def verbatim(sentence: str, passage: str) -> bool:
    """Whether ``sentence`` stands in ``passage``, white space, emphasis and outer punctuation aside.

    Words must match whole. A part of a sentence counts only when the rest of that sentence neither negates nor narrows
    it: "you can cancel" is not what "Only owners say that you can cancel" says.
    """
    claim, source = _plain(sentence), _plain(passage)
    if not claim or not re.search(rf"(?<!\w){re.escape(claim)}(?!\w)", source):
        return False
    holders = [holder for holder in map(_plain, split_sentences(passage, headings=True)) if claim in holder]
    own = words(claim)
    return not holders or any(
        not denial_differs(denials(words(holder)), denials(own)) and limits(words(holder)) == limits(own)
        for holder in holders
    )


def _plain(text: str) -> str:
    return " ".join(_EMPHASIS.sub("", text).split()).strip(_EDGES)


def _read(text: str) -> _Read:
    found = words(text)
    return _Read(text, frozenset(found), content_stems(found), tuple(found), denials(found))


def _windows(passage: str) -> list[_Read]:
    """Every sentence of the passage and every two neighbours, which together may say what neither says alone."""
    singles = split_sentences(passage, headings=True)
    reads = [_read(text) for text in singles]
    return [*reads, *(_read(f"{one.text} {two.text}")._replace(parts=(one, two)) for one, two in pairwise(reads))]
