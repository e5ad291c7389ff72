"""R2: kill -9 with 1,000 runs in flight. How soon it serves again, and when all of them are resumed and answered.

    python -m benchmarks.restart [--runs 1000] [--postgres]

Messages are accepted faster than the box answers them, until so many are open; then it is killed and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from appliance.store.database import Database
from appliance.store.tables import MessageRow
from benchmarks.options import machine, show
from benchmarks.recovery.__main__ import _postgres
from benchmarks.recovery.crowd import TEXTS, Ack
from benchmarks.recovery.scene import Scene, scene, starter
from benchmarks.wire import ask, request
from models.telemetry import switch_off

_AT_ONCE = 64


def main() -> None:
    switch_off()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restart-")))
        url = _postgres(stack) if given.postgres else ""
        here = stack.enter_context(scene(folder, starter(folder), database_url=url))
        here.box.start()
        asyncio.run(_fill(here, given.runs))
        here.box.kill()
        open_before = _open(here.url)
        began = time.perf_counter()
        here.box.start()
        settled_s = here.settle()
        all_s = round(time.perf_counter() - began, 1)
        found = here.judge()
    show(
        {
            "machine": machine(),
            "database": "postgresql" if given.postgres else "sqlite",
            "in_flight": open_before,
            "ready_s": here.box.ready_s[-1],
            "all_answered_s": None if settled_s is None else all_s,
            **found,
        }
    )


async def _fill(here: Scene, runs: int) -> None:
    """Open conversations, many at once, until so many messages are accepted and not answered."""
    number = 0
    while await asyncio.to_thread(_open, here.url) < runs and number < 20 * runs:
        batch = range(number, number + _AT_ONCE)
        number += _AT_ONCE
        await asyncio.gather(*(_one(here, n) for n in batch))


async def _one(here: Scene, n: int) -> None:
    text = f"{TEXTS[n % len(TEXTS)]} [{n}]"
    body: dict[str, Any] = {"channel": "api", "message": text}
    answer = await ask(here.box.port, request("POST", "/api/conversations", body))
    if answer.status == 201:
        opened = answer.document()
        here.log.ack(Ack("api", opened["id"], "", text, opened["token"]))


def _open(url: str) -> int:
    database = Database.look(url)
    try:
        with database.read() as session:
            return session.scalar(select(func.count()).where(MessageRow.state == "accepted")) or 0
    finally:
        database.close()


if __name__ == "__main__":
    main()
