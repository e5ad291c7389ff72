"""Off is off: without ``hosted.enabled`` nothing that could send is made, or even imported. Looked for in a process of its own, by type and name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import appliance

PROGRAM = """
import asyncio, gc, json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from appliance.bootstrap import open_appliance
from appliance.config import Config, Hosted, Models

async def main(data, enabled):
    hosted = Hosted(enabled=enabled, provider="custom", base_url="http://127.0.0.1:9/v1", model="m", price_input=1, price_output=1)
    config = Config(data=Path(data), models=Models(stand_in=True), hosted=hosted)
    async with open_appliance(config) as opened:
        kinds = sorted({f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects()})
        rungs = [(type(rung).__name__, rung.name, rung.hosted) for rung in opened.desk.ladder]
    print(json.dumps({"kinds": kinds, "modules": sorted(sys.modules), "rungs": rungs}))

asyncio.run(main(sys.argv[1], sys.argv[2] == "on"))
"""
NEVER = (
    "appliance.egress.gate",
    "appliance.egress.rung",
    "appliance.egress.opening",
    "appliance.egress.masking",
    "models.permits",
    "models.synthesis.hosted",
)
CLIENTS = ("openai.AsyncOpenAI", "AsyncOpenAI", "HostedModel", "Gate", "Masker", "MaskSession", "Seal", "Ledger")


def opened(data: Path, state: str) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(data), state],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(appliance.__file__).parents[1])},
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return opened(tmp_path_factory.mktemp("off"), "off")


def made(found: dict[str, list[str]]) -> set[str]:
    return {kind.rpartition(".")[2] for kind in found["kinds"]} & {name.rpartition(".")[2] for name in CLIENTS}


def test_off_imports_nothing_that_could_send(off: dict[str, list[str]]) -> None:
    assert not [name for name in off["modules"] if name.startswith(NEVER)]


def test_off_makes_no_client_no_gate_and_no_mask(off: dict[str, list[str]]) -> None:
    assert made(off) == set()


def test_off_has_no_hosted_rung(off: dict[str, list[str]]) -> None:
    assert off["rungs"] == [["Local", "quote", False]]


def test_on_makes_them_all_so_the_look_is_not_blind(tmp_path: Path) -> None:
    """The control."""
    found = opened(tmp_path, "on")
    assert set(NEVER) <= set(found["modules"])
    assert {"AsyncOpenAI", "HostedModel", "Gate", "Masker", "Seal", "Ledger"} <= made(found)
    assert found["rungs"] == [["Hosted", "hosted:m", True], ["Local", "quote", False]]
