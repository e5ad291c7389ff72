"""What durability costs a message: from the reception to the stored reply with the journal, beside the bare line that notes nothing.

    python -m benchmarks.durable [--database-url postgresql+psycopg://…] [--count 100]

The models are stand-ins that take next to no time, so the difference is what is written: the message, its run, its steps and its reply. One message at
a time, each in a conversation of its own, both ways in turn, after a warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.config import Config, Database, Models
from appliance.evaluation.datasets import read_questions
from appliance.evaluation.figures import percentile
from appliance.line.line import run as run_line
from appliance.store.turns import SqlTurns
from benchmarks.options import machine, show
from models.standin import StandInWarning
from models.telemetry import switch_off

_QUESTIONS = Path(__file__).parent.parent / "tests" / "data" / "questions" / "saas.jsonl"
_WARM_UP = 10


async def _both(appliance: Appliance, text: str) -> tuple[float, float]:
    """Milliseconds with everything that makes it durable, and of the line alone for the same ticket."""
    began = time.perf_counter()
    opened = await appliance.reception.open(channel="chat", text=text)
    assert opened.accepted is not None
    await appliance.runner.reply(opened.accepted.message.id)
    durable = time.perf_counter() - began
    ticket = await asyncio.to_thread(SqlTurns(appliance.database).ticket, [opened.accepted.message.id])
    began = time.perf_counter()
    await run_line(appliance.desk, ticket, lambda _kind, _data: None)
    return durable * 1000, (time.perf_counter() - began) * 1000


def _spread(values: list[float]) -> dict[str, float | None]:
    return {"p50": percentile(values, 50), "p95": percentile(values, 95)}


async def measure(database_url: str | None, count: int) -> dict[str, Any]:
    asked = [one.text for one in read_questions(_QUESTIONS)]
    with TemporaryDirectory(prefix="durable-") as folder:
        more = {"database": Database(url=database_url)} if database_url else {}
        config = Config(data=Path(folder), models=Models(stand_in=True), **more)
        async with open_appliance(config) as appliance, answering(appliance):
            await asyncio.to_thread(appliance.knowledge.add_starter, config.profile)
            took = [await _both(appliance, asked[n % len(asked)]) for n in range(_WARM_UP + count)][_WARM_UP:]
    return {
        "database": (database_url or "sqlite").partition(":")[0].partition("+")[0],
        "messages": count,
        "durable_ms": _spread([durable for durable, _ in took]),
        "unwritten_ms": _spread([bare for _, bare in took]),
        "overhead_ms": _spread([durable - bare for durable, bare in took]),
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", help="an empty database on PostgreSQL (default: SQLite in a new folder)")
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    switch_off()
    warnings.simplefilter("ignore", StandInWarning)
    show(asyncio.run(measure(given.database_url, given.count)))


if __name__ == "__main__":
    main()
