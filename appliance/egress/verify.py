"""Is the ledger as it was written? Offline and read-only: what was changed, deleted, moved, cut off or put in place of it is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from appliance.egress.anchor import Anchor
from appliance.egress.chain import GENESIS, columns_agree, facts, link_hash
from appliance.store.ledger import Link, SqlLedger

What = Literal["changed", "missing", "moved", "cut", "rewritten", "anchor_missing"]
_MOST = 20
"""Breaks that are named; the first one is the one that matters."""


@dataclass(frozen=True, slots=True)
class Break:
    """``sequence`` is the row at which it shows."""

    sequence: int
    what: What
    detail: str


@dataclass(slots=True)
class Report:
    """``anchored`` is the newest row that the anchor knows; it may lag behind ``rows`` after a crash, and never be ahead."""

    rows: int = 0
    last_sequence: int = 0
    last_hash: str = GENESIS
    anchored: int = 0
    anchor: str = ""
    torn_marks: int = 0
    breaks: list[Break] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.breaks

    def found(self, sequence: int, what: What, detail: str) -> None:
        if len(self.breaks) < _MOST:
            self.breaks.append(Break(sequence, what, detail))


def verify(ledger: SqlLedger | None, anchor: Anchor) -> Report:
    """Read the whole chain and every mark. No ledger: there is no database, which must fit the anchor too. Raises ``StorageFailed``."""
    report = Report(anchor=str(anchor.path))
    marks = _marks(anchor, report)  # before the rows: a row written meanwhile is known to the database first
    if ledger is not None and ledger.exists():
        with ledger.reading() as book:
            _walk(book.every(), marks, report)
    _tail(marks, report)
    return report


def _marks(anchor: Anchor, report: Report) -> dict[int, set[str]] | None:
    """Hashes by sequence; None without a file."""
    if not anchor.exists():
        return None
    found: dict[int, set[str]] = {}
    for mark in anchor.marks():
        if mark is None:
            report.torn_marks += 1
        else:
            found.setdefault(mark.sequence, set()).add(mark.hash)
    report.anchored = max(found, default=0)
    return found


def _walk(links: Iterator[Link], marks: dict[int, set[str]] | None, report: Report) -> None:
    for link in links:
        gap = link.sequence - report.last_sequence - 1
        if gap:
            missing = (
                f"row {report.last_sequence + 1}"
                if gap == 1
                else f"rows {report.last_sequence + 1} to {link.sequence - 1}"
            )
            report.found(report.last_sequence + 1, "missing", f"{missing}: deleted from the database")
        _look_at(link, report.last_hash if not gap else None, report)
        marked = marks.pop(link.sequence, None) if marks else None
        if marked and marked != {link.hash}:
            report.found(
                link.sequence, "rewritten", "the anchor knows this row with another hash: the chain was made anew"
            )
        report.rows += 1
        report.last_sequence, report.last_hash = link.sequence, link.hash


def _look_at(link: Link, before: str | None, report: Report) -> None:
    """One row by itself and as the continuation of the one ``before``."""
    for what, detail in _faults(link, before):
        report.found(link.sequence, what, detail)
        return


def _faults(link: Link, before: str | None) -> Iterator[tuple[What, str]]:
    if _sequence(link) not in (None, link.sequence):
        yield "moved", f"the row in this place was written as row {_sequence(link)}: rows were swapped"
    if not link.body.isascii() or link_hash(link.previous, link.body) != link.hash:
        yield "changed", "its hash is not that of its content"
    if not columns_agree(link):
        yield "changed", "its columns do not say what its content says"
    if before is not None and link.previous != before:
        yield "changed", "it does not continue the row before"


def _sequence(link: Link) -> int | None:
    try:
        said = facts(link).get("sequence")
    except ValueError:
        return None
    return said if isinstance(said, int) else None


def _tail(marks: dict[int, set[str]] | None, report: Report) -> None:
    if marks is None:
        if report.rows:
            report.found(
                report.rows, "anchor_missing", f"there is no anchor file {report.anchor}, and the ledger has rows"
            )
        return
    if marks.pop(0, {GENESIS}) != {GENESIS}:
        report.found(0, "rewritten", "the anchor does not begin with the empty ledger")
    ahead = [sequence for sequence in marks if sequence > report.last_sequence]
    if ahead:
        report.found(
            report.last_sequence + 1,
            "cut",
            f"the anchor is ahead: it knows row {max(ahead)}, the ledger ends with row {report.last_sequence}. "
            "Rows were cut off, or an older copy of the database stands in its place",
        )
