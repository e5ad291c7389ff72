"""Every model alone and in the line: milliseconds of a call on real inputs."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from appliance.evaluation.figures import percentile
from benchmarks.bare import Call
from benchmarks.ground import Ground, ground
from benchmarks.line import record
from benchmarks.options import Options, run


def measure(where: Ground, calls: Sequence[Sequence[Call]]) -> dict[str, Any]:
    """Of each model: the calls that the line made, once more one by one, with the number of inputs of a typical one.

    ``in_line``: what the same calls took when the line made them, between search, storage and the other models.
    """
    times: defaultdict[str, list[float]] = defaultdict(list)
    sizes: defaultdict[str, list[float]] = defaultdict(list)
    in_line: defaultdict[str, list[float]] = defaultdict(list)
    where.models.forget()
    for call in (call for made in calls for call in made):
        began = time.perf_counter()
        where.models.call(call)
        times[call.model].append((time.perf_counter() - began) * 1000)
        sizes[call.model].append(len(call.inputs))
        in_line[call.model].append(call.ms)
    return {
        name: {
            "calls": len(took),
            "inputs_p50": percentile(sizes[name], 50),
            "p50_ms": percentile(took, 50),
            "p95_ms": percentile(took, 95),
            "in_line_p50_ms": percentile(in_line[name], 50),
            "in_line_p95_ms": percentile(in_line[name], 95),
        }
        for name, took in times.items()
    } | {"revisions": where.appliance.models.description}


async def _alone(options: Options) -> dict[str, Any]:
    async with ground(options) as where:
        await asyncio.to_thread(where.appliance.knowledge.add, [options.kb])
        return {"models": measure(where, await record(where))}


if __name__ == "__main__":
    run("Every model alone", lambda options: asyncio.run(_alone(options)))
