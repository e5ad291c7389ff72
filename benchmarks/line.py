"""P1 and P2: a whole answer through HTTP against its bare model calls, alone and with 16 clients."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import chain, count
from typing import Any

from appliance.evaluation.figures import percentile
from benchmarks.bare import Call, Models, merged, recorded
from benchmarks.ground import Ground, ground
from benchmarks.options import Options, run
from benchmarks.server import Client, Server, serving

_WARM_UP = "Good morning, is anybody there?"
"""The first requests of a process open files and pools. It is none of the questions: what it brings up would be known already."""
_CLIENTS = 16
_ROUNDS = 3
_MOST_S = 45.0
"""Of the rounds with one client, and of the load with many, so that a slow machine ends as well."""
_RAMP_S = 3.0
"""The first answers to 16 questions at once all wait for each other; they are not the steady state."""
_MERGE = 4
"""Questions whose calls are merged for the models' own limit, about as many as the queues put into a batch."""


async def record(where: Ground) -> list[list[Call]]:
    """The model calls of every question; the outcomes must be answers, or there is nothing to time."""
    found = [await recorded(where.appliance, where.models, question) for question in where.options.questions]
    if not any(outcome == "answered" for _, outcome in found):
        raise SystemExit("No question was answered: give --questions that fit --kb.")
    return [calls for calls, _ in found]


def one_client(where: Ground, calls: Sequence[Sequence[Call]], server: Server) -> dict[str, Any]:
    """Question by question: through HTTP, then bare, so that both see the same state of the machine.

    In the first round nobody has asked before: P2 is measured on it alone. Later rounds find sentences that are known already, on both sides.
    """
    client, whole, bare, outcomes = Client(server.port), [], [], Counter[str]()
    for _ in range(3):
        client.ask(_WARM_UP)
    where.models.forget()
    until = time.perf_counter() + _MOST_S
    for question, made in chain.from_iterable([list(zip(where.options.questions, calls, strict=True))] * _ROUNDS):
        outcome, took = client.ask(question)
        outcomes[outcome] += 1
        whole.append(took * 1000)
        bare.append(where.models.seconds(made) * 1000)
        if time.perf_counter() > until:
            break
    client.close()
    ratio = sorted(one / other for one, other in zip(whole, bare, strict=True))
    p50, p50_bare = percentile(whole, 50), percentile(bare, 50)
    assert p50 and p50_bare
    first = whole[: len(where.options.questions)]
    return {
        "outcomes": dict(outcomes),
        "http_p50_ms": p50,
        "http_p95_ms": percentile(whole, 95),
        "bare_p50_ms": p50_bare,
        "bare_p95_ms": percentile(bare, 95),
        "P1_ratio": round(p50 / p50_bare, 3),
        "P1_median_of_ratios": round(ratio[len(ratio) // 2], 3),
        "P1_target": "<= 1.25",
        "P2_one_client_p50_ms": percentile(first, 50),
        "P2_one_client_p95_ms": percentile(first, 95),
        "P2_asked_again_p50_ms": percentile(whole[len(first) :], 50),
        "P2_one_client_target": "<= 150 on 2 cores with 711 articles",
    }


def many_clients(where: Ground, calls: Sequence[Sequence[Call]], server: Server) -> dict[str, Any]:
    """Answers a second with 16 clients; the models' own limit is measured before and after, with nobody else on the machine.

    The load lasts at least three generations of 16 answers at that limit, or a slow machine would show its first wave only.
    """
    before = limit(where.models, calls)
    generation = _CLIENTS / before
    seconds = min(max(where.options.seconds, 3 * generation), _MOST_S)
    answered = load(server, where.options.questions, ramp=max(_RAMP_S, min(generation, _MOST_S / 2)), seconds=seconds)
    after = limit(where.models, calls)
    most = (before + after) / 2
    goodput = answered["answered"] / seconds
    return {
        "clients": _CLIENTS,
        "seconds": round(seconds, 1),
        "outcomes": dict(answered),
        "goodput_per_s": round(goodput, 2),
        "models_limit_per_s": round(most, 2),
        "P2_goodput_ratio": round(goodput / most, 3),
        "P2_goodput_target": ">= 0.85",
    }


def limit(models: Models, calls: Sequence[Sequence[Call]]) -> float:
    """Answers a second that the bare models can make: one after the other or merged, whichever is faster."""
    groups = [merged(calls[start : start + _MERGE]) for start in range(0, len(calls), _MERGE)]
    alone = sum(models.seconds(one) for one in calls)
    together = sum(models.seconds(group) for group in groups)
    return len(calls) / min(alone, together)


def load(server: Server, questions: Sequence[str], *, ramp: float, seconds: float) -> Counter[str]:
    """Outcomes within ``seconds`` of clients that ask without a pause, ``ramp`` seconds after their start; who is refused waits a little."""
    outcomes: Counter[str] = Counter()
    turn, lock = count(), threading.Lock()
    start = time.perf_counter() + ramp

    def visitor() -> None:
        client = Client(server.port)
        while time.perf_counter() < start + seconds:
            outcome, _ = client.ask(questions[next(turn) % len(questions)])
            with lock:
                outcomes[outcome] += start <= time.perf_counter() < start + seconds
            if outcome.isdecimal():
                time.sleep(0.2)
        client.close()

    visitors = [threading.Thread(target=visitor) for _ in range(_CLIENTS)]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join()
    return outcomes


def measure(where: Ground, calls: Sequence[Sequence[Call]], server: Server) -> dict[str, Any]:
    return {"one_client": one_client(where, calls, server), "many_clients": many_clients(where, calls, server)}


async def _alone(options: Options) -> dict[str, Any]:
    async with ground(options) as where:
        await asyncio.to_thread(where.appliance.knowledge.add, [options.kb])
        calls = await record(where)
        with serving(where.data, where.profile) as server:
            return await asyncio.to_thread(measure, where, calls, server)


if __name__ == "__main__":
    run("P1 and P2: an answer through HTTP against its bare model calls", lambda options: asyncio.run(_alone(options)))
