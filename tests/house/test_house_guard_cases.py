"""The sealed cases of the guard are what their README says, and are drawn only from the articles that are set aside for them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from tracked import ROOT

from appliance.evaluation.datasets import GuardCase, read_guard_cases

FOLDER = ROOT / "tests/data/guard"
FILES = ("report.jsonl", "hostile.jsonl")


def told(file: str) -> str:
    """What the README says of this file."""
    return (FOLDER / "README.md").read_text("utf-8").partition(f"## {file}\n")[2].partition("\n## ")[0]


def text(case: GuardCase) -> tuple[str, ...]:
    return tuple(one if isinstance(one, str) else one.text for one in case.passages)


@pytest.mark.parametrize("file", FILES)
def test_guard_cases_hold_what_their_readme_says(file: str) -> None:
    cases = read_guard_cases(FOLDER / file)
    supported = sum(case.supported for case in cases)
    assert 0 < supported < len(cases)
    assert f"{len(cases)} cases: {supported} supported, {len(cases) - supported} unsupported." in told(file)
    rows = re.findall(r"^\| (\w+) \| (yes|no) \| (\d+) \|$", told(file), re.M)
    assert {(kind, said == "yes"): int(n) for kind, said, n in rows} == Counter((c.kind, c.supported) for c in cases)


@pytest.mark.parametrize("file", FILES)
def test_each_guard_case_has_its_own_id_a_kind_and_a_draft_of_its_own(file: str) -> None:
    cases = read_guard_cases(FOLDER / file)
    assert len({case.id for case in cases}) == len({(text(case), case.draft) for case in cases}) == len(cases)
    assert all(case.id and case.kind and case.draft.strip() and all(text(case)) for case in cases)


def test_reported_cases_come_only_from_every_third_starter_article() -> None:
    profiles = ROOT / "kb/starter"
    allowed = {f"{one.name}/{path.stem}" for one in profiles.iterdir() for path in sorted(one.glob("*.md"))[::3]}
    assert {case.id.rpartition("/")[0] for case in read_guard_cases(FOLDER / "report.jsonl")} <= allowed
