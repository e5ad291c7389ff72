"""Articles and passages in SQL: the text that LanceDB can always be rebuilt from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import cast

from sqlalchemy import ColumnElement, and_, delete, null, or_, select, update
from sqlalchemy.orm import Session

from appliance.store.database import Database
from appliance.store.tables import ArticleRow, PassageRow
from kb.article import Article, Audience, Passage, Suspicion, Visibility, stamp

_CHUNK = 500  # SQLite bounds the variables of one statement
_HELD: ColumnElement[bool] = ArticleRow.held.is_not(null())


class SqlArticles:
    """The ``ArticleRepository`` of the knowledge base, on the appliance's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hashes(self) -> dict[str, tuple[str, str]]:
        with self._database.read() as session:
            rows = session.execute(select(ArticleRow.id, ArticleRow.content_hash, ArticleRow.source))
            return {article_id: (content_hash, source) for article_id, content_hash, source in rows}

    def stamps(self) -> dict[str, str]:
        released = and_(_HELD, ArticleRow.approved_hash == ArticleRow.content_hash)
        with self._database.read() as session:
            rows = session.execute(select(ArticleRow.id, ArticleRow.content_hash, released))
            return {article_id: stamp(content, released=bool(was)) for article_id, content, was in rows}

    def save(self, batch: Sequence[tuple[Article, Sequence[Passage]]]) -> None:
        ids = [article.id for article, _ in batch]
        with self._database.write() as session:
            approved = _approved_hashes(session, ids)
            _remove(session, ids)
            session.add_all([_article_row(article, approved.get(article.id, "")) for article, _ in batch])
            session.flush()
            session.add_all([_passage_row(passage) for _, passages in batch for passage in passages])

    def remove(self, article_ids: Iterable[str]) -> None:
        with self._database.write() as session:
            _remove(session, list(article_ids))

    def approve(self, article_ids: Iterable[str]) -> None:
        with self._database.write() as session:
            for chunk in _chunks(list(article_ids)):
                chosen = update(ArticleRow).where(ArticleRow.id.in_(chunk), _HELD)
                session.execute(chosen.values(approved_hash=ArticleRow.content_hash))

    def held(self) -> list[Article]:
        waiting = and_(_HELD, ArticleRow.approved_hash != ArticleRow.content_hash)
        with self._database.read() as session:
            return [_article(row) for row in session.scalars(select(ArticleRow).where(waiting).order_by(ArticleRow.id))]

    def get(self, article_id: str) -> Article | None:
        with self._database.read() as session:
            row = session.get(ArticleRow, article_id)
            return _article(row) if row else None

    def every(self) -> Iterator[tuple[Article, tuple[Passage, ...]]]:
        with self._database.read() as session:
            ids = list(session.scalars(select(ArticleRow.id).order_by(ArticleRow.id)))
        for chunk in _chunks(ids):
            yield from self._whole(chunk)

    def several(self, article_ids: Sequence[str]) -> list[tuple[Article, tuple[Passage, ...]]]:
        return [whole for chunk in _chunks(article_ids) for whole in self._whole(chunk)]

    def passages(self, passage_ids: Sequence[str]) -> dict[str, tuple[Passage, Article]]:
        found: dict[str, tuple[Passage, Article]] = {}
        with self._database.read() as session:
            for chunk in _chunks(passage_ids):
                query = (
                    select(PassageRow, ArticleRow)
                    .join(ArticleRow, PassageRow.article_id == ArticleRow.id)
                    .where(PassageRow.id.in_(chunk))
                )
                found |= {
                    passage.id: (_passage(passage), _article(article)) for passage, article in session.execute(query)
                }
        return found

    def named_languages(self) -> dict[str, str]:
        """Article id -> language, of those that name one."""
        with self._database.read() as session:
            rows = session.execute(select(ArticleRow.id, ArticleRow.language).where(ArticleRow.language != ""))
            return {row.id: row.language for row in rows}

    def languages(self, visibility: Visibility) -> frozenset[str]:
        """Languages in which at least one article may be seen; ``""`` stands for articles that name none."""
        query = (
            select(ArticleRow.language)
            .distinct()
            .where(
                ArticleRow.approved,
                or_(ArticleRow.held.is_(null()), ArticleRow.approved_hash == ArticleRow.content_hash),
                ArticleRow.audience.in_(sorted(visibility.audiences)),
                or_(ArticleRow.valid_from.is_(None), ArticleRow.valid_from <= visibility.today),
                or_(ArticleRow.valid_until.is_(None), ArticleRow.valid_until >= visibility.today),
            )
        )
        with self._database.read() as session:
            return frozenset(session.scalars(query))

    def count(self) -> tuple[int, int]:
        """(articles, passages)."""
        with self._database.read() as session:
            return session.query(ArticleRow).count(), session.query(PassageRow).count()

    def _whole(self, ids: Sequence[str]) -> Iterator[tuple[Article, tuple[Passage, ...]]]:
        with self._database.read() as session:
            articles = session.scalars(select(ArticleRow).where(ArticleRow.id.in_(ids)).order_by(ArticleRow.id)).all()
            passages: dict[str, list[Passage]] = {}
            for row in session.scalars(
                select(PassageRow)
                .where(PassageRow.article_id.in_(ids))
                .order_by(PassageRow.article_id, PassageRow.ordinal)
            ):
                passages.setdefault(row.article_id, []).append(_passage(row))
            whole = [(_article(row), tuple(passages.get(row.id, ()))) for row in articles]
        yield from whole


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _remove(session: Session, ids: Sequence[str]) -> None:
    for chunk in _chunks(ids):
        session.execute(delete(PassageRow).where(PassageRow.article_id.in_(chunk)))
        session.execute(delete(ArticleRow).where(ArticleRow.id.in_(chunk)))


def _approved_hashes(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Article id -> the content that an author approved: whatever replaces it, that word stands for that content alone."""
    found: dict[str, str] = {}
    for chunk in _chunks(ids):
        rows = session.execute(
            select(ArticleRow.id, ArticleRow.approved_hash).where(
                ArticleRow.id.in_(chunk), ArticleRow.approved_hash != ""
            )
        )
        found |= {row.id: row.approved_hash for row in rows}
    return found


def _article_row(article: Article, approved_hash: str) -> ArticleRow:
    return ArticleRow(
        id=article.id,
        title=article.title,
        text=article.text,
        summary=article.summary,
        url=article.url,
        intents=list(article.intents),
        audience=article.audience,
        owner=article.owner,
        review_by=article.review_by,
        valid_from=article.valid_from,
        valid_until=article.valid_until,
        approved=article.approved,
        language=article.language,
        source=article.source,
        content_hash=article.content_hash(),
        held=[asdict(one) for one in article.held] or None,
        approved_hash=approved_hash,
    )


def _article(row: ArticleRow) -> Article:
    return Article(
        id=row.id,
        title=row.title,
        text=row.text,
        summary=row.summary,
        url=row.url,
        intents=tuple(row.intents),
        audience=cast("Audience", row.audience),
        owner=row.owner,
        review_by=row.review_by,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        approved=row.approved,
        language=row.language,
        source=row.source,
        held=tuple(Suspicion(**one) for one in row.held or ()),
        cleared=row.approved_hash == row.content_hash,
    )


def _passage_row(passage: Passage) -> PassageRow:
    return PassageRow(
        id=passage.id,
        article_id=passage.article_id,
        ordinal=passage.ordinal,
        heading=passage.heading,
        text=passage.text,
    )


def _passage(row: PassageRow) -> Passage:
    return Passage(id=row.id, article_id=row.article_id, ordinal=row.ordinal, heading=row.heading, text=row.text)
