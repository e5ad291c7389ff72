"""A small real repository of articles on SQLite, and a weightless encoder, for tests of the knowledge base alone."""

from __future__ import annotations

import hashlib
import pickle
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kb.article import Article, Passage, stamp
from models.roles import Matrix


class Shelf:
    """``ArticleRepository`` in one SQLite file; one connection a call, so threads do not matter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._connect() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS articles (id TEXT PRIMARY KEY, hash TEXT, source TEXT, value BLOB, approved TEXT DEFAULT '')"
            )
            db.execute("CREATE TABLE IF NOT EXISTS passages (id TEXT PRIMARY KEY, article_id TEXT, n INT, value BLOB)")
            db.execute("CREATE INDEX IF NOT EXISTS by_article ON passages (article_id)")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path)

    def hashes(self) -> dict[str, tuple[str, str]]:
        with self._connect() as db:
            return {row[0]: (row[1], row[2]) for row in db.execute("SELECT id, hash, source FROM articles")}

    def stamps(self) -> dict[str, str]:
        every = [article for article, _ in self.every()]
        return {one.id: stamp(one.content_hash(), released=bool(one.held) and one.cleared) for one in every}

    def approve(self, article_ids: Iterable[str]) -> None:
        with self._connect() as db:
            db.executemany("UPDATE articles SET approved = hash WHERE id = ?", [(one,) for one in article_ids])

    def held(self) -> list[Article]:
        return sorted((article for article, _ in self.every() if article.waiting), key=lambda one: one.id)

    def save(self, batch: Sequence[tuple[Article, Sequence[Passage]]]) -> None:
        with self._connect() as db:
            for article, passages in batch:
                db.execute("DELETE FROM passages WHERE article_id = ?", (article.id,))
                db.execute(
                    "INSERT INTO articles VALUES (?, ?, ?, ?, '') ON CONFLICT DO UPDATE SET hash = excluded.hash, "
                    "source = excluded.source, value = excluded.value",
                    (article.id, article.content_hash(), article.source, pickle.dumps(article)),
                )
                db.executemany(
                    "INSERT INTO passages VALUES (?, ?, ?, ?)",
                    [(p.id, article.id, p.ordinal, pickle.dumps(p)) for p in passages],
                )

    def remove(self, article_ids: Iterable[str]) -> None:
        ids = [(article_id,) for article_id in article_ids]
        with self._connect() as db:
            db.executemany("DELETE FROM passages WHERE article_id = ?", ids)
            db.executemany("DELETE FROM articles WHERE id = ?", ids)

    def get(self, article_id: str) -> Article | None:
        found = self.several([article_id])
        return found[0][0] if found else None

    def several(self, article_ids: Sequence[str]) -> list[tuple[Article, tuple[Passage, ...]]]:
        with self._connect() as db:
            return [pair for article_id in article_ids for pair in self._one(db, article_id)]

    def every(self) -> Iterator[tuple[Article, tuple[Passage, ...]]]:
        yield from self.several(list(self.hashes()))

    def passages(self, passage_ids: Sequence[str]) -> dict[str, tuple[Passage, Article]]:
        marks = ",".join("?" * len(passage_ids))
        query = f"SELECT p.id, p.value, a.value, a.approved FROM passages p JOIN articles a ON a.id = p.article_id WHERE p.id IN ({marks})"
        with self._connect() as db:
            return {row[0]: (pickle.loads(row[1]), _cleared(row[2], row[3])) for row in db.execute(query, passage_ids)}

    def _one(self, db: sqlite3.Connection, article_id: str) -> Iterator[tuple[Article, tuple[Passage, ...]]]:
        row = db.execute("SELECT value, approved FROM articles WHERE id = ?", (article_id,)).fetchone()
        if row:
            found = db.execute("SELECT value FROM passages WHERE article_id = ? ORDER BY n", (article_id,))
            yield _cleared(*row), tuple(pickle.loads(value) for (value,) in found)


def _cleared(value: bytes, approved: str) -> Article:
    article: Article = pickle.loads(value)
    return replace(article, cleared=approved == article.content_hash())


class WordEncoder:
    """Texts that share words are near: each word is a fixed random direction. ``calls`` counts the texts encoded."""

    def __init__(self, revision: str = "words-1", dimension: int = 64) -> None:
        self.revision = revision
        self.dimension = dimension
        self.calls = 0

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.calls += len(texts)
        rows = [sum((self._word(word) for word in re.findall(r"\w+", text.lower())), self._word("")) for text in texts]
        matrix = np.asarray(rows, dtype=np.float32).reshape(len(texts), self.dimension)
        return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)

    def _word(self, word: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        return np.random.default_rng(seed).standard_normal(self.dimension)
