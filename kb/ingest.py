"""Imports: articles into SQL first, then the index is brought level with SQL.

Because the second half only ever asks "what does SQL hold that the index does not", it also mends whatever a crash
left between the two, and is the whole of a rebuild.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from kb.article import Article, ArticleRepository, Passage
from kb.chunking import chunk
from kb.errors import IndexUnavailable
from kb.manifest import REBUILD
from kb.schema import Row, title_text
from kb.sources import Notice, Outcome, Rejected, read, root_label
from kb.store import IndexWriter, LanceIndex
from kb.tongue import Tongue
from models.roles import Encoder, Matrix

Stage = Literal["reading", "indexing"]
Progress = Callable[[Stage, int, int], None]
"""(stage, articles done, articles in all; 0 while unknown)."""

_SAVE_ARTICLES = 200
_READ_ARTICLES = 50
_ENCODE_PASSAGES = 512
"""Big enough that passages of like length meet in one batch of the encoder, small enough to keep progress moving."""


@dataclass(slots=True)
class ImportReport:
    """What an import did, in articles; ``passages`` were encoded. ``warnings`` are for the author to look at.

    ``held``: ids of articles that came, and wait until an author has approved them.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    passages: int = 0
    seconds: float = 0.0


def silent(stage: Stage, done: int, total: int) -> None:
    """A ``Progress`` that shows nothing."""


def import_articles(
    paths: Sequence[Path],
    repository: ArticleRepository,
    index: LanceIndex,
    encoder: Encoder,
    *,
    label: str = "",
    tongue: Tongue | None = None,
    progress: Progress = silent,
    clock: Callable[[], float] = time.perf_counter,
) -> ImportReport:
    """Brings the knowledge base level with ``paths``; what these sources brought before and no longer hold is removed.

    Idempotent. ``label`` names the source instead of its path; ``tongue`` tells the language of articles that name none. Readers see all of it at once, at the end.
    Raises ``ImportFailed``, ``ImportBusy``, ``IndexMismatch``, ``IndexUnavailable``.
    """
    start = clock()
    report = ImportReport()
    with index.writing() as writer:
        known = repository.hashes()
        seen = _Seen()
        outcomes = _told(read(paths, label=label), tongue) if tongue else read(paths, label=label)
        changed = _changed(_counted(outcomes, progress), known, seen, report)
        while batch := list(islice(changed, _SAVE_ARTICLES)):
            repository.save([(article, chunk(article)) for article in batch])
        gone = _gone(known, seen, [root_label(path, label) for path in paths], report)
        repository.remove(gone)
        report.removed = len(gone)
        report.held = [article.id for article in repository.held() if article.id in seen.ids]
        report.passages = _level(repository, writer, encoder, progress)
    report.seconds = clock() - start
    return report


def rebuild(repository: ArticleRepository, index: LanceIndex, encoder: Encoder, *, progress: Progress = silent) -> int:
    """Makes the index anew from SQL, passages too, while readers go on with the old one; returns the passages in it."""
    with index.writing(anew=True) as writer:
        return _level(repository, writer, encoder, progress, rechunk=True)


def remove(article_ids: Sequence[str], repository: ArticleRepository, index: LanceIndex, encoder: Encoder) -> None:
    """Takes these articles out of SQL and brings the index level; unknown ids do no harm."""
    with index.writing() as writer:
        repository.remove(article_ids)
        _level(repository, writer, encoder, silent)


def approve(article_ids: Sequence[str], repository: ArticleRepository, index: LanceIndex, encoder: Encoder) -> None:
    """Lets these held articles be used as they are now, and brings the index level; unknown ids do no harm.

    Repeating it mends what a crash left between SQL and index. Raises ``ImportBusy`` while an import could change them.
    """
    with index.writing() as writer:
        repository.approve(article_ids)
        _level(repository, writer, encoder, silent)


def check_level(repository: ArticleRepository, index: LanceIndex) -> None:
    """Raises ``IndexUnavailable`` when SQL holds articles that no search can find, as a killed import leaves them."""
    wanted = repository.hashes().keys()
    missing = wanted - index.article_hashes().keys()
    if lost := sum(bool(passages) for _, passages in repository.several(sorted(missing))):
        raise IndexUnavailable(
            f"{lost} of {len(wanted)} articles are not in the search index.",
            remedy=f"If no import is running: {REBUILD}",
        )


@dataclass(slots=True)
class _Seen:
    """What the sources held this time: ids that came, and sources of which a part is unknown."""

    ids: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)


def _told(outcomes: Iterable[Outcome], tongue: Tongue) -> Iterator[Outcome]:
    for outcome in outcomes:
        yield tongue.named(outcome) if isinstance(outcome, Article) else outcome


def _counted(
    outcomes: Iterable[Article | Rejected | Notice], progress: Progress
) -> Iterator[Article | Rejected | Notice]:
    for done, outcome in enumerate(outcomes, start=1):
        if done % 50 == 1:
            progress("reading", done, 0)
        yield outcome


def _changed(
    outcomes: Iterable[Article | Rejected | Notice],
    known: dict[str, tuple[str, str]],
    seen: _Seen,
    report: ImportReport,
) -> Iterator[Article]:
    """The articles that SQL does not have like this yet; everything else is counted."""
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            report.rejected.append(outcome)
            seen.damaged.add(outcome.source)
        elif isinstance(outcome, Notice):
            report.warnings.append(outcome)
        else:
            seen.ids.add(outcome.id)
            before, source = known.get(outcome.id, ("", outcome.source))
            same = before == outcome.content_hash()
            report.unchanged += same
            report.added += not before
            report.updated += bool(before) and not same
            if not same or source != outcome.source:
                yield outcome


def _gone(known: dict[str, tuple[str, str]], seen: _Seen, roots: Sequence[str], report: ImportReport) -> list[str]:
    """Ids to remove. Where a source could not be read in full, or at all, its articles stay: damage is no deletion."""
    gone: list[str] = []
    for root in roots:
        before = {article_id: source for article_id, (_, source) in known.items() if _under(source, root)}
        missing = {article_id: source for article_id, source in before.items() if article_id not in seen.ids}
        if missing and len(missing) == len(before):
            report.warnings.append(
                Notice(
                    root,
                    0,
                    f"holds none of its {len(before)} earlier articles; they were kept. If they are to go, run "
                    f"`appliance kb remove ID...` with their ids: {_some(sorted(missing))}.",
                )
            )
            continue
        kept = [article_id for article_id, source in missing.items() if source in seen.damaged]
        if kept:
            report.warnings.append(
                Notice(root, 0, f"could not be read in full; {len(kept)} earlier article(s) of it stay.")
            )
        gone += [article_id for article_id in missing if article_id not in kept]
    return gone


def _some(ids: Sequence[str], most: int = 10) -> str:
    return ", ".join(ids[:most]) + (f" and {len(ids) - most} more" if len(ids) > most else "")


def _under(source: str, root: str) -> bool:
    return source == root or source.startswith(f"{root}/")


def _level(
    repository: ArticleRepository, writer: IndexWriter, encoder: Encoder, progress: Progress, *, rechunk: bool = False
) -> int:
    """Makes the index hold what SQL holds; returns how many passages were encoded. Encoding and writing overlap."""
    wanted = repository.stamps()
    writer.drop([article_id for article_id in writer.article_hashes if article_id not in wanted])
    stale = [article_id for article_id, content in wanted.items() if writer.article_hashes.get(article_id) != content]
    encoded = done = 0
    with ThreadPoolExecutor(1, thread_name_prefix="kb-index") as pool:
        writing: Future[None] | None = None
        for rows, articles in _batches(_stored(repository, stale, rechunk=rechunk), wanted):
            vectors, titles = _encoded(rows, encoder)
            if writing:
                writing.result()
            writing = pool.submit(writer.put, rows, vectors, titles)
            encoded += len(rows)
            done += articles
            progress("indexing", done, len(stale))
        if writing:
            writing.result()
    return encoded


def _encoded(rows: Sequence[Row], encoder: Encoder) -> tuple[Matrix, Matrix]:
    """Vectors of the passages and of their articles' titles, one row each; every title is encoded once."""
    titles = list(dict.fromkeys(title_text(row.article) for row in rows))
    place = {title: len(rows) + number for number, title in enumerate(titles)}
    vectors = encoder.encode([row.passage.searchable(row.article.title) for row in rows] + titles)
    return vectors[: len(rows)], vectors[[place[title_text(row.article)] for row in rows]]


def _stored(
    repository: ArticleRepository, article_ids: Sequence[str], *, rechunk: bool
) -> Iterator[tuple[Article, Sequence[Passage]]]:
    """Articles and passages from SQL, a few at a time; with ``rechunk`` the passages are made anew and saved."""
    for start in range(0, len(article_ids), _READ_ARTICLES):
        batch = repository.several(article_ids[start : start + _READ_ARTICLES])
        if rechunk:
            fresh = [(article, tuple(chunk(article))) for article, _ in batch]
            repository.save([new for new, old in zip(fresh, batch, strict=True) if new != old])
            batch = fresh
        yield from batch


def _batches(
    stored: Iterable[tuple[Article, Sequence[Passage]]], hashes: dict[str, str]
) -> Iterator[tuple[list[Row], int]]:
    """Whole articles, together at least ``_ENCODE_PASSAGES`` passages, and how many articles these are."""
    rows: list[Row] = []
    articles = 0
    for article, passages in stored:
        rows += [Row(passage, article, hashes[article.id]) for passage in passages]
        articles += 1
        if len(rows) >= _ENCODE_PASSAGES:
            yield rows, articles
            rows, articles = [], 0
    if rows:
        yield rows, articles
