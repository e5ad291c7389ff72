"""The ledger: appended in one chain, settled by rows of its own, refused to be changed by the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ledger_parts import LEFT, filled, open_ledger
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from appliance.egress.anchor import Anchor, Mark
from appliance.egress.chain import GENESIS
from appliance.egress.ledger import Ledger, Outcome, departures
from appliance.egress.switch import KillSwitch
from appliance.egress.verify import verify
from appliance.errors import Conflict, LedgerBroken, StorageFailed
from appliance.store.database import Database
from appliance.store.ledger import Spent


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Ledger]:
    yield open_ledger(tmp_path, database)


def spent(ledger: Ledger) -> Spent:
    with ledger.reading() as book:
        return book.spent("2026-06-01", "2026-06-30")


def test_an_empty_ledger_is_intact_with_and_without_its_anchor(ledger: Ledger) -> None:
    assert verify(ledger.rows, ledger.anchor).intact
    ledger.anchor.begin()
    assert verify(ledger.rows, ledger.anchor).intact


def test_rows_continue_one_another_and_the_anchor_knows_each(ledger: Ledger) -> None:
    filled(ledger)
    report = verify(ledger.rows, ledger.anchor)
    assert (report.intact, report.rows, report.anchored) == (True, 6, 6)
    with ledger.reading() as book:
        links = list(book.every())
    assert [link.previous for link in links] == [GENESIS, *(link.hash for link in links[:-1])]
    assert list(ledger.anchor.marks()) == [Mark(0, GENESIS), *(Mark(link.sequence, link.hash) for link in links)]


def test_a_departure_shows_what_left_and_what_it_cost_and_no_words(ledger: Ledger) -> None:
    filled(ledger, rows=1)
    with ledger.reading() as book:
        [row] = departures(book)
    assert row["sha256"] == LEFT["sha256"]
    assert row["masked"] == {"EMAIL": 1}
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("ok", 40, 10)
    assert (row["reserved_money"], row["money"]) == (0.0005, 0.00012)


def test_settling_gives_back_what_was_not_used(ledger: Ledger) -> None:
    with ledger.page() as page:
        left = page.add("left", LEFT, budget_day="2026-06-01", money_micros=500, tokens=100)
    assert spent(ledger) == Spent(500, 100)
    ledger.settle(left.sequence, Outcome("ok", 40, 10, 120))
    assert spent(ledger) == Spent(120, 50)


def test_what_became_of_a_row_after_a_crash_is_unknown_and_stays_spent_until_it_is_known(ledger: Ledger) -> None:
    with ledger.page() as page:
        left = page.add("left", LEFT, budget_day="2026-06-01", money_micros=500, tokens=100)
    assert ledger.settle_unknown() == 1
    assert ledger.settle_unknown() == 0
    assert spent(ledger) == Spent(500, 100)
    ledger.settle(left.sequence, Outcome("ok", 40, 10, 120))  # another process was alive after all
    assert spent(ledger) == Spent(120, 50)
    with ledger.reading() as book:
        assert [row["status"] for row in departures(book)] == ["ok"]


def test_only_rows_that_left_can_be_settled(ledger: Ledger) -> None:
    filled(ledger, rows=1)
    for sequence in (2, 9):
        with pytest.raises(LedgerBroken):
            ledger.settle(sequence, Outcome("ok"))


@pytest.mark.parametrize("statement", ["UPDATE egress_ledger SET body = '{}'", "DELETE FROM egress_ledger"])
def test_the_database_itself_refuses_to_change_a_row(ledger: Ledger, database: Database, statement: str) -> None:
    filled(ledger, rows=1)
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text(statement))
    assert verify(ledger.rows, ledger.anchor).rows == 2


def test_postgresql_refuses_to_empty_the_table(ledger: Ledger, database: Database) -> None:
    if not database.url.startswith("postgresql"):
        return  # SQLite has no TRUNCATE
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text("TRUNCATE egress_ledger"))


def test_threads_side_by_side_make_one_chain(ledger: Ledger) -> None:
    def turn(_: int) -> None:
        filled(ledger, rows=1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(turn, range(24)))
    report = verify(ledger.rows, ledger.anchor)
    assert (report.intact, report.rows) == (True, 48)
    assert spent(ledger) == Spent(24 * 120, 24 * 50)


def test_a_page_that_fails_leaves_nothing_behind(ledger: Ledger) -> None:
    filled(ledger, rows=1)
    with pytest.raises(RuntimeError), ledger.page() as page:
        page.add("left", LEFT)
        raise RuntimeError
    report = verify(ledger.rows, ledger.anchor)
    assert (report.intact, report.rows, report.anchored) == (True, 2, 2)


def test_an_anchor_that_cannot_be_written_is_a_fault_and_no_break(sqlite: Database, tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, sqlite)
    filled(ledger, rows=1)
    before = ledger.anchor.path.read_bytes()
    ledger.anchor = Unwritable(ledger.anchor.path)
    with pytest.raises(StorageFailed), ledger.page() as page:
        page.add("left", LEFT)
    assert ledger.anchor.path.read_bytes() == before
    report = verify(ledger.rows, Anchor(ledger.anchor.path))
    assert (report.intact, report.rows, report.anchored) == (True, 3, 2)


class Unwritable(Anchor):
    """On a disk that is full."""

    def note(self, *marks: Mark) -> None:
        raise StorageFailed("No space is left.")


def test_nothing_is_added_to_a_ledger_that_does_not_fit_its_anchor(sqlite: Database, tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, sqlite)
    filled(ledger, rows=1)
    kept = ledger.anchor.path.read_bytes()
    for wrong in (None, b"", b"nonsense\n", kept + b'{"sequence": 9, "hash": "00"}\n'):
        ledger.anchor.path.unlink(missing_ok=True)
        if wrong is not None:
            ledger.anchor.path.write_bytes(wrong)
        with pytest.raises(LedgerBroken), ledger.page() as page:
            page.add("left", LEFT)
    ledger.anchor.path.write_bytes(kept)
    filled(ledger, rows=1)
    assert verify(ledger.rows, ledger.anchor).rows == 4


def test_a_mark_that_a_crash_tore_is_passed_over(sqlite: Database, tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, sqlite)
    filled(ledger, rows=1)
    with ledger.anchor.path.open("ab") as file:
        file.write(b'{"sequence": 3, "ha')
    assert verify(ledger.rows, ledger.anchor).intact
    filled(ledger, rows=1)
    report = verify(ledger.rows, ledger.anchor)
    assert (report.intact, report.rows, report.anchored, report.torn_marks) == (True, 4, 4, 1)


def test_the_switch_is_on_until_somebody_turns_it_off_and_each_turn_is_a_row(ledger: Ledger, tmp_path: Path) -> None:
    switch = KillSwitch(ledger, tmp_path / "egress.off")
    assert switch.stopped() == ""
    switch.off(who="ann", why="audit")
    assert "ann: audit" in switch.stopped()
    switch.on(who="bob", why="done", enabled=True)
    assert switch.stopped() == ""
    assert verify(ledger.rows, ledger.anchor).rows == 2


def test_the_brake_file_alone_stops(ledger: Ledger, tmp_path: Path) -> None:
    switch = KillSwitch(ledger, tmp_path / "egress.off")
    switch.file.touch()
    assert switch.stopped()
    assert not switch.state().on


def test_the_switch_cannot_enable_what_the_settings_have_off(ledger: Ledger, tmp_path: Path) -> None:
    switch = KillSwitch(ledger, tmp_path / "egress.off")
    switch.off(who="ann", why="audit")
    with pytest.raises(Conflict, match=r"hosted\.enabled"):
        switch.on(who="ann", why="", enabled=False)
    assert switch.stopped()


def test_off_works_on_a_ledger_that_cannot_be_written(ledger: Ledger, tmp_path: Path) -> None:
    filled(ledger, rows=1)
    ledger.anchor.path.unlink()
    switch = KillSwitch(ledger, tmp_path / "egress.off")
    with pytest.raises(LedgerBroken) as raised:
        switch.off(who="ann", why="audit")
    assert "egress.off" in raised.value.remedy
    assert switch.stopped()
