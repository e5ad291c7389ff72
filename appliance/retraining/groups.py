"""The three parts of a history, as the training tools and the contest need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from appliance.errors import InputInvalid
from appliance.evaluation.datasets import Question
from appliance.knowledge import Knowledge
from appliance.retraining.choosing import LEAST_ARTICLES, SEED, enough
from appliance.retraining.history import KIND, History, fingerprint, pools, read_history
from models.roles import Encoder
from models.training.fusion_fit import Asked
from models.training.mining import Asking, DevQuestion, Group, Pool, build, dev_question

LEAST = 100
LEAST_PART = 10
"""Questions whose article the search finds, for stopping and for the contest each: with fewer the contest is a coin."""
LEAST_GROUPS = 40
MOST_TRAINED, MOST_HELD, MOST_LOOKED_AT = 20_000, 300, 60
REPEATS, PSEUDO = 2, 5_000


@dataclass(frozen=True, slots=True)
class Material:
    """The three parts as the tools and the contest need them."""

    history: History
    groups: list[Group]
    looked_at: list[DevQuestion]
    fitting: list[Asked]
    judging: list[Asked]

    @property
    def counts(self) -> dict[str, int]:
        held = {"fitted_on": len(self.fitting), "judged_on": len(self.judging)}
        return {
            "trained_on": len(self.history.part("train")),
            "groups": len(self.groups),
            **held,
            "unknown": self.history.unknown,
        }


def gather(knowledge: Knowledge, encoder: Encoder, pairs: Path, today: date) -> Material:
    history = read_history(pairs, knowledge.articles.hashes().keys(), least=LEAST, purpose="training")
    fitting, judging = (pools(knowledge, _some(history.part(part), MOST_HELD), today) for part in ("dev", "test"))
    enough(fitting, LEAST_PART, pairs, articles=1)
    enough(judging, LEAST_PART, pairs, articles=1)
    enough([*fitting, *judging], 2 * LEAST_PART, pairs, articles=LEAST_ARTICLES)
    rows = [
        {"id": one.id, "title": one.title, "summary": one.summary, "text": one.text}
        for one, _ in knowledge.articles.every()
    ]
    pool = Pool(rows, encoder)
    taught = [
        {"id": fingerprint(one.text), "question": one.text, "gold_ids": one.gold_ids}
        for one in _some(history.part("train"), MOST_TRAINED)
    ]
    groups, _ = build(pool, taught, repeats=REPEATS, limit=PSEUDO, seed=SEED, keep_out=lambda _: False)
    if len(groups) < LEAST_GROUPS:
        raise InputInvalid(
            f"Only {len(groups)} questions have other articles that are hard to tell from the right one; {LEAST_GROUPS} are needed.",
            remedy="Give more questions, or a knowledge base of more than a few articles.",
        )
    looked_at = [_dev(pool, one) for one in _some(history.part("dev"), MOST_LOOKED_AT * 2)]
    return Material(history, groups, [one for one in looked_at if any(one.relevant)][:MOST_LOOKED_AT], fitting, judging)


def _dev(pool: Pool, one: Question) -> DevQuestion:
    gold = [pool.numbers[article] for article in one.gold_ids if article in pool.numbers]
    return dev_question(pool, Asking(KIND, fingerprint(one.text), one.text, gold))


def _some(questions: Sequence[Question], most: int) -> list[Question]:
    """At most so many, the same ones in every run and in the same order."""
    return sorted(questions, key=lambda one: fingerprint(one.text))[:most]
