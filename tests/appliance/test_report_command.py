"""``appliance report``: the same keys with and without data, and clean refusals."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import run

KEYS = {
    "tickets",
    "resolution_rate",
    "csat",
    "time_to_resolution_s",
    "time_to_first_useful_response_s",
    "escalation",
    "by_category",
    "kb_gap_rate",
    "classifier_accuracy_on_corrections",
    "unsafe_auto_handle_rate",
    "rungs",
}
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def called(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["appliance", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return called


def test_a_new_installation_reports_nulls(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("--data", tmp_path, "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) == KEYS
    assert found["tickets"] == 0
    assert set(found["resolution_rate"].values()) == {None}


def test_people_get_a_table(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("--data", tmp_path, "--since", "2w")
    assert code == 0
    assert "resolution_rate.confirmed" in out


@pytest.mark.parametrize("since", ["30", "d", "-3d", "99999d", "1y"])
def test_a_span_that_is_none_is_a_wrong_argument(command: Command, tmp_path: Path, since: str) -> None:
    code, out, err = command("--data", tmp_path, f"--since={since}")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
