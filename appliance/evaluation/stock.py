"""The knowledge base that is measured: imported by the same import as any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.errors import InputInvalid
from appliance.evaluation.datasets import Question
from appliance.knowledge import Knowledge
from kb.ingest import Progress, silent
from kb.sources import Rejected


@dataclass(frozen=True, slots=True)
class Stock:
    """What is on the shelf, and what it took to put it there."""

    articles: int
    passages: int
    ingest_seconds: float
    rejected: tuple[Rejected, ...]


@contextmanager
def data_directory(chosen: Path | None) -> Iterator[Path]:
    """``chosen``, or a directory that is gone afterwards: measuring leaves nothing behind."""
    if chosen is not None:
        yield chosen
        return
    with TemporaryDirectory(prefix="appliance-eval-") as folder:
        yield Path(folder)


def stock(knowledge: Knowledge, paths: Sequence[Path], *, progress: Progress = silent) -> Stock:
    """Import ``paths`` (none: measure on what is there). Raises ``InputInvalid`` when there is no article then."""
    report = knowledge.add(paths, progress=progress) if paths else None
    articles, passages = knowledge.articles.count()
    if not articles:
        why = f" {report.rejected[0]}" if report and report.rejected else ""
        raise InputInvalid(
            f"There is no article to search in.{why}",
            remedy="Give --kb a .jsonl file or a folder of articles, or --data a directory that holds some.",
        )
    return Stock(
        articles, passages, round(report.seconds, 2) if report else 0.0, tuple(report.rejected) if report else ()
    )


def check_gold(knowledge: Knowledge, questions: Sequence[Question]) -> int:
    """How many questions name no article that exists. Raises ``InputInvalid`` when that is all of them: the files do not belong together."""
    known = knowledge.articles.hashes().keys()
    unknown = [one for one in questions if not known & set(one.gold_ids)]
    if questions and len(unknown) == len(questions):
        raise InputInvalid(
            f"No gold_ids of the questions is the id of an article (for instance {questions[0].gold_ids[0]!r}).",
            remedy="Give the knowledge base that the questions were written for.",
        )
    return len(unknown)
