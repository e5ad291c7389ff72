"""How well the right article is found: the line's own search and second stage, against questions whose article is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from appliance.errors import InputInvalid
from appliance.evaluation.datasets import Question
from appliance.evaluation.figures import interval, mean, percentile
from appliance.evaluation.stock import Stock, check_gold
from appliance.knowledge import Knowledge
from appliance.line.desk import Desk
from kb.article import AUDIENCES, Visibility
from models.questions import readings_of, search_vector

WIDE = 30
"""Passages looked at in all. With at most three of one article, ten different articles are among them if ten match at all."""
CUTS = (1, 5, 10)

Advance = Callable[[int, int], None]
"""(questions done, questions in all)."""


def quiet(done: int, total: int) -> None:
    """An ``Advance`` that shows nothing."""


async def measure(
    desk: Desk, knowledge: Knowledge, questions: Sequence[Question], stocked: Stock, *, advance: Advance = quiet
) -> dict[str, Any]:
    """The figures of the public contract, with 95 % intervals. Questions without gold are left out. Raises ``InputInvalid``."""
    asked = [one for one in questions if one.gold_ids]
    if not asked:
        raise InputInvalid("No question names the article that answers it.", remedy='Give questions with "gold_ids".')
    unknown = await asyncio.to_thread(check_gold, knowledge, asked)
    await search(desk, knowledge, asked[0])  # opens the index: no customer's search pays for that
    ranks, times = [], []
    for done, question in enumerate(asked, 1):
        articles, took_ms = await search(desk, knowledge, question)
        ranks.append(rank(articles, question.gold_ids))
        times.append(took_ms)
        advance(done, len(asked))
    return _figures(ranks, times, stocked) | {"left_out": len(questions) - len(asked), "gold_not_in_kb": unknown}


async def search(desk: Desk, knowledge: Knowledge, question: Question) -> tuple[list[str], float]:
    """(different articles, best first; milliseconds of the line's search with encoding and second stage).

    What the second stage has not seen follows in the order of the first, untimed: the line never looks that far.
    """
    visibility = Visibility(frozenset(AUDIENCES), desk.today())
    began = desk.clock()
    text = question.text
    vector = search_vector([one.vector for one in await desk.encode(readings_of(question.title, question.question))])
    ranked, _ = await desk.rank(text, await desk.find(text, vector, visibility))
    took_ms = (desk.clock() - began) * 1000
    wide = await asyncio.to_thread(knowledge.search.find, text, vector, visibility, limit=WIDE)
    return list(dict.fromkeys(found.passage.article_id for found in (*ranked, *wide))), took_ms


def rank(articles: Sequence[str], gold: Iterable[str]) -> int | None:
    """The place of the first right article, from 1; None when it is not among them."""
    right = set(gold)
    return next((place for place, article in enumerate(articles, 1) if article in right), None)


def hits(ranks: Sequence[int | None], cut: int) -> list[float]:
    """1 for every question whose article is among the first ``cut``, 0 for the others."""
    return [float(place is not None and place <= cut) for place in ranks]


def reciprocal(ranks: Sequence[int | None], cut: int = 10) -> list[float]:
    """Reciprocal rank of every question, 0 beyond ``cut``."""
    return [1 / place if place is not None and place <= cut else 0.0 for place in ranks]


def _figures(ranks: Sequence[int | None], times: Sequence[float], stocked: Stock) -> dict[str, Any]:
    figures = {f"hit@{cut}": hits(ranks, cut) for cut in CUTS} | {"mrr@10": reciprocal(ranks)}
    return {
        "n": len(ranks),
        **{name: mean(values) for name, values in figures.items()},
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
        "articles": stocked.articles,
        "passages": stocked.passages,
        "ingest_seconds": stocked.ingest_seconds,
        "ci95": {name: interval(values) for name, values in figures.items()},
    }
