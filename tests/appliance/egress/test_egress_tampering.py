"""Whoever has the database's password can change the ledger. They cannot change it unseen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from egress_parts import House, errand
from ledger_parts import at_nine, filled, look, open_ledger, tamper

from appliance.config import Config
from appliance.egress.anchor import Anchor
from appliance.egress.chain import canonical, facts, link_hash
from appliance.egress.ledger import departures
from appliance.egress.rules import Refused
from appliance.egress.status import status
from appliance.store.database import Database
from appliance.store.ledger import SqlLedger


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six rows, closed."""
    database = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    filled(open_ledger(tmp_path, database))
    database.close()
    assert look(tmp_path).intact
    return tmp_path


def changed_field(data: Path) -> None:
    tamper(data, "UPDATE egress_ledger SET body = replace(body, '\"bytes\":10', '\"bytes\":11') WHERE sequence = 3")


def changed_column(data: Path) -> None:
    tamper(data, "UPDATE egress_ledger SET money_micros = 1 WHERE sequence = 3")


def changed_day(data: Path) -> None:
    tamper(data, "UPDATE egress_ledger SET budget_day = '2025-01-01' WHERE sequence = 3")


def deleted_row(data: Path) -> None:
    tamper(data, "DELETE FROM egress_ledger WHERE sequence = 3")


def deleted_first(data: Path) -> None:
    tamper(data, "DELETE FROM egress_ledger WHERE sequence = 1")


def deleted_tail(data: Path) -> None:
    tamper(data, "DELETE FROM egress_ledger WHERE sequence >= 5")


def deleted_all(data: Path) -> None:
    tamper(data, "DELETE FROM egress_ledger")


def deleted_database(data: Path) -> None:
    for file in data.glob("appliance.db*"):
        file.unlink()


def swapped_rows(data: Path) -> None:
    tamper(
        data,
        "UPDATE egress_ledger SET sequence = 100 WHERE sequence = 3",
        "UPDATE egress_ledger SET sequence = 3 WHERE sequence = 5",
        "UPDATE egress_ledger SET sequence = 5 WHERE sequence = 100",
    )


def renumbered_after_a_deletion(data: Path) -> None:
    """The clumsy cover-up: close the gap by counting anew."""
    tamper(
        data,
        "DELETE FROM egress_ledger WHERE sequence = 3",
        "UPDATE egress_ledger SET sequence = sequence - 1 WHERE sequence > 3",
    )


def chain_made_anew(data: Path) -> None:
    """The careful cover-up: every hash from the changed row on is computed anew, so that the chain by itself is whole."""
    database = Database.look(f"sqlite:///{data / 'appliance.db'}")
    with SqlLedger(database).reading() as book:
        links = list(book.every())
    database.close()
    previous, statements = links[1].hash, []
    for link in links[2:]:
        body = canonical(facts(link) | ({"bytes": 1} if link.sequence == 3 else {}))
        own = link_hash(previous, body)
        statements.append(
            (
                "UPDATE egress_ledger SET body = ?, previous = ?, hash = ? WHERE sequence = ?",
                (body, previous, own, link.sequence),
            )
        )
        previous = own
    tamper(data, *statements)


def lost_anchor(data: Path) -> None:
    (data / "egress.anchor").unlink()


def not_json(data: Path) -> None:
    tamper(data, "UPDATE egress_ledger SET body = 'nothing' WHERE sequence = 3")


def added_without_the_appliance(data: Path) -> None:
    tamper(
        data,
        "INSERT INTO egress_ledger SELECT 7, kind, settles, at, budget_day, money_micros, tokens, body, hash, hash FROM egress_ledger WHERE sequence = 6",
    )


CASES: list[tuple[Callable[[Path], None], int, str]] = [
    (changed_field, 3, "changed"),
    (changed_column, 3, "changed"),
    (changed_day, 3, "changed"),
    (not_json, 3, "changed"),
    (deleted_row, 3, "missing"),
    (deleted_first, 1, "missing"),
    (deleted_tail, 5, "cut"),
    (deleted_all, 1, "cut"),
    (deleted_database, 1, "cut"),
    (swapped_rows, 3, "moved"),
    (renumbered_after_a_deletion, 3, "moved"),
    (chain_made_anew, 3, "rewritten"),
    (lost_anchor, 6, "anchor_missing"),
    (added_without_the_appliance, 7, "moved"),
]


@pytest.mark.parametrize(("by", "sequence", "what"), CASES, ids=[case[0].__name__ for case in CASES])
def test_tampering_is_found_and_named(data: Path, by: Callable[[Path], None], sequence: int, what: str) -> None:
    by(data)
    report = look(data)
    assert not report.intact
    assert (report.breaks[0].sequence, report.breaks[0].what) == (sequence, what)
    assert report.breaks[0].detail


def test_an_older_copy_of_the_database_is_behind_its_anchor(data: Path) -> None:
    kept = data / "kept.db"
    shutil.copy(data / "appliance.db", kept)
    database = Database(f"sqlite:///{data / 'appliance.db'}")
    filled(open_ledger(data, database), rows=1)
    database.close()
    assert look(data).rows == 8
    for file in data.glob("appliance.db*"):
        file.unlink()
    shutil.copy(kept, data / "appliance.db")
    report = look(data)
    assert [(one.sequence, one.what) for one in report.breaks] == [(7, "cut")]
    assert "anchor is ahead" in report.breaks[0].detail


def test_an_older_anchor_is_only_behind(data: Path) -> None:
    """What a crash between commit and anchor leaves: the chain itself continues what the anchor knows."""
    lines = (data / "egress.anchor").read_text().splitlines(keepends=True)
    (data / "egress.anchor").write_text("".join(lines[:-2]))
    report = look(data)
    assert (report.intact, report.rows, report.anchored) == (True, 6, 4)


def test_an_older_anchor_does_not_cover_a_rewritten_chain(data: Path) -> None:
    lines = (data / "egress.anchor").read_text().splitlines(keepends=True)
    (data / "egress.anchor").write_text("".join(lines[:-2]))
    chain_made_anew(data)
    assert look(data).breaks[0].what == "rewritten"


def test_an_anchor_of_another_ledger_is_found(data: Path) -> None:
    marks = [one for one in Anchor(data / "egress.anchor").marks() if one]
    lines = [json.dumps({"sequence": one.sequence, "hash": "0" * 64}) + "\n" for one in marks]
    (data / "egress.anchor").write_text("".join(lines))
    report = look(data)
    assert (report.breaks[0].sequence, report.breaks[0].what) == (1, "rewritten")


def test_looking_changes_nothing(data: Path) -> None:
    before = {file.name: file.read_bytes() for file in data.iterdir()}
    look(data)
    assert {file.name: file.read_bytes() for file in data.iterdir() if file.name in before} == before


@pytest.mark.parametrize("now", ["garbage", '{"state":"on"}', "é"])
def test_a_changed_turn_of_the_switch_counts_as_off_and_breaks_no_page(tmp_path: Path, now: str) -> None:
    database = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    house = House(tmp_path, database)
    filled(house.ledger)
    house.switch.off(who="ann", why="audit")
    house.switch.file.unlink()
    tamper(tmp_path, ("UPDATE egress_ledger SET body = ? WHERE sequence = 7", (now,)))
    refused = house.gate().consider(errand())
    assert isinstance(refused, Refused)
    assert (refused.rule, "row 7" in refused.reason) == ("egress.killed", True)
    assert house.gate().stopped()
    shown = status(Config(data=tmp_path), SqlLedger(database), now=at_nine())
    assert (shown["switch"]["on"], shown["ledger"]["intact"]) == (False, False)
    database.close()


def test_changed_rows_are_shown_as_changed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    filled(open_ledger(tmp_path, database))
    tamper(tmp_path, "UPDATE egress_ledger SET body = 'x' WHERE sequence IN (1, 4)")
    with SqlLedger(database).reading() as book:
        rows = departures(book)
    assert [(row["sequence"], row.get("rule", ""), row["status"]) for row in rows] == [
        (1, "changed afterwards", "ok"),
        (3, "", "changed afterwards"),
        (5, "", "ok"),
    ]
    database.close()
