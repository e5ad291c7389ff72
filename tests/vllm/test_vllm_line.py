"""The natural inventor: a model of 135 million parameters writes on the real line, and nothing that it invents leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_vllm_server import setting

from appliance.bootstrap import open_appliance
from appliance.config import Config, Synthesis
from appliance.evaluation.answers import Answer, measure
from appliance.evaluation.datasets import read_questions
from appliance.evaluation.neutral import neutral_desk

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.vllm


async def test_nothing_that_a_small_model_invents_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_VLLM_API_KEY", setting("VLLM_API_KEY"))
    synthesis = Synthesis(
        mode="vllm",
        base_url=setting("VLLM_BASE_URL"),
        model=setting("VLLM_MODEL"),
        timeout_s=60.0,
        first_token_timeout_s=60.0,
    )
    config = Config(data=tmp_path / "data", synthesis=synthesis)
    kept: list[Answer] = []
    async with open_appliance(config) as appliance:
        assert appliance.knowledge.add_starter("saas")
        asked = [one for one in read_questions(ROOT / "tests/data/questions/saas.jsonl") if one.gold_ids][:12]
        figures = await measure(neutral_desk(appliance.desk), appliance.knowledge, asked, keep=kept.append)
    assert figures["unsupported_literals"] == 0
    assert figures["answered"] + figures["handed_over"] + figures["refused"] == len(asked)
    turns = [turn for one in kept if one.closed.draft for turn in one.closed.draft.attempts]
    written = [turn for turn in turns if turn.rung.startswith("vllm")]
    assert written, "the model was asked"
    assert not [turn for turn in written if turn.outcome == "fault"], "its drafts keep to the form"
    for one in kept:
        assert all(verdict.passed or verdict.sentence not in one.closed.reply.text for verdict in one.closed.verdicts)
