"""What each floor of retrieval would do: answered against left to people, from one run that nothing stops at the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from appliance.evaluation.answers import Answer, answer
from appliance.evaluation.datasets import Question
from appliance.evaluation.figures import share
from appliance.evaluation.retrieval import Advance, quiet
from appliance.knowledge import Knowledge
from appliance.line.desk import Desk
from kb.article import Candidate

FLOORS = tuple(round(0.05 * step, 2) for step in range(20))


@dataclass(slots=True)
class _Listening:
    """A desk's ranking that remembers how probable it held the last answer."""

    desk: Desk
    heard: float = 0.0

    async def __call__(self, question: str, candidates: Sequence[Candidate]) -> tuple[list[Candidate], float]:
        ranked, self.heard = await self.desk.rank(question, candidates)
        return ranked, self.heard


@dataclass(frozen=True, slots=True)
class Tried:
    """A question answered without any floor, and the probability that a floor is held against."""

    answer: Answer
    probability: float

    def answered(self, floor: float) -> bool:
        return self.answer.answered and self.probability >= floor


async def measure(
    desk: Desk, knowledge: Knowledge, questions: Sequence[Question], *, advance: Advance = quiet
) -> dict[str, Any]:
    """The curve from which an operator chooses ``thresholds.answerable``. One question at a time."""
    listening = _Listening(desk)
    limits = desk.policy.thresholds.model_copy(update={"answerable": 0.0, "answerable_when_foreign": 0.0})
    open_desk = replace(desk, policy=desk.policy.model_copy(update={"thresholds": limits}), rank=listening)
    tried = []
    for done, question in enumerate(questions, 1):
        listening.heard = 0.0
        tried.append(Tried(await answer(open_desk, knowledge, question), listening.heard))
        advance(done, len(questions))
    return curve(tried) | {"floor": desk.policy.thresholds.answerable}


def curve(tried: Sequence[Tried], floors: Sequence[float] = FLOORS) -> dict[str, Any]:
    """By floor: share of answerable questions answered, share of unanswerable ones not, share of the former's answers that cite the right article."""
    hopeless = [one for one in tried if one.answer.question.without_answer]
    hopeful = [one for one in tried if not one.answer.question.without_answer]
    rows: dict[str, dict[str, float | None]] = {}
    for floor in floors:
        right = [one for one in hopeful if one.answered(floor)]
        rows[f"{floor:.2f}"] = {
            "answer_rate": share(len(right), len(hopeful)),
            "abstention_rate": share(sum(not one.answered(floor) for one in hopeless), len(hopeless)),
            "cited_gold": share(sum(one.answer.cites_gold for one in right), len(right)),
        }
    return {"n": len(tried), "unanswerable": len(hopeless), "floors": rows}
