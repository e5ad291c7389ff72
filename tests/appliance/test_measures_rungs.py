"""Figures of each rung, from the turns that are stored with every run."""

from __future__ import annotations

from dataclasses import asdict

from appliance.measures.rungs import of_drafts
from appliance.ticket import Attempted, Drafted


def stored(*turns: Attempted) -> dict[str, object]:
    return asdict(Drafted("any", (), (), turns))


def test_each_rung_has_its_turns_outcomes_sentences_and_times() -> None:
    found = of_drafts(
        [
            stored(Attempted("vllm:m", "first", "answered", drafted=3, passed=2, ms=900.0, first_ms=400.0)),
            stored(
                Attempted("vllm:m", "first", "nothing_left", drafted=1, ms=500.0),
                Attempted("vllm:m", "first", "fault", ms=100.0, fault="passing"),
                Attempted("quote", "local_down", "answered", drafted=2, passed=2, ms=50.0, first_ms=20.0),
            ),
            stored(
                Attempted("vllm:m", "first", "skipped", reason="ladder.shed: Too many."),
                Attempted("quote", "overloaded", "answered", drafted=2, passed=2, ms=70.0, first_ms=40.0),
            ),
        ]
    )
    assert list(found) == ["quote", "vllm:m"]
    assert found["vllm:m"] == {
        "turns": 3,
        "answered": 1,
        "not_covered": 0,
        "nothing_left": 1,
        "fault": 1,
        "skipped": 1,
        "skipped_by_rule": {"ladder.shed": 1},
        "sentences_drafted": 4,
        "sentences_passed": 2,
        "pass_rate": 0.5,
        "first_sentence_ms": {"p50": 400.0, "p95": 400.0},
        "turn_ms": {"p50": 500.0, "p95": 860.0},
    }
    assert found["quote"]["first_sentence_ms"] == {"p50": 30.0, "p95": 39.0}


def test_what_has_no_data_is_null_and_old_drafts_do_not_count() -> None:
    skipped = Attempted("vllm:m", "first", "skipped", reason="ladder.breaker_open: Down.")
    found = of_drafts([{"synthesizer": "quote", "sentences": []}, stored(skipped)])
    assert found["vllm:m"]["pass_rate"] is None
    assert found["vllm:m"]["turn_ms"] == {"p50": None, "p95": None}
