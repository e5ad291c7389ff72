"""The rung without a language model: the passages' own sentences, word for word, so that nothing can be invented."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from models.errors import ModelUnavailable
from models.roles import DraftSentence, Pair, SynthesisRequest
from models.synthesis.answer_type import answers, asked_for
from models.synthesis.candidates import Candidate, candidates
from models.synthesis.steps import Steps, step_lists
from models.synthesis.stream import Meter, SentenceStream

Score = Callable[[Sequence[Pair]], Awaitable[Sequence[float]]]
"""Scores in the scale of the reranker's logits, one a (question, text) pair; one call a draft."""


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """What decides between sentences, in logits of the reranker, and the bounds that keep a draft quick."""

    candidates: int = 24
    titled: bool = True
    """Whether a candidate is read behind its title. A cross-encoder wants it; to an encoder all sentences of an article then look alike."""
    pair_chars: int = 300
    """Of a candidate as the scorer reads it: short pairs are what makes this rung fast."""
    top_passage: float = 0.5
    passage_weight: float = 0.3
    """Of the passage's own distance behind the best passage."""
    passage_cap: float = 4.0
    kind: float = 2.0
    """For a sentence of the kind that is asked for: a step, a time span, a price, a number."""
    first_step: float = 1.0
    """On top, for the first step of its passage: instructions are read from their beginning."""
    tie: float = 0.5
    """Of two lists in one passage that lie as near the earlier one is told: the usual case stands first."""
    top_article: float = 1.0
    """For the first sentence where steps are asked for, and all sentences come from one article: from the one that was found best."""
    dangling: float = -1.5
    same_passage: float = 0.5
    next_sentence: float = 0.5
    """On top of ``same_passage``: the sentence after the chosen one usually goes on with it."""
    margin: float = 3.0
    """A further sentence this far behind the first adds noise, not help."""
    floor: float = -math.inf
    """Below this the best sentence does not answer: the draft is empty."""


RULES = QuoteRules()
APART = QuoteRules(titled=False, candidates=16, same_passage=1.5)
"""For a scorer that reads question and sentence apart (``models.bi_encoder``).

16 candidates choose what 24 do (techqa, 133 answers). Without titles like sentences of other articles come near: a smaller ``same_passage``
mixed two articles in a quarter of the answers (starter questions), this one in as few as the cross-encoder did, an eighth.
"""


class QuoteSynthesizer:
    """A ``Synthesizer`` that copies. Deterministic: equal requests and scores give equal drafts."""

    name = "quote"
    verbatim = True

    def __init__(self, score: Score, *, rules: QuoteRules = RULES) -> None:
        self._score = score
        self._rules = rules

    def sentences(self, request: SynthesisRequest) -> SentenceStream:
        return SentenceStream(lambda meter: self._write(request, meter), model=self.name)

    async def _write(self, request: SynthesisRequest, _: Meter) -> AsyncGenerator[DraftSentence, None]:
        if request.max_sentences < 1:
            return
        how = asked_for(request.question) == "steps"
        lists = step_lists(request.passages) if how else []
        found = candidates(request.question, request.passages, self._rules.candidates)
        if not found and not lists:
            return
        worth, of_lists = await self._worth(request, found, lists)
        way = _way(lists, of_lists, found, worth, self._rules)
        if way is not None:
            for step in way.steps[: request.max_sentences]:
                yield DraftSentence(text=step, citations=(way.n,))
            return
        found, worth = _outside(found, worth, lists)
        for candidate in _chosen(found, worth, request.max_sentences, self._rules, one_article=how):
            yield DraftSentence(text=candidate.text, citations=(candidate.n,))

    async def _worth(
        self, request: SynthesisRequest, found: list[Candidate], lists: list[Steps]
    ) -> tuple[list[float], list[float]]:
        """How well each candidate and each list answers, in one call of the scorer."""
        read = [_context(candidate) if self._rules.titled else candidate.text for candidate in found]
        scores = await self._scores(request.question, [*read, *(one.text for one in lists)])
        of_lists = [
            score + self._rules.kind + _passage_bonus(one.passage, request.scores, self._rules)
            for one, score in zip(lists, scores[len(found) :], strict=True)
        ]
        return self._alone(request, found, scores[: len(found)]), of_lists

    async def _scores(self, question: str, read: list[str]) -> list[float]:
        pairs = [(question, text[: self._rules.pair_chars]) for text in read]
        scores = [float(score) for score in await self._score(pairs)]
        if len(scores) != len(pairs) or not all(map(math.isfinite, scores)):
            raise ModelUnavailable(
                "The scorer did not give one score a sentence.", remedy="Run: appliance models verify"
            )
        return scores

    def _alone(self, request: SynthesisRequest, found: list[Candidate], scores: list[float]) -> list[float]:
        """What each candidate is worth alone: its own score, its passage's, and whether it leans on another."""
        kinds = _kind_bonus(request.question, found, self._rules)
        return [
            score
            + bonus
            + _passage_bonus(candidate.passage, request.scores, self._rules)
            + self._rules.dangling * candidate.dangling
            for candidate, score, bonus in zip(found, scores, kinds, strict=True)
        ]


def _way(
    lists: list[Steps], of_lists: list[float], found: list[Candidate], worth: list[float], rules: QuoteRules
) -> Steps | None:
    """The list that answers a question for steps, unless a sentence outside of all lists does so better.

    A list is worth its best step at least: that step alone would be a way without its beginning.
    """
    outside = max(_outside(found, worth, lists)[1], default=-math.inf)
    ways = [
        (max(score, *(value for one, value in zip(found, worth, strict=True) if _holds(way, one)), -math.inf), way)
        for way, score in zip(lists, of_lists, strict=True)
        if not way.torn
    ]
    value, best = max(ways, key=lambda way: way[0], default=(-math.inf, None))
    if best is None or value < max(outside, rules.floor):
        return None
    return next(way for worth_of, way in ways if way.passage == best.passage and worth_of >= value - rules.tie)


def _outside(found: list[Candidate], worth: list[float], lists: list[Steps]) -> tuple[list[Candidate], list[float]]:
    """The candidates that are no step of a list, and what they are worth."""
    alone = [index for index, one in enumerate(found) if not any(_holds(way, one) for way in lists)]
    return [found[index] for index in alone], [worth[index] for index in alone]


def _holds(way: Steps, candidate: Candidate) -> bool:
    """Whether the candidate is a step of the list, or the list's introduction joined with its first step."""
    return way.passage == candidate.passage and any(candidate.text.endswith(step) for step in way.steps)


def _context(candidate: Candidate) -> str:
    """The sentence behind its title: "Click Remove" alone does not say what is removed."""
    return f"{candidate.title}. {candidate.text}" if candidate.title else candidate.text


def _kind_bonus(question: str, found: Sequence[Candidate], rules: QuoteRules) -> list[float]:
    """What each candidate gains by being of the kind that the question asks for."""
    kind = asked_for(question)
    if kind == "any":
        return [0.0] * len(found)
    bonuses, begun = [], set[int]()
    for candidate in found:
        fits = answers(kind, candidate.text)
        first = fits and kind == "steps" and candidate.passage not in begun
        if fits:
            begun.add(candidate.passage)
        bonuses.append(rules.kind * fits + rules.first_step * first)
    return bonuses


def _passage_bonus(passage: int, scores: Sequence[float], rules: QuoteRules) -> float:
    """Passages come best first; where their scores are known, the distance counts as well."""
    bonus = rules.top_passage if passage == 0 else 0.0
    if passage < len(scores):
        bonus -= rules.passage_weight * min(max(0.0, scores[0] - scores[passage]), rules.passage_cap)
    return bonus


def _chosen(
    found: list[Candidate], worth: list[float], count: int, rules: QuoteRules, *, one_article: bool = False
) -> list[Candidate]:
    """The best sentence, then those that go best with what is chosen already, in the order in which they stand."""
    if not found:
        return []
    top = {index: rules.top_article * (one_article and one.title == found[0].title) for index, one in enumerate(found)}
    first = max(top, key=lambda index: (worth[index] + top[index], -index))
    if worth[first] < rules.floor:
        return []
    chosen = [first]
    before = _before(found, first)
    if found[first].dangling and before is not None and count > 1:
        chosen.append(before)
    while len(chosen) < min(count, len(found)):
        rest = [index for index in range(len(found)) if index not in chosen]
        if one_article:
            rest = [index for index in rest if found[index].title == found[first].title]
        rest = [index for index in rest if not any(_overlap(found[index], found[other]) for other in chosen)]
        gains = {index: worth[index] + _kinship(found, index, chosen, rules) for index in rest}
        best = max(gains, key=lambda index: (gains[index], -index), default=None)
        if best is None or gains[best] < worth[first] - rules.margin:
            break
        chosen.append(best)
    return [found[index] for index in sorted(chosen)]


def _before(found: list[Candidate], index: int) -> int | None:
    """The candidate right before ``index`` in the same passage."""
    here = found[index]
    if index and (found[index - 1].passage, found[index - 1].position) == (here.passage, here.position - 1):
        return index - 1
    return None


def _kinship(found: list[Candidate], index: int, chosen: list[int], rules: QuoteRules) -> float:
    """What ``index`` gains by standing beside the chosen ones; a leaning sentence next to its support leans no more."""
    here = found[index]
    gain = rules.same_passage if any(found[other].passage == here.passage for other in chosen) else 0.0
    if _before(found, index) in chosen:
        gain += rules.next_sentence - rules.dangling * here.dangling
    return gain


def _overlap(one: Candidate, other: Candidate) -> bool:
    """Whether they say the same words: a joined introduction contains its neighbour, a copy repeats most words."""
    if one.text in other.text or other.text in one.text:
        return True
    words, others = set(one.text.casefold().split()), set(other.text.casefold().split())
    return len(words & others) > 0.8 * min(len(words), len(others))
