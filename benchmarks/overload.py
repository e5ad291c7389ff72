"""R4: ten times more messages than the appliance can answer. What is acknowledged comes fast and is never lost; the rest is told when to come back.

    python -m benchmarks.overload [--seconds 60] [--factor 10]

A real ``appliance up`` with the profile's starter articles, quoting. First its capacity: replies a second with 16 visitors who ask without a
pause. Then arrivals at ``factor`` times that, whatever has become of those before (open loop, exponential gaps), each on a connection of its
own: half of them open a conversation with their message (201 is the acknowledgement), half write in a chat that is open already and read its
events (the first byte of the 200 is the acknowledgement: the message is committed before it). Times count from the moment an arrival was due.
After the storm everything acknowledged is compared with the database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.evaluation.datasets import read_questions
from appliance.evaluation.figures import percentile
from benchmarks.options import machine, show
from benchmarks.oracle import customers_messages, judge, settle
from benchmarks.server import Server, serving
from benchmarks.wire import EVENT_STREAM, Answer, ask, request
from models.telemetry import switch_off

_QUESTIONS = Path(__file__).parent.parent / "tests" / "data" / "questions"
_CLIENTS = 16
_RAMP_S = 3.0
_CHATS = 400
"""Conversations opened before the storm; one whose message was refused writes again later."""
_DRAIN_S = 180.0


@dataclass(slots=True)
class Arrival:
    """One message that was offered. ``key``: its idempotency key; "" for the first message of a new conversation."""

    due: float
    sent_at: float
    conversation: str
    key: str
    answer: Answer

    @property
    def acknowledged(self) -> bool:
        return self.answer.status in {200, 201}

    @property
    def refused(self) -> bool:
        return self.answer.status in {429, 503}


@dataclass(slots=True)
class Crowd:
    """Everybody who writes. ``chats``: conversations whose next message may be written."""

    port: int
    questions: Sequence[str]
    chats: list[tuple[str, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    async def open(self, many: int) -> None:
        for _ in range(many):
            answer = await ask(self.port, request("POST", "/api/conversations", {"channel": "chat"}))
            opened = answer.document()
            self.chats.append((opened["id"], opened["token"]))

    async def arrive(self, due: float) -> Arrival:
        number = next(self.numbers)
        if number % 2 and self.chats:
            return await self.write(due, number)
        document = {"channel": "api", "message": self._question(number)}
        sent_at = time.perf_counter()
        answer = await ask(self.port, request("POST", "/api/conversations", document))
        opened = answer.document()["id"] if answer.status == 201 else ""
        return Arrival(due, sent_at, opened, "", answer)

    async def write(self, due: float, number: int) -> Arrival:
        conversation, token = self.chats.pop()
        document = {"text": self._question(number), "idempotency_key": f"storm-{number}"}
        sent_at = time.perf_counter()
        path = f"/api/conversations/{conversation}/messages"
        answer = await ask(self.port, request("POST", path, document, token, EVENT_STREAM))
        if answer.status in {429, 503}:
            self.chats.insert(0, (conversation, token))
        return Arrival(due, sent_at, conversation, f"storm-{number}", answer)

    def _question(self, number: int) -> str:
        return self.questions[number % len(self.questions)]


async def capacity(crowd: Crowd, seconds: float) -> dict[str, Any]:
    """Replies a second of visitors who ask again as soon as they are answered, each time in a new conversation."""
    start = time.perf_counter() + _RAMP_S
    end, replies, took = start + seconds, Counter[str](), list[float]()

    async def visitor() -> None:
        while (began := time.perf_counter()) < end:
            await crowd.open(1)
            arrival = await crowd.write(began, next(crowd.numbers))
            if start <= arrival.answer.last_at < end:
                replies[arrival.answer.fault or str(arrival.answer.status)] += 1
                took.append((arrival.answer.last_at - arrival.sent_at) * 1000)

    await asyncio.gather(*(visitor() for _ in range(_CLIENTS)))
    return {
        "clients": _CLIENTS,
        "seconds": seconds,
        "outcomes": dict(replies),
        "reply_p50_ms": percentile(took, 50),
        "reply_p95_ms": percentile(took, 95),
        "goodput_per_s": round(replies["200"] / seconds, 2),
    }


async def storm(crowd: Crowd, rate: float, seconds: float) -> list[Arrival]:
    """Arrivals at ``rate`` a second; returns when the last of them has its answer."""
    gaps, under_way = random.Random(5), set[asyncio.Task[Arrival]]()
    arrivals: list[Arrival] = []
    start = time.perf_counter()
    due = start
    while due < start + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(crowd.arrive(due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        task.add_done_callback(lambda done: arrivals.append(done.result()))
        due += gaps.expovariate(rate)
    while under_way:
        await asyncio.wait(under_way)
    return arrivals


def figures(arrivals: Sequence[Arrival]) -> dict[str, Any]:
    accepted = [one for one in arrivals if one.acknowledged]
    refused = [one for one in arrivals if one.refused]
    acks = [(one.answer.first_at - one.due) * 1000 for one in accepted]
    nos = [(one.answer.first_at - one.due) * 1000 for one in refused]
    waits = [int(one.answer.headers["retry-after"]) for one in refused if "retry-after" in one.answer.headers]
    others = Counter(
        one.answer.fault or str(one.answer.status) for one in arrivals if not (one.acknowledged or one.refused)
    )
    streams = [one for one in accepted if one.key]
    whole = [(one.answer.last_at - one.due) * 1000 for one in streams if not one.answer.fault]
    late = [(one.sent_at - one.due) * 1000 for one in arrivals]
    return {
        "offered": len(arrivals),
        "accepted": len(accepted),
        "ack_p50_ms": percentile(acks, 50),
        "ack_p95_ms": percentile(acks, 95),
        "R4_ack_target": "p95 <= 500 ms",
        "refused": dict(sorted(Counter(str(one.answer.status) for one in refused).items())),
        "refused_p50_ms": percentile(nos, 50),
        "refused_p95_ms": percentile(nos, 95),
        "refused_without_retry_after": len(refused) - len(waits),
        "retry_after_s": {
            "min": min(waits, default=None),
            "p50": percentile(waits, 50),
            "max": max(waits, default=None),
        },
        "errors_of_other_kinds": dict(others),
        "streams": {
            "answered": len(whole),
            "reply_p50_ms": percentile(whole, 50),
            "reply_p95_ms": percentile(whole, 95),
            "broken": dict(Counter(one.answer.fault for one in streams if one.answer.fault)),
            "told_their_place": sum(b"event: queued\n" in one.answer.body for one in streams),
        },
        "generator_late_p95_ms": percentile(late, 95),
    }


async def measure(server: Server, data: Path, given: argparse.Namespace) -> dict[str, Any]:
    questions = read_questions(_QUESTIONS / f"{given.profile}.jsonl")
    crowd = Crowd(server.port, [one.text for one in questions])
    able = await capacity(crowd, given.capacity_seconds)
    await crowd.open(_CHATS)
    before = customers_messages(data)
    rate = given.factor * able["goodput_per_s"]
    began, used = time.perf_counter(), _processor_s(server.pid)
    arrivals = await storm(crowd, rate, given.seconds)
    stormed = time.perf_counter() - began
    busy = (_processor_s(server.pid) - used) / stormed
    drained = await asyncio.to_thread(settle, data, patience_s=_DRAIN_S)
    listed = [(one.conversation, one.key) for one in arrivals if one.acknowledged]
    unsure = sum(not one.answer.status for one in arrivals)
    return {
        "capacity": able,
        "storm": {"seconds": given.seconds, "factor": given.factor, "rate_per_s": round(rate, 1), **figures(arrivals)},
        "accepted_per_s": round(len(listed) / given.seconds, 2),
        "server_processors_busy": round(busy, 2),
        "drained_s": drained,
        "oracle": judge(data, listed, uncertain=unsure, before=before),
        "server_memory_mib": server.memory_mib(),
    }


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", default="saas", help="a shipped profile (default saas)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the storm lasts (default 60)")
    parser.add_argument(
        "--factor", type=float, default=10.0, help="how many times the capacity is offered (default 10)"
    )
    parser.add_argument("--capacity-seconds", type=float, default=20.0, help="for measuring the capacity (default 20)")
    given = parser.parse_args()
    switch_off()
    with TemporaryDirectory(prefix="appliance-bench-") as folder:
        found = {"machine": machine()}
        with serving(Path(folder), Path(given.profile)) as server:
            found |= asyncio.run(measure(server, Path(folder), given))
    show(found)


if __name__ == "__main__":
    main()
