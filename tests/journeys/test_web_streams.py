"""Server-sent events: a run as it happens, and coming back to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from web_fixtures import Visitor

from appliance.line.events import Event
from appliance.web.stream import GOODBYE, GREETING, HEARTBEAT, Streams

SSE = {"Accept": "text/event-stream"}


def read(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The events of a stream; comments and ``retry`` are left out."""
    event: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and "data" in event:
            yield event
            event = {}
        elif name in {"id", "event", "data"}:
            event[name] = value


def streamed(visitor: Visitor, text: str) -> list[dict[str, str]]:
    request = {"json": {"text": text}, "headers": {**visitor.headers, **SSE}}
    with visitor.client.stream("POST", f"{visitor.path}/messages", **request) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        return list(read(answer.iter_lines()))


def test_a_run_streams_stages_sentences_and_the_reply(visitor: Visitor) -> None:
    events = streamed(visitor, "how do I invite")
    assert [event["event"] for event in events] == ["stage", "stage", "stage", "sentence", "sentence", "done"]
    assert [event["id"] for event in events] == [f"1.{n}" for n in range(1, 7)]
    assert json.loads(events[-1]["data"])["outcome"] == "answered"


def test_a_reader_comes_back_after_the_last_event_it_saw(visitor: Visitor) -> None:
    streamed(visitor, "how do I invite")
    headers = {**visitor.headers, **SSE, "Last-Event-ID": "1.4"}
    with visitor.client.stream("GET", f"{visitor.path}/events", headers=headers) as answer:
        events = read(answer.iter_lines())
        assert [next(events)["id"], next(events)["id"]] == ["1.5", "1.6"]


@pytest.mark.parametrize("last", ["nonsense", "9" * 60, "-1.0"])
def test_a_malformed_last_event_id_starts_from_the_beginning(visitor: Visitor, last: str) -> None:
    streamed(visitor, "how do I invite")
    headers = {**visitor.headers, **SSE, "Last-Event-ID": last}
    with visitor.client.stream("GET", f"{visitor.path}/events", headers=headers) as answer:
        assert next(read(answer.iter_lines()))["id"] == "1.1"


def test_a_run_goes_on_when_its_listener_leaves(visitor: Visitor) -> None:
    request = {"json": {"text": "how do I invite"}, "headers": {**visitor.headers, **SSE}}
    with visitor.client.stream("POST", f"{visitor.path}/messages", **request) as answer:
        next(read(answer.iter_lines()))
    headers = {**visitor.headers, **SSE}
    with visitor.client.stream("GET", f"{visitor.path}/events", headers=headers) as answer:
        assert any(event["event"] == "done" for event in read(answer.iter_lines()))


def test_a_fault_in_a_stream_is_an_event_without_its_words(visitor: Visitor) -> None:
    events = streamed(visitor, "cut")
    assert events[-1]["event"] == "error"
    problem = json.loads(events[-1]["data"])
    assert problem["code"] == "fault"
    assert "breaks here" not in events[-1]["data"]


def test_a_stream_needs_the_key(visitor: Visitor, client: httpx.Client) -> None:
    assert client.get(f"{visitor.path}/events", headers=SSE).status_code == 401


async def one_then_silence(stopped: asyncio.Event) -> AsyncIterator[Event]:
    try:
        yield Event("1.1", "stage", {"stage": "classify"})
        await asyncio.Event().wait()
    finally:
        stopped.set()


async def test_silence_is_filled_with_heartbeats() -> None:
    frames = Streams(heartbeat_s=0.01).frames(one_then_silence(asyncio.Event()))
    assert await anext(frames) == GREETING
    assert (await anext(frames)).startswith(b"id: 1.1\nevent: stage\n")
    assert [await anext(frames), await anext(frames)] == [HEARTBEAT, HEARTBEAT]
    await frames.aclose()


async def test_closing_ends_every_stream_politely_and_frees_its_source() -> None:
    streams, stopped = Streams(), asyncio.Event()
    frames = streams.frames(one_then_silence(stopped))
    await anext(frames), await anext(frames)
    last = asyncio.create_task(anext(frames))
    await asyncio.sleep(0)
    streams.close()
    assert await last == GOODBYE
    await stopped.wait()
    assert streams.open == 0


async def test_a_stream_that_is_left_frees_its_source() -> None:
    streams, stopped = Streams(), asyncio.Event()
    frames = streams.frames(one_then_silence(stopped))
    await anext(frames), await anext(frames)
    waiting = asyncio.create_task(anext(frames))
    await asyncio.sleep(0)
    waiting.cancel()
    await stopped.wait()
    assert streams.open == 0


async def test_an_old_stream_ends_so_that_its_key_is_looked_at_again() -> None:
    frames = Streams(heartbeat_s=0.01, lifetime_s=0.0).frames(one_then_silence(asyncio.Event()))
    assert [frame async for frame in frames] == [GREETING, GOODBYE]
