"""The search index: passages by meaning and by words, in a folder.

Readers stay on the state that the manifest names, so they never see half an import. One writer at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kb import chunking
from kb.article import Visibility
from kb.errors import IndexUnavailable
from kb.lance import Found, PassageTable, connect, reading, storing, table_names
from kb.lock import single_writer
from kb.manifest import (
    REBUILD,
    SCHEMA_VERSION,
    WITHOUT_LANGUAGE,
    Manifest,
    check_manifest,
    read_manifest,
    write_manifest,
)
from kb.schema import Row, arrow_table, one_of, visible
from models.roles import Matrix, Vector

_MANIFEST = "index.json"
_LOCK = "writer.lock"


@dataclass(frozen=True, slots=True)
class _Snapshot:
    stamp: tuple[int, int]
    table: PassageTable


class LanceIndex:
    """Safe to call from several threads; sees what other processes import with their next search."""

    def __init__(self, path: Path, dimension: int, encoder_revision: str) -> None:
        self.path = path
        self._wanted = Manifest("", 0, dimension, encoder_revision, chunking.VERSION, 0)
        self._snapshot: _Snapshot | None = None
        self._opening = threading.Lock()

    def check(self) -> Manifest | None:
        """The manifest in use, None before the first import. Raises ``IndexMismatch`` or ``IndexUnavailable``."""
        manifest = read_manifest(self.path / _MANIFEST)
        if manifest:
            check_manifest(manifest, self._wanted)
        return manifest

    def nearest(self, vector: Vector, visibility: Visibility, limit: int) -> list[Found]:
        """The visible passages nearest in meaning, by cosine, best first."""
        table = self._current()
        if table is None:
            return []
        with reading(self.path):
            return table.nearest(vector, visible(visibility), limit)

    def matching(self, words: str, visibility: Visibility, limit: int, *, only: Sequence[str] = ()) -> list[Found]:
        """The visible passages that share the most telling words, by BM25, best first; with ``only``, of these alone.

        ``words`` is plain text without any syntax.
        """
        table = self._current()
        if table is None or not words.strip():
            return []
        where = visible(visibility)
        with reading(self.path):
            return table.matching(words, f"{where} AND {one_of('passage_id', only)}" if only else where, limit)

    def cosines(self, vector: Vector, passage_ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Passage id -> cosine of ``vector`` to the passage and to its article's title and summary."""
        table = self._current()
        if table is None or not passage_ids:
            return {}
        with reading(self.path):
            return table.cosines(vector, passage_ids)

    def article_hashes(self) -> dict[str, str]:
        """Article id -> hash of the article that its passages were made of."""
        table = self._current()
        if table is None:
            return {}
        with reading(self.path):
            return table.article_hashes()

    def vectors(self) -> tuple[list[str], list[str], Matrix]:
        """All (passage ids, article ids, vectors of shape (n, dimension)), for checks of the whole knowledge base."""
        table = self._current()
        if table is None:
            return [], [], np.empty((0, self._wanted.dimension), dtype=np.float32)
        with reading(self.path):
            return table.vectors()

    @contextmanager
    def writing(self, *, anew: bool = False) -> Iterator[IndexWriter]:
        """Changes that become visible together, when the block ends without a fault.

        ``anew`` fills a new table beside the present one, whatever made that one. Raises ``ImportBusy``,
        ``ImportFailed``, ``IndexMismatch``.
        """
        with storing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with single_writer(self.path / _LOCK):
            manifest = None if anew else self.check()
            with storing(self.path):
                writer = IndexWriter(self.path, manifest, self._wanted, previous=self._table_in_use())
            try:
                yield writer
                with storing(self.path):
                    write_manifest(self.path / _MANIFEST, writer.finish())
            except BaseException:
                writer.abandon()
                raise
            with storing(self.path):
                writer.tidy()

    def upgrade(self, languages: Callable[[], Mapping[str, str]]) -> bool:
        """Brings an index of format 1 to this version's in place, in seconds; true if it did. ``languages``: see ``PassageTable.add_language``.

        Readers go on with the state that they have open. Raises ``ImportBusy``, ``ImportFailed``, ``IndexUnavailable``.
        """
        path = self.path / _MANIFEST
        if not _is_old(read_manifest(path)):
            return False
        with single_writer(self.path / _LOCK):
            manifest = read_manifest(path)  # another process may have been first
            if manifest is None or not _is_old(manifest):
                return False
            with storing(self.path):
                table = _table(connect(self.path), manifest)
                table.add_language(languages())
                write_manifest(path, replace(manifest, version=table.version, schema=SCHEMA_VERSION))
        return True

    def _table_in_use(self) -> str:
        """Name of the table that readers use, whatever made it; a damaged manifest names none."""
        try:
            manifest = read_manifest(self.path / _MANIFEST)
        except IndexUnavailable:
            return ""
        return manifest.table if manifest else ""

    def _current(self) -> PassageTable | None:
        """The table as the manifest names it, opened again only when the manifest was replaced: one stat a search."""
        try:
            status = (self.path / _MANIFEST).stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_mtime_ns, status.st_ino)
        snapshot = self._snapshot
        if snapshot is None or snapshot.stamp != stamp:
            with self._opening:
                snapshot = self._snapshot = self._opened(stamp)
        return snapshot.table

    def _opened(self, stamp: tuple[int, int]) -> _Snapshot:
        if self._snapshot is not None and self._snapshot.stamp == stamp:
            return self._snapshot
        manifest = self.check()
        if manifest is None:
            raise IndexUnavailable(f"{self.path / _MANIFEST} is gone.", remedy=REBUILD)
        with reading(self.path):
            return _Snapshot(stamp, _table(connect(self.path), manifest))


class IndexWriter:
    """Changes the index; obtained from ``LanceIndex.writing``. Every call is one step that is whole or not at all."""

    def __init__(self, path: Path, manifest: Manifest | None, wanted: Manifest, *, previous: str) -> None:
        """``manifest`` names the table to go on with; None makes a new one. ``previous``: the table that readers use."""
        self._path = path
        self._wanted = wanted
        self._fresh = manifest is None
        self._previous = previous
        self._connection: Any = connect(path)
        self._name = manifest.table if manifest else _new_name(table_names(self._connection))
        self._table = PassageTable(
            self._connection,
            self._name,
            trained=manifest.trained if manifest else 0,
            dimension=None if manifest else wanted.dimension,
        )
        self.article_hashes: dict[str, str] = self._table.article_hashes()
        """What the newest state holds, also of an import that crashed before it became visible."""

    def put(self, rows: Sequence[Row], vectors: Matrix, title_vectors: Matrix) -> None:
        """Adds or replaces whole articles: ``rows`` holds every passage of each article in it.

        Row i of both matrices belongs to ``rows[i]``.
        """
        hashes = {row.article.id: row.article_hash for row in rows}
        known = [article_id for article_id in hashes if article_id in self.article_hashes]
        table = arrow_table(rows, vectors, title_vectors)
        with storing(self._path):
            if known:
                self._table.replace(known, table)
            else:
                self._table.add(table)
        self.article_hashes.update(hashes)

    def drop(self, article_ids: Sequence[str]) -> None:
        """Takes articles out of the index; unknown ids do no harm."""
        for start in range(0, len(article_ids), 1_000):
            with storing(self._path):
                self._table.delete(article_ids[start : start + 1_000])
        for article_id in article_ids:
            self.article_hashes.pop(article_id, None)

    def finish(self) -> Manifest:
        """Brings the indexes up to date; the manifest that shows the result."""
        self._table.index()
        table = self._table
        return replace(
            self._wanted, table=self._name, version=table.version, passages=table.count(), trained=table.trained
        )

    def abandon(self) -> None:
        """Removes what a failed rebuild wrote; a failed import's rows stay unseen and the next import goes on from them."""
        if self._fresh:
            with storing(self._path):
                self._connection.drop_table(self._name, ignore_missing=True)

    def tidy(self) -> None:
        """Frees the disk of states and tables that no reader uses any more.

        The table in use until now stays until the next import: a search may be reading it at this moment.
        """
        self._table.tidy()
        for name in table_names(self._connection):
            if name not in (self._name, self._previous):
                self._connection.drop_table(name, ignore_missing=True)


def _is_old(manifest: Manifest | None) -> bool:
    return manifest is not None and manifest.schema == WITHOUT_LANGUAGE


def _table(connection: Any, manifest: Manifest) -> PassageTable:
    return PassageTable(connection, manifest.table, trained=manifest.trained, version=manifest.version)


def _new_name(taken: Sequence[str]) -> str:
    numbers = [int(name.removeprefix("passages_")) for name in taken if name.removeprefix("passages_").isdigit()]
    return f"passages_{max(numbers, default=0) + 1}"
