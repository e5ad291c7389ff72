"""Questions that no article answered, gathered into gaps that an author can write an article for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kb.terms import content_terms
from models.roles import Matrix, Vector

SIMILAR = 0.60
"""Cosine to the centre of a group from which a question counts as asking for the same; lower mixes subjects."""
_EXAMPLES = 5
_TITLE_WORDS = 12


@dataclass(frozen=True, slots=True)
class Gap:
    """One missing article: a proposed title, how often it was asked for, and what people wrote."""

    title: str
    count: int
    examples: tuple[str, ...]


def find_gaps(questions: Sequence[str], vectors: Matrix, *, similar: float = SIMILAR) -> list[Gap]:
    """Groups of like questions, the most asked first. ``vectors``: shape (n, dimension), row i is ``questions[i]``.

    Deterministic in the order of the questions: each joins the nearest group so far, or founds one; a second pass
    puts each with the centre that is nearest once all are known.
    """
    if not questions:
        return []
    groups = _regrouped(vectors, _grouped(vectors, similar))
    gaps = [_gap([questions[row] for row in rows], vectors[rows]) for rows in groups]
    return sorted(gaps, key=lambda gap: (-gap.count, gap.title))


def _grouped(vectors: Matrix, similar: float) -> list[Vector]:
    """Centres of the groups that one pass finds."""
    sums: list[Vector] = []
    for vector in vectors:
        if sums:
            centres = np.stack(sums)
            near = centres @ vector / np.maximum(np.linalg.norm(centres, axis=1), 1e-9)
            best = int(near.argmax())
            if near[best] >= similar:
                sums[best] = sums[best] + vector
                continue
        sums.append(vector.copy())
    return sums


def _regrouped(vectors: Matrix, sums: Sequence[Vector]) -> list[list[int]]:
    centres = np.stack(sums)
    centres = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    groups: list[list[int]] = [[] for _ in sums]
    for row, best in enumerate((vectors @ centres.T).argmax(axis=1)):
        groups[int(best)].append(row)
    return [rows for rows in groups if rows]


def _gap(questions: Sequence[str], vectors: Matrix) -> Gap:
    """The question nearest to the centre names the gap; the next nearest different ones are its examples."""
    centre = vectors.mean(axis=0)
    order = np.argsort(-(vectors @ centre), kind="stable")
    distinct = list(dict.fromkeys(" ".join(questions[row].split()) for row in order))
    return Gap(_title(distinct[0], questions), len(questions), tuple(distinct[:_EXAMPLES]))


def _title(question: str, questions: Sequence[str]) -> str:
    """A short question is its own title; a long one is named by the words that most of the group share."""
    if len(question.split()) <= _TITLE_WORDS:
        return question[:1].upper() + question[1:]
    shared = Counter(term for one in questions for term in content_terms(one))
    words = sorted(content_terms(question), key=lambda term: -shared[term])[:5]
    return ", ".join(words).capitalize() or question[:80]
