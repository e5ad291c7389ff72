"""The export can be checked by somebody who has only Python and our page on it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_parts import filled, open_ledger

from appliance.egress.export import export
from appliance.egress.ledger import Ledger
from appliance.errors import InputInvalid
from appliance.store.database import Database

PAGE = Path(__file__).parents[3] / "docs/egress.md"


@pytest.fixture
def ledger(sqlite: Database, tmp_path: Path) -> Ledger:
    ledger = open_ledger(tmp_path, sqlite)
    filled(ledger)
    return ledger


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The program as it stands in the documentation."""
    [program] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(program.splitlines()) <= 21
    file = tmp_path / "recipe.py"
    file.write_text(program)
    return file


def written(ledger: Ledger, file: Path) -> Path:
    with ledger.reading() as book:
        assert export(book.every(), file) == 6
    return file


def judged(recipe: Path, *files: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(recipe), *map(str, files)], check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_the_recipe_finds_an_export_intact_with_and_without_the_anchor(
    ledger: Ledger, recipe: Path, tmp_path: Path
) -> None:
    file = written(ledger, tmp_path / "out.jsonl")
    assert judged(recipe, file)[0] == 0
    code, said = judged(recipe, file, ledger.anchor.path)
    assert (code, said.startswith("intact: 6 rows")) == (0, True)


@pytest.mark.parametrize("row", [0, 2, 5])
def test_the_recipe_finds_a_changed_row(ledger: Ledger, recipe: Path, tmp_path: Path, row: int) -> None:
    file = written(ledger, tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[row]["body"] = lines[row]["body"].replace('"kind"', '"king"')
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert judged(recipe, file) == (1, f"row {row + 1}: changed\n")


def test_the_recipe_finds_a_deleted_row_and_a_cut_tail(ledger: Ledger, recipe: Path, tmp_path: Path) -> None:
    file = written(ledger, tmp_path / "out.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2] + lines[3:]))
    assert judged(recipe, file) == (1, "row 3: missing or moved\n")
    file.write_text("".join(lines[:4]))
    assert judged(recipe, file)[0] == 0
    assert judged(recipe, file, ledger.anchor.path)[1].startswith("row 5: the anchor knows another one")


def test_csv_holds_the_same_rows(ledger: Ledger, tmp_path: Path) -> None:
    written(ledger, tmp_path / "out.jsonl")
    written(ledger, tmp_path / "out.csv")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [{**row, "sequence": int(row["sequence"])} for row in csv.DictReader(file)] == lines


def test_another_suffix_is_refused_and_nothing_is_left_behind(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.reading() as book, pytest.raises(InputInvalid):
        export(book.every(), tmp_path / "out.xml")
    assert not list(tmp_path.glob("*out*"))
