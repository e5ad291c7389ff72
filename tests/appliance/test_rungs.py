"""From settings to rungs: which servers are asked, in which order, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))

from wire_server import serving, status

from appliance.config import Config, ModelServer, Synthesis, load_config
from appliance.doctor.amiss import Amiss
from appliance.doctor.parts import _probe, synthesis
from appliance.errors import ConfigInvalid
from appliance.line.ladder import Rung, Served
from appliance.line.load import Backlog
from appliance.rungs import lines_at_once, model_keys, open_ladder
from models.errors import ModelRefused
from models.synthesis.quote import QuoteSynthesizer

TOML = """
[synthesis]
mode = "vllm"
model = "big"
parallel = 4
[[synthesis.smaller]]
base_url = "http://127.0.0.1:8001/v1"
model = "small"
parallel = 2
[[synthesis.smaller]]
base_url = "http://127.0.0.1:8002/v1"
model = "tiny"
[synthesis.breaker]
faults = 7
[synthesis.shedding]
resume = 0.5
"""


async def _score(_pairs: object) -> list[float]:
    return []


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


def ladder(config: Config, stack: AsyncExitStack) -> tuple[Rung, ...]:
    return open_ladder(config, QuoteSynthesizer(_score), stack, clock=lambda: 0.0, backlog=Backlog())


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "appliance.toml"
    file.write_text(text, "utf-8")
    return file


async def test_smaller_models_stand_below_the_first_and_the_quote_below_all(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    rungs = ladder(load_config(written(tmp_path, TOML)), stack)
    assert [rung.name for rung in rungs] == ["vllm:big", "vllm:small", "vllm:tiny", "quote"]
    assert [rung.state for rung in rungs] == ["closed", "closed", "closed", "always asked"]
    limits = [rung.load.limits for rung in rungs if isinstance(rung, Served)]
    assert [(one.parallel, one.resume) for one in limits] == [(4, 0.5), (2, 0.5), (16, 0.5)]


async def test_two_servers_of_the_same_model_are_told_apart(stack: AsyncExitStack) -> None:
    smaller = (ModelServer(model="m"), ModelServer(model="m"))
    rungs = ladder(Config(synthesis=Synthesis(mode="vllm", model="m", smaller=smaller)), stack)
    assert [rung.name for rung in rungs] == ["vllm:m", "vllm:m#2", "vllm:m#3", "quote"]


async def test_there_is_room_for_quotes_beside_every_place_at_a_model(tmp_path: Path, stack: AsyncExitStack) -> None:
    assert lines_at_once(ladder(Config(), stack)) == 8
    assert lines_at_once(ladder(load_config(written(tmp_path, TOML)), stack)) == 8 + 2 * (4 + 2 + 16)


@pytest.mark.parametrize(
    ("line", "key"), [("modle = 1", "modle"), ("mode = 'vllm'", "mode"), ("parallel = 0", "parallel")]
)
def test_an_unknown_or_impossible_key_of_a_smaller_server_is_refused_by_name(
    tmp_path: Path, line: str, key: str
) -> None:
    text = f"[synthesis]\nmode = 'vllm'\nmodel = 'm'\n[[synthesis.smaller]]\nmodel = 's'\n{line}\n"
    with pytest.raises(ConfigInvalid, match=rf"synthesis\.smaller\.0\.{key}"):
        load_config(written(tmp_path, text))


async def test_a_server_without_a_model_is_refused(stack: AsyncExitStack) -> None:
    with pytest.raises(ConfigInvalid, match=r"synthesis\.model is not set"):
        ladder(Config(synthesis=Synthesis(mode="vllm")), stack)
    with pytest.raises(ConfigInvalid, match=r"synthesis\.smaller\.0\.model is not set"):
        ladder(Config(synthesis=Synthesis(mode="vllm", model="m", smaller=(ModelServer(),))), stack)


def test_the_key_of_every_server_may_stand_in_no_reply(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("key-one\n")
    second.write_text("key-two\n")
    smaller = (ModelServer(model="s", api_key_file=str(second)),)
    config = Config(synthesis=Synthesis(mode="vllm", model="m", api_key_file=str(first), smaller=smaller))
    assert set(model_keys(config).values()) == {"key-one", "key-two"}


def test_doctor_names_every_server_that_is_down() -> None:
    down = [f"http://127.0.0.1:{port}/v1" for port in (1, 2)]
    config = Config(
        synthesis=Synthesis(
            mode="vllm", model="m", base_url=down[0], smaller=(ModelServer(model="s", base_url=down[1]),)
        )
    )
    with pytest.raises(Amiss) as amiss:
        synthesis(config)
    assert all(url in str(amiss.value) for url in down)


async def test_doctor_holds_a_server_that_refuses_the_key_for_a_fault() -> None:
    async with serving(status(401)) as server:
        with pytest.raises(ModelRefused, match="401"):
            await _probe("synthesis", ModelServer(base_url=server.base_url, model="m"))
