"""``appliance eval mask``: the figures, and what files are refused with which words."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from masking_parts import formal
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.errors import InputInvalid
from appliance.evaluation.mask import measure, read_mask_cases


def span(kind: str, text: str, value: str) -> dict[str, Any]:
    start = text.index(value)
    return {"type": kind, "start": start, "end": start + len(value), "value": value}


ANN = "I am Ann of Oslo, 31, ann@example.org"
CALL = "Call 463-612-6138 about Bob and 12345678901"
CASES = [
    {"text": ANN, "spans": [span("PERSON", ANN, "Ann"), span("GPE", ANN, "Oslo"), span("AGE", ANN, "31"), span("EMAIL_ADDRESS", ANN, "ann@example.org")]},
    {"text": CALL, "spans": [span("PERSON", CALL, "Bob"), span("PHONE_NUMBER", CALL, "463-612-6138")], "template": 7},
    {"text": "What are my options?", "spans": []},
]  # fmt: skip


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(CASES), "utf-8")
    return path


def test_recall_precision_and_types_are_counted(cases: Path) -> None:
    ticks = itertools.count(step=0.005)
    figures = measure(formal("Ann"), read_mask_cases(cases), clock=lambda: next(ticks))
    assert (figures["n"], figures["recall"], figures["precision"]) == (3, 0.75, 0.75)
    assert figures["by_type"]["PERSON"] == {"n": 2, "recall": 0.5, "left": False}
    assert figures["by_type"]["GPE"] == {"n": 1, "recall": 0.0, "left": True}
    assert figures["all_types_recall"] == 0.5
    assert set(figures["left_types"]) == {"GPE", "AGE"}
    assert figures["p50_ms"] == 5.0


def test_a_type_that_is_masked_by_the_profile_counts(cases: Path) -> None:
    masker = formal("Ann", types=["PERSON", "LOCATION"])
    figures = measure(masker, read_mask_cases(cases), clock=lambda: 0.0)
    assert set(figures["left_types"]) == {"AGE"}


def test_a_span_half_of_which_is_seen_is_not_masked(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(
        json.dumps([{"text": "Ann  Novak", "spans": [span("PERSON", "Ann  Novak", "Ann  Novak")]}]), "utf-8"
    )
    assert measure(formal("Ann"), read_mask_cases(path), clock=lambda: 0.0)["recall"] == 0.0
    assert measure(formal("Ann", "Novak"), read_mask_cases(path), clock=lambda: 0.0)["recall"] == 1.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not valid JSON"),
        ("{}", "no JSON array"),
        ("[]", "no JSON array"),
        ("[1]", "item 1"),
        ('[{"text": "a", "spans": []}, {"text": 5, "spans": []}]', "item 2: text"),
        ('[{"text": "secret Ann", "spans": [{"type": "PERSON", "start": 0, "end": 3, "value": "Ann"}]}]', "item 1: span 1 (PERSON)"),
        ('[{"text": "secret Ann", "spans": [{"type": "PERSON", "start": 7, "end": 99, "value": "Ann"}]}]', "item 1: span 1 (PERSON)"),
        ('[{"text": "secret Ann", "spans": [{"type": "PERSON", "start": 3, "end": 3, "value": ""}]}]', "item 1: span 1 (PERSON)"),
        ('[{"text": "secret Ann", "spans": [{"type": "PERSON", "start": -1, "end": 3, "value": "Ann"}]}]', "item 1: spans.0.start"),
        ("[" * 100_000, "not valid JSON"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_by_item_without_its_text(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content, "utf-8")
    with pytest.raises(InputInvalid) as refused:
        read_mask_cases(path)
    assert said in refused.value.message
    assert "secret" not in str(refused.value)
    assert refused.value.remedy


def test_the_command_prints_one_document_with_the_shipped_tagger(cases: Path) -> None:
    result = CliRunner().invoke(app, ["eval", "mask", "--cases", str(cases), "--profile", "shop", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert {"n", "recall", "precision", "by_type", "p50_ms", "left_types", "all_types_recall"} <= set(figures)
    assert figures["by_type"]["EMAIL_ADDRESS"]["recall"] == figures["by_type"]["PHONE_NUMBER"]["recall"] == 1.0
    assert figures["by_type"]["PERSON"]["recall"] > 0.0
    assert figures["left_types"]["AGE"]
