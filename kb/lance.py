"""The only file that knows LanceDB: one table of passages, opened, searched, changed and indexed.

Queries are built of typed parts, never of a query language, so no question can break or steer them.
LanceDB sends nothing anywhere; its faults have no class of their own and leave here as ours.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kb.errors import ImportFailed, IndexUnavailable
from kb.manifest import REBUILD
from kb.schema import arrow_schema, one_of
from models.roles import Matrix, Vector

_LANCE_FAULTS = (OSError, RuntimeError, ValueError)
_EXACT_BELOW = 4_096
"""Passages up to which every vector is compared: faster than an index would be."""
_FLAT_BELOW = 200_000
"""Passages up to which the index holds whole vectors; beyond, bytes instead of floats keep it in memory."""
_FOREVER = timedelta(days=36_500)
_KEEP_VERSIONS = timedelta(hours=1)
"""Older states are deleted: a reader that opened one before the last import is done with its query long since."""

Found = tuple[str, str, float]
"""(passage id, article id, cosine or BM25 score)."""


def connect(folder: Path) -> Any:
    import lancedb  # here, so that commands that do not search start without its 50 MB

    return lancedb.connect(folder)


def table_names(connection: Any) -> list[str]:
    return list(connection.list_tables(limit=10_000).tables)


class PassageTable:
    """One table at one version. Reading is safe from several threads."""

    def __init__(
        self, connection: Any, name: str, *, trained: int = 0, version: int | None = None, dimension: int | None = None
    ) -> None:
        """Opens ``name`` at ``version`` (None: the newest); with ``dimension`` it is made anew, empty."""
        if dimension is None:
            self._table = connection.open_table(name)
        else:
            self._table = connection.create_table(name, schema=arrow_schema(dimension))
        if version is not None:
            self._table.checkout(version)
        self.trained = trained
        """Passages that the vector index was made for; 0: there is none, every vector is compared."""

    @property
    def version(self) -> int:
        return int(self._table.version)

    def count(self) -> int:
        return int(self._table.count_rows())

    def nearest(self, vector: Vector, where: str, limit: int) -> list[Found]:
        """The nearest by cosine."""
        query = self._table.search(vector, vector_column_name="vector").distance_type("dot")
        query = query.nprobes(probes(self.trained))
        return [(passage, article, 1.0 - far) for passage, article, far in _run(query, where, limit, "_distance")]

    def matching(self, words: str, where: str, limit: int) -> list[Found]:
        """The best by BM25 for plain ``words``."""
        from lancedb.query import MatchQuery

        query = self._table.search(MatchQuery(words, "text"), query_type="fts")
        return _run(query, where, limit, "_score")

    def cosines(self, vector: Vector, passage_ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Passage id -> cosine of ``vector`` to the passage and to its article's title and summary."""
        query = self._table.search().where(one_of("passage_id", passage_ids)).limit(len(passage_ids))
        rows = query.select(["passage_id", "vector", "title_vector"]).to_arrow()
        if not rows.num_rows:
            return {}
        own, title = (_matrix(rows, name) @ vector for name in ("vector", "title_vector"))
        pairs = zip(own.tolist(), title.tolist(), strict=True)
        return dict(zip(rows["passage_id"].to_pylist(), pairs, strict=True))

    def article_hashes(self) -> dict[str, str]:
        rows = self._columns("article_id", "article_hash")
        return dict(zip(rows["article_id"].to_pylist(), rows["article_hash"].to_pylist(), strict=True))

    def vectors(self) -> tuple[list[str], list[str], Matrix]:
        """All (passage ids, article ids, vectors)."""
        rows = self._columns("passage_id", "article_id", "vector")
        return rows["passage_id"].to_pylist(), rows["article_id"].to_pylist(), _matrix(rows, "vector")

    def _columns(self, *names: str) -> pa.Table:
        return self._table.search().select(list(names)).limit(max(self.count(), 1)).to_arrow()

    def add_language(self, languages: Mapping[str, str]) -> None:
        """The column ``language`` for a table of format 1. ``languages``: article id -> code, of articles that name one."""
        self._table.restore()  # go on from the state that readers see: a killed import or upgrade may have left more
        self._table.add_columns({"language": "''"})
        for code in sorted(set(languages.values())):
            named = [article_id for article_id, own in languages.items() if own == code]
            for start in range(0, len(named), 1_000):
                where = one_of("article_id", named[start : start + 1_000])
                self._table.update(where=where, values={"language": code})

    def add(self, rows: pa.Table) -> None:
        self._table.add(rows)

    def replace(self, article_ids: Sequence[str], rows: pa.Table) -> None:
        """All passages of these articles by ``rows``, in one step: no reader finds an article without passages."""
        merge = self._table.merge_insert("passage_id").when_matched_update_all().when_not_matched_insert_all()
        merge.when_not_matched_by_source_delete(one_of("article_id", article_ids)).execute(rows)

    def delete(self, article_ids: Sequence[str]) -> None:
        self._table.delete(one_of("article_id", article_ids))

    def index(self) -> None:
        """Brings the full-text and vector index up to date, and merges the small files of the import."""
        rows = self.count()
        if rows == 0:
            return
        self._table.optimize(cleanup_older_than=_FOREVER)
        if not any(index.name == "text_idx" for index in self._table.list_indices()):
            self._first_indexes()
        if rows >= _EXACT_BELOW and rows > 2 * self.trained:  # new rows join the old partitions, which grow too coarse
            self._table.create_index("vector", config=_vector_index(rows))
            self.trained = rows

    def _first_indexes(self) -> None:
        from lancedb.index import FTS, BTree

        self._table.create_index("passage_id", config=BTree())
        self._table.create_index("text", config=FTS(language="English", stem=True, remove_stop_words=True))

    def tidy(self) -> None:
        """Deletes old states of the table from disk."""
        self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)


def partitions(rows: int) -> int:
    """Partitions of the vector index: about as many as rows in each, which balances the two halves of a search."""
    return max(16, round(math.sqrt(rows)))


def probes(rows: int) -> int:
    """Partitions that a search looks into: a quarter finds practically what comparing all would find."""
    return max(16, partitions(rows) // 4)


def _vector_index(rows: int) -> Any:
    from lancedb.index import IvfFlat, IvfSq

    kind = IvfFlat if rows < _FLAT_BELOW else IvfSq
    return kind(distance_type="dot", num_partitions=partitions(rows))


def _run(query: Any, where: str, limit: int, score: str) -> list[Found]:
    rows = query.where(where, prefilter=True).limit(limit).select(["passage_id", "article_id", score]).to_arrow()
    return list(zip(*(rows[name].to_pylist() for name in ("passage_id", "article_id", score)), strict=True))


def _matrix(rows: pa.Table, name: str) -> Matrix:
    """A column of vectors, shape (n, dimension)."""
    flat = rows[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(-1, rows.schema.field(name).type.list_size)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turns LanceDB's faults into ``IndexUnavailable``."""
    try:
        yield
    except _LANCE_FAULTS as error:
        raise IndexUnavailable(
            f"The search index in {folder} cannot be read: {_short(error)}.", remedy=REBUILD
        ) from error


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Turns LanceDB's faults into ``ImportFailed``; what readers see stays as it was."""
    try:
        yield
    except _LANCE_FAULTS as error:
        full = (
            getattr(error, "errno", None) == errno.ENOSPC
            or "No space left" in str(error)
            or "os error 28" in str(error)
        )
        if full:
            raise ImportFailed(
                f"The disk of {folder} is full.", remedy="Free some space, then import again."
            ) from error
        raise ImportFailed(
            f"The search index in {folder} cannot be written: {_short(error)}.",
            remedy="Check the disk and the folder's permissions, then import again.",
        ) from error


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
