"""Rows of the search index: what LanceDB holds of a passage, and who may see it.

Only articles get here, never customers' words: LanceDB keeps deleted text on disk until a table is rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from kb.article import AUDIENCES, Article, Passage, Visibility
from models.roles import Matrix

_EVER = -(2**31)
_FOREVER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One passage to be indexed. ``article_hash`` is the article's ``stamp``: it tells whether the index still matches SQL."""

    passage: Passage
    article: Article
    article_hash: str


def arrow_schema(dimension: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("passage_id", pa.string(), nullable=False),
            pa.field("article_id", pa.string(), nullable=False),
            pa.field("article_hash", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("audience", pa.string(), nullable=False),
            pa.field("approved", pa.bool_(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("valid_from", pa.int32(), nullable=False),
            pa.field("valid_until", pa.int32(), nullable=False),
            pa.field("intents", pa.list_(pa.string()), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            pa.field("title_vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )


def title_text(article: Article) -> str:
    """What the title vector is made of: what the author says the article is about."""
    return f"{article.title}\n{article.summary}".strip()


def arrow_table(rows: Sequence[Row], vectors: Matrix, title_vectors: Matrix) -> pa.Table:
    """Both matrices: shape (len(rows), dimension), row i belongs to ``rows[i]``."""
    columns = {
        "passage_id": [row.passage.id for row in rows],
        "article_id": [row.article.id for row in rows],
        "article_hash": [row.article_hash for row in rows],
        "text": [_words(row) for row in rows],
        "audience": [row.article.audience for row in rows],
        "approved": [row.article.usable for row in rows],
        "language": [row.article.language for row in rows],
        "valid_from": [_day(row.article.valid_from, _EVER) for row in rows],
        "valid_until": [_day(row.article.valid_until, _FOREVER) for row in rows],
        "intents": [list(row.article.intents) for row in rows],
        "vector": _vectors(vectors),
        "title_vector": _vectors(title_vectors),
    }
    return pa.Table.from_pydict(columns, schema=arrow_schema(vectors.shape[1]))


def _words(row: Row) -> str:
    """What BM25 reads. The title counts twice, and the summary with every passage: measured better than separate columns."""
    article = row.article
    return "\n".join((article.title, article.title, article.summary, row.passage.heading, row.passage.text))


def _vectors(matrix: Matrix) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1), pa.float32()), matrix.shape[1])


def visible(visibility: Visibility) -> str:
    """The filter that is applied before ranking. Built of known words, numbers and quoted values only, so nothing can be injected."""
    audiences = ", ".join(f"'{name}'" for name in AUDIENCES if name in visibility.audiences)
    if not audiences:
        return "false"
    today = visibility.today.toordinal()
    spoken = f" AND {one_of('language', sorted(visibility.languages))}" if visibility.languages else ""
    return f"audience IN ({audiences}) AND approved AND valid_from <= {today} AND valid_until >= {today}{spoken}"


def one_of(column: str, values: Sequence[str]) -> str:
    """``column IN (…)`` with every value quoted as SQL quotes it. ``column`` is a name of the schema."""
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({quoted})" if quoted else "false"


def _day(day: date | None, default: int) -> int:
    return default if day is None else day.toordinal()
