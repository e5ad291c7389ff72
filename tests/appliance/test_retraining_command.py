"""``appliance models train intent`` as an operator runs it: the shipped encoder, a profile of one's own, clean refusals."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from retraining_parts import messages, write_profile, write_rows

from appliance.cli.main import run

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    def called(*arguments: object) -> tuple[int, str, str]:
        told = ["appliance", *map(str, arguments), "--data", str(tmp_path / "data")]
        monkeypatch.setattr(sys, "argv", told)
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return called


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return write_profile(tmp_path / "garden.toml")


def test_train_list_verify_and_roll_back(command: Command, profile: Path, tmp_path: Path) -> None:
    held = write_rows(tmp_path / "held.csv", messages(10, seed=3))
    poor = write_rows(tmp_path / "poor.csv", messages(8, seed=1, wrong=0.7))
    good = write_rows(tmp_path / "good.csv", messages(15, seed=2))
    trained = [
        command("models", "train", "intent", "--train", rows, "--heldout", held, "--profile", profile, "--json")
        for rows in (poor, good)
    ]
    assert [code for code, _, _ in trained] == [0, 0]
    first, second = (json.loads(out) for _, out, _ in trained)
    assert (first["result"], second["result"], second["active"]) == ("installed", "installed", second["candidate"])
    code, out, _ = command("models", "list", "--json")
    rows = {row["revision"]: (row["active"], row["previous"]) for row in json.loads(out) if row.get("installed")}
    assert rows == {first["candidate"]: (False, True), second["candidate"]: (True, False)}
    code, out, _ = command("models", "rollback", "intent", "--profile", profile)
    assert (code, f"{first['candidate']} is in use again" in out) == (0, True)
    assert command("models", "verify", "--json")[0] == 0
    (Path(first["folder"]) / "trial" / "meta.json").write_text("{}")
    code, out, _ = command("models", "verify", "--json")
    assert (code, [row["revision"] for row in json.loads(out) if not row["ok"]]) == (1, [first["candidate"]])


def test_people_are_told_both_figures_and_what_to_do(command: Command, profile: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", messages(8, seed=2))
    code, out, _ = command("models", "train", "intent", "--train", rows, "--profile", profile)
    assert code == 0
    assert "accuracy" in out
    assert "is in use from now on. A running `appliance up` takes it up at its next start." in out
    code, out, _ = command("models", "train", "intent", "--train", rows, "--profile", profile)
    assert code == 0
    assert "Still in use: intent-garden-" in out


def test_what_was_trained_here_serves_and_a_damaged_one_does_not(
    command: Command, profile: Path, tmp_path: Path
) -> None:
    code, _, err = command("ask", "I lost my password", "--profile", profile)
    assert (code, "There are no intent heads for the profile garden" in " ".join(err.split())) == (1, True)
    rows = write_rows(tmp_path / "rows.csv", messages(12, seed=2))
    trained = json.loads(command("models", "train", "intent", "--train", rows, "--profile", profile, "--json")[1])
    code, out, _ = command("ask", "password signin locked account", "--profile", profile, "--json")
    assert (code, json.loads(out)["intent"]) == (0, "login")
    (Path(trained["folder"]) / "heads.onnx").write_bytes(b"another file")
    code, _, err = command("ask", "password signin locked account", "--profile", profile)
    assert (code, "heads.onnx is not the file that was installed" in " ".join(err.split())) == (1, True)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("where is it,billing\n" * 9, 1, "lacks the column text or intent"),
        ("text,intent\n" + "".join(f"text {n},billing\n" for n in range(40)), 1, "one class only: billing"),
        ("text,intent\na,billing\nb,login\nc,delivery\nd,returns\ne,dispute\n", 1, "Fewer than 5 rows for 5 intents"),
        ("text,intent\nwill it rain,weather\n", 1, "unknown values of intent: weather (row 2)"),
        (None, 1, "cannot be read"),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    command: Command, profile: Path, tmp_path: Path, content: str | None, code: int, said: str
) -> None:
    file = tmp_path / "rows.csv"
    if content is not None:
        file.write_text(content)
    found, out, err = command("models", "train", "intent", "--train", file, "--profile", profile)
    assert (found, out) == (code, "")
    assert said in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [(), ("--with-corrections", "--risk-budget", "3"), ("--train",)])
def test_wrong_arguments_end_with_two(command: Command, profile: Path, arguments: tuple[str, ...]) -> None:
    assert command("models", "train", "intent", "--profile", profile, *arguments)[0] == 2


def test_without_anything_to_go_back_to_nothing_changes(command: Command, profile: Path) -> None:
    code, _, err = command("models", "rollback", "intent", "--profile", profile)
    assert (code, "no previous model" in " ".join(err.split())) == (1, True)


def test_without_corrections_there_is_nothing_to_train_on(command: Command, profile: Path) -> None:
    code, _, err = command("models", "train", "intent", "--with-corrections", "--profile", profile)
    assert (code, "nothing to train on" in err) == (1, True)


def test_a_head_of_another_encoder_is_not_brought_back(command: Command, profile: Path, tmp_path: Path) -> None:
    held = write_rows(tmp_path / "held.csv", messages(10, seed=3))
    found = []
    for name, rows in (("poor", messages(8, seed=1, wrong=0.7)), ("good", messages(15, seed=2))):
        file = write_rows(tmp_path / f"{name}.csv", rows)
        told = ("models", "train", "intent", "--train", file, "--heldout", held, "--profile", profile, "--json")
        found.append(json.loads(command(*told)[1]))
    old = Path(found[0]["folder"])
    meta = json.loads((old / "meta.json").read_text()) | {"encoder_revision": "another-encoder-2"}
    (old / "meta.json").write_text(json.dumps(meta))
    seal = json.loads((old / "files.json").read_text())
    seal["sha256"]["meta.json"] = hashlib.sha256((old / "meta.json").read_bytes()).hexdigest()
    (old / "files.json").write_text(json.dumps(seal))
    code, _, err = command("models", "rollback", "intent", "--profile", profile)
    assert (code, "another-encoder-2" in " ".join(err.split())) == (1, True)
    rows = {row["revision"]: row for row in json.loads(command("models", "list", "--json")[1]) if row.get("installed")}
    assert {name: (row["active"], row["ok"]) for name, row in rows.items()} == {
        found[0]["candidate"]: (False, False),
        found[1]["candidate"]: (True, True),
    }


def test_what_a_risk_budget_did_is_told_and_a_threshold_of_the_profile_beyond_it_is_warned_of(
    command: Command, profile: Path, tmp_path: Path
) -> None:
    profile.write_text(profile.read_text().replace('title = "login"', 'title = "login"\nthreshold = 0.1'))
    rows = write_rows(tmp_path / "rows.csv", messages(20, seed=2))
    code, out, err = command(
        "models", "train", "intent", "--train", rows, "--profile", profile, "--risk-budget", "0.05"
    )
    assert code == 0
    assert "Thresholds for a risk budget of 5.0%" in out
    assert "With --heldout CSV all other rows are fitted" in out
    assert "the profile's own threshold 0.70 for login (free) goes before the budget" in " ".join(err.split())
