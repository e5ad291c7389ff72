"""Server-sent events: a run as it happens, and coming back to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from web_fixtures import Visitor

from appliance.errors import Busy, TooFast
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


class Wire:
    """The server's side of one client, which may leave or stop reading."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.left, self.reads, self.took = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.reads.set()

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.sent.append(message["body"])
        self.took.set()

    async def has_taken(self, count: int) -> None:
        while len(self.sent) < count:
            self.took.clear()
            await self.took.wait()


async def one_then_silence(stopped: asyncio.Event) -> AsyncIterator[Event]:
    try:
        yield Event("1.1", "stage", {"stage": "classify"})
        await asyncio.Event().wait()
    finally:
        stopped.set()


def listening(streams: Streams, wire: Wire, stopped: asyncio.Event) -> asyncio.Task[None]:
    return asyncio.create_task(streams.run("c", one_then_silence(stopped), wire.receive, wire.send))


async def test_silence_is_filled_with_heartbeats() -> None:
    streams, wire, stopped = Streams(heartbeat_s=0.01, tick_s=0.01), Wire(), asyncio.Event()
    stream = listening(streams, wire, stopped)
    await wire.has_taken(4)
    assert wire.sent[0] == GREETING
    assert wire.sent[1].startswith(b"id: 1.1\nevent: stage\n")
    assert wire.sent[2:4] == [HEARTBEAT, HEARTBEAT]
    wire.left.set()
    await stream


async def test_closing_ends_every_stream_politely_and_frees_its_source() -> None:
    streams, wire, stopped = Streams(), Wire(), asyncio.Event()
    stream = listening(streams, wire, stopped)
    await wire.has_taken(2)
    streams.close()
    await stream
    assert wire.sent[2:] == [GOODBYE, b""]
    assert stopped.is_set()
    assert (streams.open, streams.ended) == (0, {"closing": 1})


async def test_a_stream_that_comes_while_the_server_closes_is_told_to_come_back() -> None:
    streams, wire = Streams(), Wire()
    streams.close()
    await streams.run("c", one_then_silence(asyncio.Event()), wire.receive, wire.send)
    assert wire.sent == [GOODBYE, b""]


async def test_a_stream_that_is_left_frees_its_source() -> None:
    streams, wire, stopped = Streams(), Wire(), asyncio.Event()
    stream = listening(streams, wire, stopped)
    await wire.has_taken(2)
    wire.left.set()
    await stream
    assert stopped.is_set()
    assert len(wire.sent) == 2
    assert (streams.open, streams.ended) == (0, {"left": 1})


async def test_a_reader_who_takes_nothing_is_dropped_even_between_events() -> None:
    streams, wire, stopped = Streams(write_s=0.01, heartbeat_s=0.01, tick_s=0.01), Wire(), asyncio.Event()
    stream = listening(streams, wire, stopped)
    await wire.has_taken(2)
    wire.reads.clear()
    await stream
    assert stopped.is_set()
    assert (streams.open, streams.ended) == (0, {"slow": 1})


async def test_an_old_stream_ends_so_that_its_key_is_looked_at_again() -> None:
    streams, wire, stopped = Streams(lifetime_s=0.0, tick_s=0.01), Wire(), asyncio.Event()
    await listening(streams, wire, stopped)
    assert wire.sent[-2:] == [GOODBYE, b""]
    assert stopped.is_set()
    assert streams.ended == {"old": 1}


async def test_a_server_that_is_cancelled_is_not_mistaken_for_a_reader_who_left() -> None:
    streams, wire, stopped = Streams(), Wire(), asyncio.Event()
    stream = listening(streams, wire, stopped)
    await wire.has_taken(2)
    stream.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stream
    assert stopped.is_set()
    assert streams.open == 0


async def test_a_conversation_and_the_box_hold_so_many_streams_and_no_more() -> None:
    streams, wires = Streams(most=3, each=2), [Wire() for _ in range(3)]
    tasks = [listening(streams, wire, asyncio.Event()) for wire in wires[:2]]
    await wires[1].has_taken(2)
    with pytest.raises(TooFast):
        streams.check("c")
    streams.check("another")
    third = asyncio.create_task(streams.run("d", one_then_silence(asyncio.Event()), wires[2].receive, wires[2].send))
    await wires[2].has_taken(2)
    with pytest.raises(Busy):
        streams.check("another")
    wires[0].left.set()
    await tasks[0]
    streams.check("c")
    streams.close()
    await asyncio.gather(*tasks, third)


async def test_who_waits_is_told_the_place_and_again_only_when_it_moves() -> None:
    places, wire = {"c": 3, "of somebody else": 1}, Wire()
    streams = Streams(places=lambda: places, tick_s=0.01)
    stream = listening(streams, wire, asyncio.Event())
    await wire.has_taken(3)
    places["c"] = 2
    await wire.has_taken(4)
    places.clear()
    streams.close()
    await stream
    assert wire.sent[2:4] == [b'event: queued\ndata: {"position":%d}\n\n' % place for place in (3, 2)]
    assert wire.sent[4:] == [GOODBYE, b""]
