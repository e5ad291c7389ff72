"""What leaves for real questions: the same line, on a throw-away knowledge base, with nothing stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from appliance.evaluation.datasets import Question
from appliance.evaluation.figures import mean, percentile, share
from appliance.evaluation.literals import unsupported_literals
from appliance.evaluation.retrieval import Advance, quiet
from appliance.knowledge import Knowledge
from appliance.line.desk import Desk
from appliance.line.line import run as run_line
from appliance.ticket import Citation, Closed, Message, Ticket


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and its end. ``unsupported``: literals of the reply that no cited article holds."""

    question: Question
    closed: Closed
    sentences: int
    unsupported: tuple[str, ...]

    @property
    def answered(self) -> bool:
        return self.closed.reply.outcome == "answered"

    @property
    def cites_gold(self) -> bool:
        return bool({citation.article_id for citation in self.closed.reply.citations} & set(self.question.gold_ids))


Keep = Callable[[Answer], None]
"""Told of every answer as soon as it is there."""


def forget(answer: Answer) -> None:
    """A ``Keep`` that keeps nothing."""


async def measure(
    desk: Desk, knowledge: Knowledge, questions: Sequence[Question], *, keep: Keep = forget, advance: Advance = quiet
) -> dict[str, Any]:
    """The figures of the public contract. One question at a time, so that the times are those of an answer alone."""
    await desk.encode([questions[0].text])
    answers = []
    for done, question in enumerate(questions, 1):
        answers.append(await answer(desk, knowledge, question))
        keep(answers[-1])
        advance(done, len(questions))
    return figures(answers)


async def answer(desk: Desk, knowledge: Knowledge, question: Question) -> Answer:
    """One ticket, from its words to the reply. Raises what the line raises."""
    told: list[str] = []
    closed = await run_line(desk, ticket_of(question), lambda kind, data: told.append(kind))
    invented: tuple[str, ...] = ()
    if closed.reply.outcome == "answered":
        sources = await asyncio.to_thread(_sources, knowledge, closed.reply.citations)
        invented = unsupported_literals(closed.reply.text, sources)
    return Answer(question, closed, told.count("sentence"), invented)


def ticket_of(question: Question) -> Ticket:
    """The question as a form would send it: title as subject."""
    text, subject = (question.question, question.title) if question.question.strip() else (question.title, "")
    message = Message(question.id, "evaluation", 1, "customer", text, datetime.now(UTC))
    return Ticket(message, channel="form", subject=subject)


def figures(answers: Sequence[Answer]) -> dict[str, Any]:
    """Counts, ``cited_gold`` as a share of the answers whose right article is known, times in milliseconds."""
    outcomes = Counter(one.closed.reply.outcome for one in answers)
    hopeless = [one for one in answers if one.question.without_answer]
    hopeful = [one for one in answers if not one.question.without_answer]
    left = [one for one in answers if one.answered]
    right = [one for one in hopeful if one.answered]
    times = [one.closed.reply.timings_ms["total"] for one in answers]
    silent = sum(not one.answered for one in hopeless)
    return {
        "n": len(answers),
        "answered": outcomes["answered"],
        "handed_over": outcomes["handed_over"],
        "unanswerable": len(hopeless),
        "unanswerable_handed_over": silent,
        "cited_gold": share(sum(one.cites_gold for one in right), len(right)),
        "unsupported_literals": sum(len(one.unsupported) for one in left),
        "mean_sentences": mean([one.sentences for one in left]),
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
        "refused": outcomes["refused"],
        "abstention_rate": share(silent, len(hopeless)),
        "answer_rate": share(len(right), len(hopeful)),
        "rules": dict(Counter(one.closed.reply.rule for one in answers).most_common()),
        "synthesizers": dict(Counter(one.closed.draft.synthesizer for one in left if one.closed.draft)),
        "synthesizer_faults": sum(len(one.closed.draft.faults) for one in answers if one.closed.draft),
    }


def record(answer: Answer) -> dict[str, Any]:
    """All there is to know of one question, for a reader who wants to see why."""
    closed, question = answer.closed, answer.question
    return {
        "id": question.id,
        "question": question.text,
        "gold_ids": question.gold_ids,
        "unanswerable": question.without_answer,
        "outcome": closed.reply.outcome,
        "rule": closed.reply.rule,
        "reason": closed.reply.reason,
        "draft": asdict(closed.draft) if closed.draft else None,
        "reply": closed.reply.text,
        "citations": [asdict(citation) for citation in closed.reply.citations],
        "cited_gold": answer.cites_gold if answer.answered and question.gold_ids else None,
        "unsupported_literals": list(answer.unsupported),
        "decisions": [asdict(decision) for decision in closed.decisions],
        "verdicts": [asdict(verdict) for verdict in closed.verdicts],
        "timings_ms": closed.reply.timings_ms,
    }


def _sources(knowledge: Knowledge, cited: Sequence[Citation]) -> list[str]:
    """The cited articles as their readers see them, with the address that they have here."""
    addresses = {one.article_id: one.url for one in cited}
    articles = [(knowledge.articles.get(article_id), url) for article_id, url in addresses.items()]
    return ["\n".join((one.title, one.summary, one.text, url)) for one, url in articles if one]
