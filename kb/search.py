"""Hybrid search: by meaning and by words, each filtered by who may see what before ranking, fused by rank."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kb.article import Article, ArticleRepository, Candidate, Passage, Visibility
from kb.store import LanceIndex
from kb.terms import content_terms, telling_words
from models.roles import Vector

RRF_K = 60
"""Cormack, Clarke, Büttcher 2009: reciprocal rank fusion; flat enough that one list's first place does not decide alone."""
DEPTH = 50
"""How far down each of the two lists the fusion looks."""
_LOOK = 200
"""How far down BM25 is asked: passages found by meaning mostly get their score there without a second query."""


@dataclass(frozen=True, slots=True)
class _Scores:
    """Both orders (passage ids, best first), and by passage id its article, BM25 and cosines (own, title's)."""

    by_vector: Sequence[str]
    by_words: Sequence[str]
    articles: Mapping[str, str]
    bm25: dict[str, float]
    cosines: dict[str, tuple[float, float]] = field(default_factory=dict)


class Search:
    """Finds passages; their text comes from SQL, the index only says which."""

    def __init__(self, index: LanceIndex, repository: ArticleRepository) -> None:
        self._index = index
        self._repository = repository

    def find(
        self, question: str, vector: Vector, visibility: Visibility, *, limit: int = 10, per_article: int = 3
    ) -> list[Candidate]:
        """At most ``limit`` passages, best first, at most ``per_article`` of one article.

        ``vector`` is the question's. No articles, or none visible, give no candidates.
        Raises ``IndexUnavailable`` or ``IndexMismatch``.
        """
        words = telling_words(question)
        scores = self._scores(words, vector, visibility)
        fused = _fused(scores)
        chosen = _spread(fused, scores.articles, limit, per_article)
        self._complete(scores, chosen, words, visibility)
        scores.cosines.update(self._index.cosines(vector, chosen))
        stored = self._repository.passages(chosen)
        terms = content_terms(question)
        return [
            _candidate(stored[passage_id], fused[passage_id], scores, terms)
            for passage_id in chosen
            # An import under way, or a killed one, may have removed, hidden or changed an article in SQL only.
            if passage_id in stored and visibility.allows(stored[passage_id][1])
        ]

    def _scores(self, words: str, vector: Vector, visibility: Visibility) -> _Scores:
        near = self._index.nearest(vector, visibility, DEPTH)
        match = self._index.matching(words, visibility, _LOOK)
        return _Scores(
            by_vector=[passage for passage, _, _ in near],
            by_words=[passage for passage, _, _ in match],
            articles={passage: article for passage, article, _ in (*near, *match)},
            bm25={passage: score for passage, _, score in match},
        )

    def _complete(self, scores: _Scores, chosen: Sequence[str], words: str, visibility: Visibility) -> None:
        """Adds the BM25 of chosen passages that are further down that list. No shared word at all is 0."""
        unknown = [passage for passage in chosen if passage not in scores.bm25]
        if unknown and len(scores.by_words) >= _LOOK:
            for passage, _, score in self._index.matching(words, visibility, len(unknown), only=unknown):
                scores.bm25[passage] = score


def _fused(scores: _Scores) -> dict[str, float]:
    """Passage id -> reciprocal rank fusion of both orders, best first."""
    fused: dict[str, float] = {}
    for ranking in (scores.by_vector, scores.by_words):
        for rank, passage_id in enumerate(ranking[:DEPTH], start=1):
            fused[passage_id] = fused.get(passage_id, 0.0) + 1 / (RRF_K + rank)
    return dict(sorted(fused.items(), key=lambda item: -item[1]))


def _spread(fused: Mapping[str, float], articles: Mapping[str, str], limit: int, per_article: int) -> list[str]:
    """The best passages, but few of one article: ten passages of one long article would crowd out the right one."""
    taken: Counter[str] = Counter()
    chosen: list[str] = []
    for passage_id in fused:
        article_id = articles[passage_id]
        if taken[article_id] < per_article:
            taken[article_id] += 1
            chosen.append(passage_id)
            if len(chosen) == limit:
                break
    return chosen


def _candidate(found: tuple[Passage, Article], rrf: float, scores: _Scores, terms: Sequence[str]) -> Candidate:
    passage, article = found
    best = max(scores.bm25.values(), default=0.0) or 1.0
    vector, title_vector = scores.cosines.get(passage.id, (0.0, 0.0))
    bm25 = scores.bm25.get(passage.id, 0.0)
    signals = {
        "title_vector": title_vector,
        "bm25_raw": math.log1p(bm25),
        "title_overlap": _overlap(terms, article.title),
        "heading_overlap": _overlap(terms, passage.heading),
    }
    return Candidate(passage, article.title, article.url, vector, bm25 / best, rrf, rrf, signals)


def _overlap(terms: Sequence[str], text: str) -> float:
    """Which part of ``text``'s content words the question has, 0..1."""
    words = content_terms(text)
    return len(set(words) & set(terms)) / len(words) if words else 0.0
