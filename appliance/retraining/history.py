"""An operator's own questions with the articles that answered them, and which of them may be trained on.

A question's part is decided by the hash of its text: the same question is never trained on today and measured on tomorrow.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from appliance.config import Config, Database
from appliance.errors import InputInvalid
from appliance.evaluation.datasets import Question, read_questions
from appliance.evaluation.stock import stock
from appliance.knowledge import Knowledge, open_knowledge
from appliance.store.database import Database as OpenDatabase
from kb.article import AUDIENCES, Visibility
from kb.ingest import Progress, silent
from kb.ranking import first_stage_signals
from models.questions import question_vectors, readings_of, search_vector
from models.roles import Encoder
from models.training.fusion_fit import Asked

Part = Literal["train", "dev", "test"]
_DEV, _TEST = 30, 15
"""Of a hundred hashes the first fifteen are for the comparison, the next fifteen for stopping and fitting, the rest for training."""
_PRINT = 16
KIND = "link"
"""What nobody has reviewed: another article may answer as well as the one that is named."""


@dataclass(frozen=True, slots=True)
class History:
    """Questions of which at least one article is known here, each once. ``unknown``: left out, since none is."""

    questions: tuple[Question, ...]
    unknown: int
    sha256: str

    def part(self, part: Part) -> list[Question]:
        return [one for one in self.questions if part_of(one.text) == part]


def part_of(text: str) -> Part:
    place = int(fingerprint(text), 16) % 100
    return "test" if place < _TEST else "dev" if place < _DEV else "train"


def fingerprint(text: str) -> str:
    """Sixteen hex digits that name a question without telling it."""
    return hashlib.sha256(" ".join(text.lower().split()).encode("utf-8", "replace")).hexdigest()[:_PRINT]


def _alike(text: str) -> str:
    """The same for questions that differ in spelling, punctuation or numbers only: forty of one template are one question."""
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(words) or fingerprint(text)


def read_history(file: Path, known: Collection[str], *, least: int, purpose: str) -> History:
    """JSON lines ``{"id", "question"[, "title"], "gold_ids"}``. Raises ``InputInvalid`` for a broken line, for articles that are
    not in the knowledge base, and for fewer than ``least`` questions that can be used."""
    rows = [one for one in read_questions(file) if one.gold_ids]
    if not rows:
        raise InputInvalid(
            f"No line of {file} names an article.", remedy='Write {"id": "q1", "question": "…", "gold_ids": ["a1"]}.'
        )
    usable = [one for one in rows if not set(one.gold_ids).isdisjoint(known)]
    if not usable:
        raise InputInvalid(
            f"No gold_ids of {file} is the id of an article (for instance {rows[0].gold_ids[0]!r}).",
            remedy="Give the knowledge base that the questions belong to with --kb; `appliance kb search` shows ids.",
        )
    once: dict[str, Question] = {}
    for one in usable:
        found = once.setdefault(fingerprint(one.text), one)
        once[fingerprint(one.text)] = found.model_copy(
            update={"gold_ids": list(dict.fromkeys([*found.gold_ids, *(set(one.gold_ids) & set(known))]))}
        )
    different = list({(_alike(one.text), frozenset(one.gold_ids)): one for one in reversed(once.values())}.values())[
        ::-1
    ]
    if len(different) < least:
        raise InputInvalid(
            f"{file} holds {len(different)} different questions whose article is in the knowledge base; {purpose} needs {least}.",
            remedy=f"Collect {least - len(different)} more (spelling, punctuation and numbers make no other question), and keep what is in use until then.",
        )
    return History(tuple(different), len(rows) - len(usable), hashlib.sha256(file.read_bytes()).hexdigest())


@contextmanager
def articles(
    config: Config, encoder: Encoder, kb: Sequence[Path], *, progress: Progress = silent
) -> Iterator[Knowledge]:
    """The articles of ``kb`` in a directory that is gone afterwards; without any, those of this installation."""
    with TemporaryDirectory(prefix="appliance-kb-") as folder:
        chosen = config.model_copy(update={"data": Path(folder), "database": Database()}) if kb else config
        database = OpenDatabase(chosen.database_url)
        try:
            knowledge = open_knowledge(chosen, database, encoder)
            stock(knowledge, kb, progress=progress)
            yield knowledge
        finally:
            database.close()


def pools(knowledge: Knowledge, questions: Sequence[Question], today: date) -> list[Asked]:
    """What the line's own search brings up for each question, with its signals; questions for which it finds nothing are left out.

    For every audience: what is measured is the search, not who may see what.
    """
    visible = Visibility(frozenset(AUDIENCES), today)
    asked = []
    for one in questions:
        vector = search_vector([*question_vectors(knowledge.encoder, readings_of(one.title, one.question))])
        found = knowledge.search.find(one.text, vector, visible, limit=knowledge.pool)
        asked.append(
            Asked(
                fingerprint(one.text),
                KIND,
                one.text,
                frozenset(one.gold_ids),
                tuple(candidate.passage.article_id for candidate in found),
                tuple(first_stage_signals(candidate) for candidate in found),
                tuple(candidate.passage.searchable(candidate.title) for candidate in found),
            )
        )
    return [one for one in asked if one.articles]
