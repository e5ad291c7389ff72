"""The ladder on the whole line before real servers that do everything wrong: every ticket ends in an answer, a quote or a hand-over."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from line_parts import POLICY, Parts, Quote, Rung, ticket

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))

from wire_server import SSE_HEAD, Answer, chunk, draft, hanging
from wire_server import serving as wire

from appliance.evaluation.literals import unsupported_literals
from appliance.line.breaker import Breaker, Limits
from appliance.line.ladder import Served
from appliance.line.line import run as run_line
from appliance.line.load import Backlog, Load, LoadLimits
from appliance.policy import Deadlines
from appliance.ticket import Closed
from benchmarks.hostile_model import EVIL, MODES, serving
from models.errors import ModelRefused
from models.synthesis.vllm import VllmSynthesizer

QUICK = POLICY.model_copy(
    update={"deadlines": Deadlines.model_construct(**(Deadlines().model_dump() | {"simple_s": 1.5, "reserve_s": 0.5}))}
)
"""The real rules with little time."""
QUOTED = "Refunds are paid within 10 business days. They go to the card that paid."
GOOD = {"covered": True, "sentences": [{"text": "Refunds are paid within 10 business days.", "citations": [1]}]}
PATIENT = {"timeout_s": 60.0, "first_token_timeout_s": 60.0, "max_retries": 0}
"""Only the deadline ends these requests."""


@asynccontextmanager
async def server(base_url: str, **more: Any) -> AsyncIterator[Served]:
    times: dict[str, Any] = {"timeout_s": 1.0, "first_token_timeout_s": 0.5, "max_retries": 1} | more
    vllm = VllmSynthesizer(base_url, "m", "key", **times)
    breaker = Breaker(Limits(faults=2, open_s=60.0, lasting_s=600.0), time.monotonic)
    try:
        yield Served(vllm, breaker, Load(LoadLimits(16, wait_s=5.0, resume=0.75), Backlog()), clock=time.monotonic)
    finally:
        await vllm.aclose()


async def ended(*rungs: object, waited_s: float = 0.0, **more: Any) -> tuple[Closed, list[str]]:
    """The end of one ticket on a running clock, and the sentences that were told on the way."""
    told: list[str] = []
    desk = replace(Parts(ladder=rungs, **({"policy": QUICK} | more)).desk(), clock=time.monotonic)

    def emit(kind: str, data: dict[str, Any]) -> None:
        told.extend([str(data["text"])] if kind == "sentence" else [])

    return await run_line(desk, ticket(), emit, waited_s=waited_s), told


def outcomes(closed: Closed) -> list[tuple[str, str]]:
    assert closed.draft is not None
    return [(one.rung, one.outcome) for one in closed.draft.attempts]


@pytest.mark.parametrize("mode", ["down", *MODES])
async def test_whatever_the_model_server_does_the_ticket_ends_well_and_nothing_of_it_is_told(mode: str) -> None:
    async with AsyncExitStack() as stack:
        if mode == "down":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                base_url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        else:
            base_url = (await stack.enter_async_context(serving(mode))).base_url
        rung = await stack.enter_async_context(server(base_url))
        closed, told = await ended(rung, Quote())
    assert closed.reply.outcome in {"answered", "handed_over"}
    if closed.reply.outcome == "answered":
        assert closed.reply.text.startswith(" ".join(told))
        assert outcomes(closed)[-1] == ("quote", "answered")
    assert not any(evil in closed.reply.text for evil in EVIL)
    assert not unsupported_literals(" ".join(told), [QUOTED])


SLOW: dict[str, Answer] = {
    "says nothing": hanging(),
    "sends its head and nothing more": hanging(SSE_HEAD),
    "begins a sentence": hanging(SSE_HEAD, chunk('{"covered":true,"sentences":[{"text":"Refunds')),
    "has written what does not pass": hanging(
        SSE_HEAD, chunk('{"covered":true,"sentences":[{"text":"Refunds take 3 days.","citations":[1]},')
    ),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW.keys())
async def test_at_its_share_of_the_deadline_the_request_is_cancelled_and_the_quote_answers(answer: Answer) -> None:
    async with wire(answer) as slow, server(slow.base_url, **PATIENT) as rung:
        closed, told = await ended(rung, Quote())
        await asyncio.wait_for(slow.gone.wait(), 10)
        assert rung.load.running == 0
    assert closed.reply.outcome == "answered"
    assert " ".join(told) == QUOTED
    assert closed.draft is not None
    assert "line.deadline" in closed.draft.attempts[0].reason
    assert outcomes(closed)[-1] == ("quote", "answered")


async def test_a_sentence_that_has_passed_when_time_is_over_is_the_answer() -> None:
    head = (
        '{"covered":true,"sentences":[{"text":"Refunds are paid within 10 business days.","citations":[1]},{"text":"Th'
    )
    async with wire(hanging(SSE_HEAD, chunk(head))) as slow, server(slow.base_url, **PATIENT) as rung:
        closed, told = await ended(rung, Quote())
    assert told == ["Refunds are paid within 10 business days."]
    assert (closed.reply.outcome, closed.reply.rule) == ("answered", "ground.supported")
    assert closed.reply.text.startswith(told[0])


async def test_a_ticket_that_has_waited_out_its_deadline_is_quoted_and_no_model_is_asked() -> None:
    async with wire(hanging()) as slow, server(slow.base_url) as rung:
        closed, _ = await ended(rung, Quote(), waited_s=100.0)
        assert slow.requests == []
    assert closed.reply.outcome == "answered"
    assert closed.draft is not None
    assert closed.draft.attempts[0].rule == "ladder.no_time"


@pytest.mark.parametrize("hanging_part", ["_support", "_rank", "_encode"])
async def test_a_model_of_the_gates_or_of_the_search_that_hangs_ends_in_a_hand_over(hanging_part: str) -> None:
    class Hangs(Parts):
        pass

    async def hangs(*_: object) -> Any:
        await asyncio.Event().wait()

    setattr(Hangs, hanging_part, hangs)
    desk = replace(Hangs(policy=QUICK).desk(), clock=time.monotonic)
    closed = await run_line(desk, ticket(), lambda _kind, _data: None)
    assert (closed.reply.outcome, closed.reply.rule) == ("handed_over", "line.deadline")
    assert closed.reply.text == QUICK.replies.overloaded
    assert closed.note is not None
    assert closed.note.next_step.startswith("Answer the ticket: the assistant could not finish")
    assert closed.gap == ""


async def test_a_server_that_fails_again_and_again_is_left_alone_and_one_that_is_back_is_asked_again() -> None:
    now = [0.0]
    async with wire(draft("{}"), draft("{}"), draft(GOOD)) as real:
        vllm = VllmSynthesizer(real.base_url, "m", "key", max_retries=0)
        breaker = Breaker(Limits(faults=2, open_s=60.0, lasting_s=600.0), lambda: now[0])
        load = Load(LoadLimits(16, wait_s=5.0, resume=0.75), Backlog())
        rung = Served(vllm, breaker, load, clock=time.monotonic)
        for _ in range(2):
            assert outcomes((await ended(rung, Quote()))[0])[-1] == ("quote", "answered")
        asked = len(real.requests)
        closed, _ = await ended(rung, Quote())
        assert closed.draft is not None
        assert (closed.draft.attempts[0].rule, closed.draft.attempts[1].occasion) == (
            "ladder.breaker_open",
            "local_down",
        )
        assert (len(real.requests), rung.state) == (asked, "open")
        now[0] = 60.0
        assert rung.state == "half_open"
        assert outcomes((await ended(rung, Quote()))[0]) == [("vllm:m", "answered")]
        assert rung.state == "closed"
        await vllm.aclose()


async def test_of_eight_tickets_at_once_one_asks_a_server_that_may_be_back() -> None:

    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await draft(GOOD)(writer)

    now = [0.0]
    async with wire(late) as real:
        vllm = VllmSynthesizer(real.base_url, "m", "key", max_retries=0)
        breaker = Breaker(Limits(faults=2, open_s=60.0, lasting_s=600.0), lambda: now[0])
        load = Load(LoadLimits(16, wait_s=5.0, resume=0.75), Backlog())
        rung = Served(vllm, breaker, load, clock=time.monotonic)
        breaker.failed(lasting=True)
        now[0] = 600.0
        all_ended = await asyncio.gather(*(ended(rung, Quote()) for _ in range(8)))
        assert len(real.requests) == 1
        assert sum(outcomes(closed)[-1] == ("vllm:m", "answered") for closed, _ in all_ended) == 1
        assert {closed.reply.outcome for closed, _ in all_ended} == {"answered"}
        await vllm.aclose()


async def test_a_smaller_model_writes_when_the_first_is_down() -> None:
    async with wire(draft(GOOD)) as small, server(small.base_url) as second:
        closed, told = await ended(Rung([ModelRefused("no such model")], name="big"), second, Quote(), policy=POLICY)
    assert outcomes(closed) == [("big", "fault"), ("vllm:m", "answered")]
    assert told == ["Refunds are paid within 10 business days."]


def test_every_hostile_mode_is_there() -> None:
    assert len(MODES) + 1 == 14
