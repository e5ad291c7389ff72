"""R5: ten thousand visitors who only listen. What they cost in memory, whether each of them hears of its conversation, and how others fare.

    python -m benchmarks.idle_streams [--streams 10000] [--conversations 500]

A real ``appliance up`` with the profile's starter articles, quoting. Every stream is a connection of its own to
``/api/conversations/{id}/events``, read by this process. Held means: after a pause longer than a heartbeat each is still open and has been sent
one. Then a message goes to every conversation, and every stream of it must be sent the ``done`` event of that message.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.evaluation.datasets import read_questions
from appliance.evaluation.figures import percentile
from benchmarks.options import machine, show
from benchmarks.server import Server, serving
from benchmarks.wire import EVENT_STREAM, ask, request
from models.telemetry import switch_off

_QUESTIONS = Path(__file__).parent.parent / "tests" / "data" / "questions"
_CONNECTING = 64
"""Connections that are opened at once."""
_HEARTBEAT_S = 15.0
_WRITERS = 8
_PATIENCE_S = 60.0
_SPARE_FILES = 200


@dataclass(slots=True)
class Talk:
    """A conversation, and what its streams have in common. ``heard``: streams that were sent the end of its last message."""

    id: str
    token: str
    streams: list[Listener] = field(default_factory=list)


class Listener(asyncio.Protocol):
    """One idle stream; it keeps counts and no bytes."""

    __slots__ = ("_tail", "done", "heartbeats", "lost", "open", "sent")

    def __init__(self, sent: bytes) -> None:
        self.sent = sent
        self.open = asyncio.get_running_loop().create_future()
        self.heartbeats = 0
        self.done = 0
        self.lost = False
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.sent)
        self.sent = b""

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            self.open.set_result(data.split(b" ", 2)[1])
        seen = self._tail + data
        self.heartbeats += seen.count(b": still here\n")
        self.done += seen.count(b"event: done\n")
        self._tail = seen[seen.rfind(b"\n") + 1 :][-64:]

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True
        if not self.open.done():
            self.open.set_result(b"lost")


async def converse(port: int, many: int) -> list[Talk]:
    talks = []
    for _ in range(many):
        opened = (await ask(port, request("POST", "/api/conversations", {"channel": "chat"}))).document()
        talks.append(Talk(opened["id"], opened["token"]))
    return talks


async def listen(port: int, talks: Sequence[Talk], many: int) -> dict[str, int]:
    """Open the streams, a few at a time; returns how many of each status."""
    gate, counts = asyncio.Semaphore(_CONNECTING), dict[str, int]()

    async def one(number: int) -> None:
        talk = talks[number % len(talks)]
        sent = request("GET", f"/api/conversations/{talk.id}/events", None, talk.token, EVENT_STREAM)
        async with gate:
            try:
                _, listener = await asyncio.get_running_loop().create_connection(
                    lambda: Listener(sent), "127.0.0.1", port
                )
                async with asyncio.timeout(_PATIENCE_S):
                    status = (await listener.open).decode()
            except (OSError, TimeoutError) as error:
                status = type(error).__name__
            else:
                talk.streams.append(listener)
        counts[status] = counts.get(status, 0) + 1

    await asyncio.gather(*(one(number) for number in range(many)))
    return counts


async def tell(port: int, talks: Sequence[Talk], questions: Sequence[str]) -> dict[str, Any]:
    """A message in each conversation; returns how many streams were sent its end, and how long after the writer the last one was."""
    turn, behind, faults = iter(range(len(talks))), list[float](), list[str]()

    async def writer() -> None:
        for number in turn:
            talk, heard = talks[number], [stream.done for stream in talks[number].streams]
            document = {"text": questions[number % len(questions)]}
            sent = request("POST", f"/api/conversations/{talk.id}/messages", document, talk.token)
            answer = await ask(port, sent)
            if answer.status != 200:
                faults.append(answer.fault or str(answer.status))
                continue
            while any(stream.done == count for stream, count in zip(talk.streams, heard, strict=True)):
                if time.perf_counter() > answer.last_at + _PATIENCE_S:
                    break
                await asyncio.sleep(0.005)
            behind.append((time.perf_counter() - answer.last_at) * 1000)

    await asyncio.gather(*(writer() for _ in range(_WRITERS)))
    streams = [stream for talk in talks for stream in talk.streams]
    return {
        "messages": len(talks),
        "faults": faults,
        "streams_told": sum(stream.done > 0 for stream in streams),
        "streams_told_twice": sum(stream.done > 1 for stream in streams),
        "last_stream_behind_reply_p50_ms": percentile(behind, 50),
        "last_stream_behind_reply_p95_ms": percentile(behind, 95),
    }


async def answers(port: int, questions: Sequence[str]) -> dict[str, Any]:
    """One visitor, question after question, each in a conversation that nobody else listens to."""
    took, outcomes = list[float](), dict[str, int]()
    for question in questions:
        (talk,) = await converse(port, 1)
        began = time.perf_counter()
        answer = await ask(
            port, request("POST", f"/api/conversations/{talk.id}/messages", {"text": question}, talk.token)
        )
        outcome = answer.document()["outcome"] if answer.status == 200 else answer.fault or str(answer.status)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        took.append((answer.last_at - began) * 1000)
    return {"outcomes": outcomes, "p50_ms": percentile(took, 50), "p95_ms": percentile(took, 95)}


async def measure(server: Server, given: argparse.Namespace) -> dict[str, Any]:
    questions = [one.text for one in read_questions(_QUESTIONS / f"{given.profile}.jsonl")][:40]
    await answers(server.port, questions)  # warms up: what a first answer loads is no stream's memory
    alone = await answers(server.port, questions)
    talks = await converse(server.port, given.conversations)
    base = server.memory_mib()["now"]
    began = time.perf_counter()
    statuses = await listen(server.port, talks, given.streams)
    opened_s = time.perf_counter() - began
    await asyncio.sleep(2 * _HEARTBEAT_S + 2)
    streams = [stream for talk in talks for stream in talk.streams]
    held = server.memory_mib()["now"]
    beside = await answers(server.port, questions)
    told = await tell(server.port, talks, questions)
    after = server.memory_mib()["now"]
    return {
        "streams": given.streams,
        "conversations": given.conversations,
        "statuses": statuses,
        "opened_s": round(opened_s, 1),
        "held": sum(not stream.lost for stream in streams),
        "with_heartbeat": sum(stream.heartbeats > 0 for stream in streams),
        "memory_base_mib": base,
        "memory_over_base_mib": round(held - base, 1),
        "memory_over_base_after_messages_mib": round(after - base, 1),
        "R5_target": "all held, <= 350 MiB over base",
        "threads": _threads(server.pid),
        "told": told,
        "answers_alone": alone,
        "answers_beside_streams": beside,
    }


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", default="saas", help="a shipped profile (default saas)")
    parser.add_argument("--streams", type=int, default=10_000, help="how many streams (default 10000)")
    parser.add_argument("--conversations", type=int, default=500, help="how many they belong to (default 500)")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < given.streams + _SPARE_FILES:
        raise SystemExit(f"This user may open {most} files; {given.streams} streams need more (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    switch_off()
    with TemporaryDirectory(prefix="appliance-bench-") as folder:
        found = {"machine": machine()}
        with serving(Path(folder), Path(given.profile)) as server:
            found |= asyncio.run(measure(server, given))
    show(found)


if __name__ == "__main__":
    main()
