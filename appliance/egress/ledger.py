"""The egress ledger: what left, what became of it, and every turn of the kill switch, in one chain with an anchor.

Nothing of the payload stands in it: only its size and its hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.egress.anchor import Anchor, Mark
from appliance.egress.chain import GENESIS, as_written, facts, instant, next_link
from appliance.errors import LedgerBroken
from appliance.store.database import Database
from appliance.store.ledger import LedgerReader, LedgerWriter, Link, SqlLedger

_CHANGED = "changed afterwards"
"""In the place of what a damaged row says; `egress verify` has the details."""
_REMEDY = "Run `appliance egress verify`; docs/egress.md says what to do then."


@dataclass(slots=True)
class Page:
    """One transaction of the ledger. What is added is committed together, at its end."""

    book: LedgerWriter
    last: Link | None
    now: datetime
    added: list[Link] = field(default_factory=list)

    def add(
        self,
        kind: str,
        said: Mapping[str, Any],
        *,
        settles: int | None = None,
        budget_day: str = "",
        money_micros: int = 0,
        tokens: int = 0,
    ) -> Link:
        """Append one row to the chain."""
        link = next_link(
            self.last,
            kind,
            said,
            at=self.now,
            settles=settles,
            budget_day=budget_day,
            money_micros=money_micros,
            tokens=tokens,
        )
        self.book.add(link)
        self.last = link
        self.added.append(link)
        return link


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row that left. ``tokens`` None: the provider did not say, so what was reserved stays spent."""

    status: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    money_micros: int | None = None
    duration_ms: int = 0
    fault: str = ""


class Ledger:
    """Appends in order, and marks every committed row in the anchor."""

    def __init__(self, database: Database, anchor: Path, *, now: Callable[[], datetime]) -> None:
        self.rows = SqlLedger(database)
        self.anchor = Anchor(anchor)
        self._now = now

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Write rows: committed, then anchored. Raises ``LedgerBroken`` before anything is written when the anchor does not fit, and ``StorageFailed``.

        When only the anchor cannot be written the rows stay and the anchor lags, which is no break; the caller still sees the fault.
        """
        with self.rows.writing() as book:
            page = Page(book, book.last(), self._now())
            self._check(book, page.last)
            yield page
        if page.added:
            self.anchor.note(*(Mark(link.sequence, link.hash) for link in page.added))

    @contextmanager
    def reading(self) -> Iterator[LedgerReader]:
        with self.rows.reading() as book:
            yield book

    def settle(self, sequence: int, outcome: Outcome) -> None:
        """Write down what became of a row that left. A later word on the same row corrects an earlier one."""
        with self.page() as page:
            left = page.book.at(sequence)
            if left is None or left.kind != "left":
                raise LedgerBroken(f"The egress ledger has no row {sequence} that left.", remedy=_REMEDY)
            _settle(page, left, outcome)

    def settle_unknown(self) -> int:
        """After a crash: rows of which nobody knows what became of them. What they reserved stays spent. Returns how many."""
        with self.reading() as book:
            if not book.unsettled():
                return 0
        with self.page() as page:
            left = page.book.unsettled()
            for link in left:
                _settle(page, link, Outcome("unknown"))
            return len(left)

    def _check(self, book: LedgerReader, last: Link | None) -> None:
        """The newest mark is a row of this ledger."""
        if not self.anchor.exists():
            if last is not None:
                raise LedgerBroken(
                    f"The egress ledger has {last.sequence} rows and its anchor {self.anchor.path} is missing.",
                    remedy=_REMEDY,
                )
            self.anchor.begin()
            return
        mark = self.anchor.last()
        if mark is None:
            raise LedgerBroken(f"The anchor {self.anchor.path} holds no mark.", remedy=_REMEDY)
        known = Mark(0, GENESIS) if mark.sequence == 0 else _mark_of(book.at(mark.sequence))
        if known != mark:
            raise LedgerBroken(
                f"The anchor {self.anchor.path} knows a row {mark.sequence} that is not in the egress ledger.",
                remedy=_REMEDY,
            )


def _mark_of(link: Link | None) -> Mark | None:
    return Mark(link.sequence, link.hash) if link else None


def _settle(page: Page, left: Link, outcome: Outcome) -> None:
    """The difference to what the row and earlier words on it have already spent, so that their sum is what it cost."""
    earlier = [left, *page.book.of(left.sequence)]
    money, tokens = sum(one.money_micros for one in earlier), sum(one.tokens for one in earlier)
    counted = outcome.tokens_in is not None and outcome.tokens_out is not None
    cost = money if outcome.money_micros is None else outcome.money_micros
    said = {
        "status": outcome.status,
        "tokens_in": outcome.tokens_in,
        "tokens_out": outcome.tokens_out,
        "cost_micros": cost,
        "duration_ms": outcome.duration_ms,
        "fault": outcome.fault,
    }
    page.add(
        "outcome",
        said,
        settles=left.sequence,
        budget_day=left.budget_day,
        money_micros=cost - money,
        tokens=(outcome.tokens_in or 0) + (outcome.tokens_out or 0) - tokens if counted else 0,
    )


def departures(book: LedgerReader, since: datetime | None = None) -> list[dict[str, Any]]:
    """Rows that left, oldest first, each with the latest word on what became of it. Money in units of the currency."""
    outcomes: dict[int, dict[str, Any]] = {}
    left: list[Link] = []
    for link in book.every(since=since, kinds=("left", "outcome")):
        if link.kind == "left":
            left.append(link)
        elif link.settles is not None:
            outcomes[link.settles] = facts(link) if as_written(link) else {"status": _CHANGED}
    return [_departure(link, outcomes.get(link.sequence)) for link in left]


def _departure(link: Link, outcome: Mapping[str, Any] | None) -> dict[str, Any]:
    own = {"kind", "settles", "money_micros", "tokens", "budget_day"}
    whole = facts(link) if as_written(link) else _changed(link)
    said = {name: value for name, value in whole.items() if name not in own}
    ended = outcome or {}
    cost = ended.get("cost_micros")
    return {
        "sequence": said.pop("sequence"),
        "at": said.pop("at"),
        **said,
        "reserved_money": link.money_micros / 1e6,
        "reserved_tokens": link.tokens,
        "status": ended.get("status", "open"),
        "tokens_in": ended.get("tokens_in"),
        "tokens_out": ended.get("tokens_out"),
        "money": None if cost is None else cost / 1e6,
        "duration_ms": ended.get("duration_ms"),
        "fault": ended.get("fault", ""),
        "hash": link.hash,
    }


def _changed(link: Link) -> dict[str, Any]:
    """In the place of a row that somebody has changed: nothing that it says now can be believed."""
    words = ("conversation_id", "message_id", "purpose", "occasion", "intent", "host", "model", "sha256")
    return {
        "sequence": link.sequence,
        "at": instant(link.at),
        "rule": _CHANGED,
        "bytes": 0,
        "masked": {},
        **dict.fromkeys(words, ""),
    }
