"""Ranking figures over scored candidates."""

from __future__ import annotations

from collections.abc import Sequence


def rank_of_relevant(scores: Sequence[float], relevant: Sequence[bool]) -> int | None:
    """Place (0 = first) of the best relevant candidate, ties counted against it; None without a relevant one."""
    hits = [score for score, good in zip(scores, relevant, strict=True) if good]
    if not hits:
        return None
    best = max(hits)
    return sum(1 for score, good in zip(scores, relevant, strict=True) if not good and score >= best)


def reciprocal_rank(scores: Sequence[float], relevant: Sequence[bool]) -> float:
    """1 / (place + 1) of the best relevant candidate; 0 without one."""
    rank = rank_of_relevant(scores, relevant)
    return 0.0 if rank is None else 1.0 / (rank + 1)


def hit_figures(ranks: Sequence[int | None]) -> dict[str, float]:
    """hit@1, hit@5, hit@10 and MRR@10 over questions; None counts as not found."""
    n = max(len(ranks), 1)
    figures = {f"hit@{k}": sum(1 for rank in ranks if rank is not None and rank < k) / n for k in (1, 5, 10)}
    figures["mrr@10"] = sum(1 / (rank + 1) for rank in ranks if rank is not None and rank < 10) / n
    return {name: round(value, 4) for name, value in figures.items()} | {"n": len(ranks)}
