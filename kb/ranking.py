"""The second stage: candidates of the search, ordered by the learned fusion of all signals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from kb.article import Candidate
from models.fusion import Fusion
from models.roles import Pair

ScorePairs = Callable[[Sequence[Pair]], Awaitable[list[float]]]

_BEST_RRF = 2 / 61
"""The most that reciprocal rank fusion (k = 60) of two lists can give."""


class Ranking:
    """Orders candidates. ``score`` is the cross-encoder, or None when the first stage is to stand alone."""

    def __init__(self, fusion: Fusion, score: ScorePairs | None) -> None:
        self._fusion = fusion
        self._score = score if fusion.use_reranker else None

    async def __call__(self, question: str, candidates: Sequence[Candidate]) -> tuple[list[Candidate], float]:
        """(candidates best first, probability that the best one answers). Raises ``Overloaded``."""
        if not candidates:
            return [], 0.0
        logits = (
            await self._score([(question, one.passage.searchable(one.title)) for one in candidates])
            if self._score
            else None
        )
        order = self._fusion.order(reranked=logits is not None)
        scored = []
        for position, candidate in enumerate(candidates):
            signals = dict(first_stage_signals(candidate))
            if logits is not None:
                signals["reranker"] = logits[position]
            scored.append(replace(candidate, score=order(signals), signals=signals))
        scored.sort(key=lambda one: (-one.score, one.passage.id))
        return scored, self._probability(scored, reranked=logits is not None)

    def _probability(self, scored: Sequence[Candidate], *, reranked: bool) -> float:
        best = scored[0]
        rival = next((one.score for one in scored if one.passage.article_id != best.passage.article_id), best.score)
        return self._fusion.probability(
            {**best.signals, "score": best.score, "margin": best.score - rival}, reranked=reranked
        )


def first_stage_signals(candidate: Candidate) -> dict[str, float]:
    """The signals by name, as the fusion's weights know them."""
    return {**candidate.signals, "vector": candidate.vector, "bm25": candidate.bm25, "rrf": candidate.rrf / _BEST_RRF}
