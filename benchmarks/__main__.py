"""All benchmarks on one knowledge base: import (P3), every model alone, one and many clients (P1, P2), first sentence (P5), footprint (P6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from appliance.cli.console import err
from benchmarks import beside, first_token, footprint, ingest, line, roles
from benchmarks.ground import ground
from benchmarks.options import Options, run
from benchmarks.server import serving

_MODEL_QUESTIONS = 4
"""For which the first sentence of a model server is timed: its pace is fixed, so more would only take longer."""


async def everything(options: Options) -> dict[str, Any]:
    async with ground(options) as where:
        err.print("import against the bare encoder …")
        imported = await asyncio.to_thread(ingest.measure, where)
        err.print("recording the model calls, every model alone …")
        calls = await line.record(where)
        alone = await asyncio.to_thread(roles.measure, where, calls)
        err.print("first sentence of a language model, through the line and directly …")
        few = replace(where, options=replace(where.options, questions=where.options.questions[:_MODEL_QUESTIONS]))
        first = await first_token.beside_paced(few)
        err.print("answers through HTTP …")
        with serving(where.data, where.profile) as server:
            ready = server.memory_mib()
            answered = await asyncio.to_thread(line.measure, where, calls, server)
            weighed = footprint.measure(options, server, ready)
    err.print("beside sentence-transformers …")
    compared = await asyncio.to_thread(beside.measure, options)
    return {"ingest": imported, "models": alone, **answered, **first, "footprint": weighed, **compared}


if __name__ == "__main__":
    run(__doc__ or "", lambda options: asyncio.run(everything(options)))
