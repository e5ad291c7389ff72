"""The egress ledger's rows: appended one writer at a time, read in order, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from appliance.store.database import Database
from appliance.store.tables import EgressRow

_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Link:
    """One row. ``body`` is canonical JSON; ``hash`` covers it and ``previous``.

    ``money_micros`` (millionths of the currency) and ``tokens`` are what the row adds to its ``budget_day``; a row that ``settles`` another corrects what that one reserved.
    """

    sequence: int
    kind: str
    settles: int | None
    at: datetime
    budget_day: str
    money_micros: int
    tokens: int
    body: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Spent:
    """Money in millionths of the currency; tokens in and out together."""

    money_micros: int = 0
    tokens: int = 0


class LedgerReader:
    """Questions to the ledger within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def last(self, kind: str | None = None) -> Link | None:
        query = select(EgressRow).order_by(EgressRow.sequence.desc()).limit(1)
        row = self._session.scalar(query if kind is None else query.where(EgressRow.kind == kind))
        return _link(row) if row else None

    def at(self, sequence: int) -> Link | None:
        row = self._session.get(EgressRow, sequence)
        return _link(row) if row else None

    def of(self, sequence: int) -> list[Link]:
        """What settles that row, oldest first."""
        query = select(EgressRow).where(EgressRow.settles == sequence).order_by(EgressRow.sequence)
        return [_link(row) for row in self._session.scalars(query)]

    def spent(self, first_day: str, last_day: str) -> Spent:
        """Reserved and settled of these days, both included (``2026-11-28``)."""
        query = select(
            func.coalesce(func.sum(EgressRow.money_micros), 0), func.coalesce(func.sum(EgressRow.tokens), 0)
        ).where(EgressRow.budget_day >= first_day, EgressRow.budget_day <= last_day)
        money, tokens = self._session.execute(query).one()
        return Spent(int(money), int(tokens))

    def unsettled(self) -> list[Link]:
        """Rows that left and of which nobody has said what became of them."""
        settled = select(EgressRow.settles).where(EgressRow.settles.is_not(None))
        query = select(EgressRow).where(EgressRow.kind == "left", EgressRow.sequence.not_in(settled))
        return [_link(row) for row in self._session.scalars(query.order_by(EgressRow.sequence))]

    def every(self, *, since: datetime | None = None, kinds: Sequence[str] = ()) -> Iterator[Link]:
        """In order of sequence, a thousand at a time."""
        after = 0
        while True:
            query = select(EgressRow).where(EgressRow.sequence > after).order_by(EgressRow.sequence).limit(_CHUNK)
            if since is not None:
                query = query.where(EgressRow.at >= since)
            if kinds:
                query = query.where(EgressRow.kind.in_(kinds))
            links = [_link(row) for row in self._session.scalars(query)]
            yield from links
            if len(links) < _CHUNK:
                return
            after = links[-1].sequence
            self._session.expunge_all()


class LedgerWriter(LedgerReader):
    """The same, by the only writer there is at this moment."""

    def add(self, link: Link) -> None:
        self._session.add(
            EgressRow(
                sequence=link.sequence,
                kind=link.kind,
                settles=link.settles,
                at=link.at,
                budget_day=link.budget_day,
                money_micros=link.money_micros,
                tokens=link.tokens,
                body=link.body,
                previous=link.previous,
                hash=link.hash,
            )
        )
        self._session.flush()


class SqlLedger:
    """The ledger in the appliance's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def reading(self) -> Iterator[LedgerReader]:
        """One snapshot."""
        with self._database.read() as session:
            yield LedgerReader(session)

    @contextmanager
    def writing(self) -> Iterator[LedgerWriter]:
        """One transaction, in which nobody else can append. Committed at its end, or nothing of it is kept."""
        with self._database.write() as session:  # SQLite: BEGIN IMMEDIATE
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("LOCK TABLE egress_ledger IN EXCLUSIVE MODE"))  # readers go on
            yield LedgerWriter(session)

    def exists(self) -> bool:
        """False in a database that an older version has made and nobody has upgraded."""
        with self._database.read() as session:
            return inspect(session.connection()).has_table(EgressRow.__tablename__)


def _link(row: EgressRow) -> Link:
    return Link(
        row.sequence,
        row.kind,
        row.settles,
        row.at,
        row.budget_day,
        row.money_micros,
        row.tokens,
        row.body,
        row.previous,
        row.hash,
    )
