"""The second stage: candidates of the search, ordered by the learned fusion of all signals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from kb.article import Candidate
from models.fusion import Fusion, Linear, with_standard_scores
from models.roles import Pair

ScorePairs = Callable[[Sequence[Pair]], Awaitable[list[float]]]

_BEST_RRF = 2 / 61
"""The most that reciprocal rank fusion (k = 60) of two lists can give."""


class Ranking:
    """Orders candidates. ``score`` is the cross-encoder, or None when the first stage is to stand alone.

    The first stage's learned order picks the ``depth`` candidates that the cross-encoder reads; the others stay behind them.
    """

    def __init__(self, fusion: Fusion, score: ScorePairs | None, *, depth: int) -> None:
        self._fusion = fusion
        self._score = score if fusion.use_reranker else None
        self._depth = depth

    async def __call__(self, question: str, candidates: Sequence[Candidate]) -> tuple[list[Candidate], float]:
        """(candidates best first, probability that the best one answers). Raises ``Overloaded``."""
        if not candidates:
            return [], 0.0
        signals = [first_stage_signals(one) for one in candidates]
        first = _ordered(candidates, signals, self._fusion.order(reranked=False))
        if self._score is None:
            return first, self._probability(first, reranked=False)
        read, behind = first[: self._depth], first[self._depth :]
        logits = await self._score([(question, one.passage.searchable(one.title)) for one in read])
        signals = [
            {**one.signals, "reranker": logit, "first": one.score, "first_margin": one.score - _rival(one, read)}
            for one, logit in zip(read, logits, strict=True)
        ]
        best = _ordered(read, signals, self._fusion.order(reranked=True))
        return [*best, *behind], self._probability(best, reranked=True)

    def _probability(self, ordered: Sequence[Candidate], *, reranked: bool) -> float:
        best = ordered[0]
        signals = {**best.signals, "score": best.score, "margin": best.score - _rival(best, ordered)}
        return self._fusion.probability(signals, reranked=reranked)


def _rival(one: Candidate, ordered: Sequence[Candidate]) -> float:
    """Score of the best candidate of another article; its own without one."""
    return next((other.score for other in ordered if other.passage.article_id != one.passage.article_id), one.score)


def first_stage_signals(candidate: Candidate) -> dict[str, float]:
    """The signals by name, as the fusion's weights know them."""
    return {**candidate.signals, "vector": candidate.vector, "bm25": candidate.bm25, "rrf": candidate.rrf / _BEST_RRF}


def _ordered(candidates: Sequence[Candidate], signals: Sequence[Mapping[str, float]], order: Linear) -> list[Candidate]:
    whole = with_standard_scores(signals, order)
    scored = [replace(one, score=order(mine), signals=mine) for one, mine in zip(candidates, whole, strict=True)]
    return sorted(scored, key=lambda one: (-one.score, one.passage.id))
