"""``appliance eval answers --synthesizer hosted``: the whole way by gate, mask and ledger, to a server of this machine alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from wire_server import draft, serving

import appliance

STARTER = Path(appliance.__file__).parents[1] / "kb/starter/saas"
QUESTION = (
    "If I try the bigger version for two weeks and then forget about it, will my card be debited? (anna@kunde.example)"
)
ANSWER = {"covered": True, "sentences": [{"text": "Refunds are paid within 10 business days.", "citations": [1]}]}


async def answers(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "1", "question": QUESTION, "gold_ids": ["none"]}) + "\n")
    files = ["--kb", str(STARTER), "--questions", str(tmp_path / "q.jsonl"), "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "appliance", "eval", "answers", "--synthesizer", "hosted", *files, *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(appliance.__file__).parents[1])},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.slow
@pytest.mark.parametrize(("option", "masked"), [("--mask", True), ("--no-mask", False)])
async def test_the_same_question_with_the_mask_and_without(tmp_path: Path, option: str, masked: bool) -> None:
    async with serving(draft(ANSWER)) as server:
        code, out, err = await answers(tmp_path, "--base-url", server.base_url, "--model", "m", option)
    assert code == 0, err
    figures = json.loads(out)
    assert figures["n"] == 1
    assert server.requests, figures
    assert ("anna@kunde.example" in json.dumps(server.requests)) is not masked


@pytest.mark.parametrize("address", ["https://api.example.com/v1", "http://10.0.0.7/v1", "nonsense"])
async def test_measuring_sends_nothing_out_of_the_building(tmp_path: Path, address: str) -> None:
    for option in ("--mask", "--no-mask"):
        code, out, err = await answers(tmp_path, "--base-url", address, "--model", "m", option)
        assert (code, out) == (1, "")
        assert "not on this machine" in err


async def test_the_options_belong_together(tmp_path: Path) -> None:
    assert (await answers(tmp_path, "--model", "m"))[0] == 2
    assert (await answers(tmp_path, "--base-url", "http://127.0.0.1:9/v1"))[0] == 2
