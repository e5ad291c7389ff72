"""``appliance egress``: what is printed, the exit codes, and a process of its own that turns the switch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ledger_parts import at_nine, filled, open_ledger, tamper

import appliance
from appliance.store.database import Database


def run(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance", "egress", *words, "--data", str(data)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(appliance.__file__).parents[1])},
    )


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    database = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    filled(open_ledger(tmp_path, database))
    database.close()
    return tmp_path


def test_a_box_on_which_nothing_ever_left(tmp_path: Path) -> None:
    assert document(run(tmp_path, "ledger", "--json")) == []
    assert document(run(tmp_path, "verify", "--json"))["intact"] is True
    assert document(run(tmp_path, "status", "--json"))["enabled"] is False
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_is_printed_as_rows(data: Path) -> None:
    rows = document(run(data, "ledger", "--json"))
    assert [row["sequence"] for row in rows] == [1, 3, 5]
    assert document(run(data, "ledger", "--since", "1h", "--json")) == []
    assert at_nine().isoformat(timespec="microseconds") == rows[0]["at"]
    assert "Left the building" in run(data, "ledger").stdout


def test_verify_says_intact_and_then_where_it_breaks(data: Path) -> None:
    assert document(run(data, "verify", "--json"))["rows"] == 6
    tamper(data, "DELETE FROM egress_ledger WHERE sequence = 3")
    report = document(run(data, "verify", "--json"), code=1)
    assert report["intact"] is False
    assert report["breaks"][0] == {"sequence": 3, "what": "missing", "detail": "row 3: deleted from the database"}
    words = run(data, "verify")
    assert words.returncode == 1
    assert "BROKEN" in words.stdout
    assert "Traceback" not in words.stderr


def test_export_writes_every_row(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    assert document(run(data, "export", str(file), "--json"))["rows"] == 6
    assert len(file.read_text().splitlines()) == 6
    assert run(data, "export", str(tmp_path / "out.pdf")).returncode == 1


def test_the_switch_is_turned_and_stands_in_the_ledger(data: Path) -> None:
    assert run(data, "off", "--why", "audit").returncode == 0
    shown = document(run(data, "status", "--json"))
    assert (shown["switch"]["on"], shown["switch"]["why"], shown["switch"]["brake_file"]) == (False, "audit", True)
    assert document(run(data, "verify", "--json"))["rows"] == 7


def test_on_cannot_enable_what_the_settings_have_off(data: Path) -> None:
    done = run(data, "on")
    assert done.returncode == 1
    assert "hosted.enabled" in done.stderr
    (data / "appliance.toml").write_text("[hosted]\nenabled = true\n")
    run(data, "off")
    assert run(data, "on", "--why", "done").returncode == 0
    assert document(run(data, "status", "--json"))["switch"]["on"] is True


def test_off_pulls_the_brake_also_where_the_database_is_none(tmp_path: Path) -> None:
    (tmp_path / "appliance.db").write_text("this is no database, and long enough to be read as one" * 20)
    done = run(tmp_path, "off")
    assert done.returncode == 1
    assert (tmp_path / "egress.off").exists()


def test_where_no_appliance_is_the_switch_says_so_and_makes_nothing(tmp_path: Path) -> None:
    for words in (("off",), ("on",), ("reanchor", "--why", "x")):
        done = run(tmp_path / "elsewhere", *words)
        assert done.returncode == 1
        assert "no appliance" in done.stderr
        assert "nothing leaves" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_new_anchor_after_a_restored_database(data: Path) -> None:
    tamper(data, "DELETE FROM egress_ledger WHERE sequence > 4")
    assert document(run(data, "verify", "--json"), code=1)["breaks"][0]["what"] == "cut"
    assert run(data, "off").returncode == 1, "a ledger that does not fit is not written to"
    assert run(data, "reanchor", "--why", "restored the backup").returncode == 0
    report = document(run(data, "verify", "--json"))
    assert (report["rows"], report["anchored"]) == (5, 5)
    assert len(list(data.glob("egress.anchor.until-*"))) == 1
    file = data / "out.jsonl"
    run(data, "export", str(file))
    last = json.loads(json.loads(file.read_text().splitlines()[-1])["body"])
    assert (last["kind"], last["why"], last["breaks"][0]["what"]) == ("anchor", "restored the backup", "cut")


def test_a_new_anchor_mends_no_damaged_row_and_is_not_begun_without_need(data: Path) -> None:
    assert run(data, "reanchor", "--why", "x").returncode == 1
    tamper(data, "UPDATE egress_ledger SET money_micros = 1 WHERE sequence = 3")
    done = run(data, "reanchor", "--why", "x")
    assert done.returncode == 1
    assert "Row 3" in done.stderr
    assert not list(data.glob("egress.anchor.until-*"))
