"""The benchmarks still run: their parts, and all of them once on a few articles. Nothing here looks at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from appliance.policy import load_policy
from benchmarks.bare import Call, merged
from benchmarks.footprint import installed_mb
from benchmarks.open_profile import write_open_profile
from benchmarks.options import parse

ROOT = Path(__file__).parents[2]


def test_the_open_profile_lets_every_intent_through(tmp_path: Path) -> None:
    shipped, opened = load_policy("saas"), load_policy(str(write_open_profile(tmp_path)))
    assert opened.name == shipped.name
    assert [intent.name for intent in opened.intents] == [intent.name for intent in shipped.intents]
    assert not any(intent.always_escalate for intent in opened.intents)
    assert max(opened.threshold(intent.name, "enterprise") for intent in opened.intents) == 0.0
    assert opened.replies == shipped.replies


def test_merged_calls_hold_every_input_once() -> None:
    vector = np.zeros(3)
    answers = [
        [Call("encoder", ["a"]), Call("classifier", [vector]), Call("reranker", [("a", "p")])],
        [Call("encoder", ["b"])],
    ]
    assert [(call.model, len(call.inputs)) for call in merged(answers)] == [
        ("encoder", 2),
        ("classifier", 1),
        ("reranker", 1),
    ]


def test_hard_links_are_weighed_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 2_000_000)
    alone = installed_mb(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert installed_mb(tmp_path) == alone


def test_the_questions_are_spread_over_the_file() -> None:
    options = parse("", ["--count", "5"])
    assert len(options.questions) == len(set(options.questions)) == 5
    assert options.kb.name == "saas"


@pytest.mark.slow
def test_all_of_them_run(tmp_path: Path) -> None:
    article = {
        "id": "a",
        "title": "Invite a colleague",
        "text": "Open Settings, choose Members and press Invite. The link is valid for 7 days.",
    }
    question = {"question": "How do I invite a colleague?"}
    (tmp_path / "kb.jsonl").write_text(json.dumps(article) + "\n")
    (tmp_path / "q.jsonl").write_text(json.dumps(question) + "\n")
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--kb",
        str(tmp_path / "kb.jsonl"),
        "--questions",
        str(tmp_path / "q.jsonl"),
    ]
    ended = subprocess.run(
        [*command, "--seconds", "1"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert {"machine", "ingest", "models", "one_client", "many_clients", "first_token", "footprint"} <= found.keys()
    assert set(found["one_client"]["outcomes"]) == {"answered"}
    first = found["first_token"]
    assert first["first_sentence_passed"] == first["asked"] == 5
