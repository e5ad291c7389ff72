"""P6: size of an installation, start to ready, resident memory."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from benchmarks.ground import ground
from benchmarks.options import Options, run
from benchmarks.server import Server, serving


def measure(options: Options, server: Server, before: dict[str, float]) -> dict[str, Any]:
    """``before``: memory when it was ready; now: after whatever was asked since."""
    return {
        "start_to_ready_s": server.ready_s,
        "P6_start_target": "<= 5 s",
        "resident_mib_when_ready": before["now"],
        "resident_mib_now": server.memory_mib()["now"],
        "resident_mib_highest": server.memory_mib()["highest"],
        "P6_memory_target": "<= 700 MiB",
        "installed_mb": installed_mb(options.venv) if options.venv else None,
        "P6_size_target": "<= 850 MB",
    }


def installed_mb(venv: Path) -> float:
    """Bytes on disk of every file in an environment, links not followed, hard links counted once."""
    seen: set[tuple[int, int]] = set()
    size = 0
    for folder, _, files in os.walk(venv):
        for name in files:
            status = (Path(folder) / name).lstat()
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                size += status.st_blocks * 512
    return round(size / 1e6, 1)


async def _alone(options: Options) -> dict[str, Any]:
    async with ground(options) as where:
        await asyncio.to_thread(where.appliance.knowledge.add, [options.kb])
        with serving(where.data, where.profile) as server:
            return {"footprint": measure(options, server, server.memory_mib())}


if __name__ == "__main__":
    run("P6: size, start, memory", lambda options: asyncio.run(_alone(options)))
