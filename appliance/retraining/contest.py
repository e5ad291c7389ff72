"""Which order finds the right article: first stage alone, or with one reranker or another behind it. Fitted on some questions, judged on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.fusion import Fusion
from models.roles import Reranker
from models.training.fusion import FIRST_STAGE, WITH_RERANKER, scored
from models.training.fusion_fit import Asked, fit_ranking, narrowed, ranks_of
from models.training.ranks import hit_figures

Ranks = list[int | None]
ALONE = "first_stage"
CUT = 10
CERTAINTY = 0.8
"""A new reranker replaces what runs when it is better in so many of the resampled sets of questions: with some dozen of them a
difference of one or two places is chance, and 0.95 would ask for more history than most desks have."""
_RESAMPLES, _SEED = 4_000, 7


@dataclass(frozen=True, slots=True)
class Contest:
    """Places of the right article on the same questions, by way of ordering."""

    ranks: Mapping[str, Ranks]

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        return {name: hit_figures(found) for name, found in self.ranks.items()}

    def mrr(self, name: str) -> float:
        return float(_reciprocal(self.ranks[name]).mean())

    def certainty(self, name: str, rival: str) -> float:
        """The share of resampled question sets (paired bootstrap) on which ``name`` has the better mean reciprocal rank."""
        gain = _reciprocal(self.ranks[name]) - _reciprocal(self.ranks[rival])
        drawn = np.random.default_rng(_SEED).integers(0, len(gain), size=(_RESAMPLES, len(gain)))
        return round(float((gain[drawn].mean(axis=1) > 0).mean()), 3)

    def best(self, names: Sequence[str]) -> str:
        """The first of ``names`` with the highest mean reciprocal rank."""
        return max(names, key=self.mrr)


def hold(
    fitting: Sequence[Asked],
    judging: Sequence[Asked],
    rerankers: Mapping[str, Reranker],
    *,
    depth: int,
    prior: Fusion | None,
) -> Contest:
    """Every order gets its weights from ``fitting`` in the same way; the places are those of ``judging``."""
    first = fit_ranking(fitting, FIRST_STAGE, prior.first_stage.weights if prior else None)
    ranks: dict[str, Ranks] = {ALONE: ranks_of(judging, first)}
    for name, reranker in rerankers.items():
        read = [scored([narrowed(one, first, depth) for one in part], reranker) for part in (fitting, judging)]
        both = fit_ranking(read[0], WITH_RERANKER, prior.ranking.weights if prior else None)
        ranks[name] = ranks_of(read[1], both)
    return Contest(ranks)


def _reciprocal(ranks: Ranks) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([1 / (place + 1) if place is not None and place < CUT else 0.0 for place in ranks])
