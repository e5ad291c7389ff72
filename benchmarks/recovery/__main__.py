"""The long version of the recovery tests: people write by every channel while boxes are killed again and again.

    python -m benchmarks.recovery [--kills 60] [--writers 6] [--postgres] [--replicas 2] [--seed 1]

At each round one box is started with a random crash point, or killed after a random time, and started again. In the end everything has to come to
rest, and an outside log of what was acknowledged and of what was told by webhook is compared with the database. Prints JSON; ends with 1 when
anything was lost, doubled or left unanswered.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from appliance.crash_points import POINTS
from benchmarks.options import machine, show
from benchmarks.recovery.scene import Scene, scene, starter
from models.telemetry import switch_off

WRONG = (
    "lost",
    "stored_twice",
    "unanswered",
    "doubled",
    "replies_missing",
    "told_twice",
    "not_told",
    "mails_lost",
    "mails_stored_twice",
    "mails_answered_twice",
)
_LIFE_S = (0.2, 5.0)
_POINTS = sorted(POINTS)


def torture(here: Scene, *, kills: int, writers: int, seed: int) -> dict[str, Any]:
    """Kill so often; returns what was seen."""
    chance = random.Random(seed)
    over = threading.Event()
    points: Counter[str] = Counter()
    for box in here.boxes:
        box.start()
    threads = here.crowd(writers, over=over, rounds=1_000_000)
    for _ in range(kills):
        box = chance.choice(here.boxes)
        time.sleep(chance.uniform(*_LIFE_S))
        box.kill()
        if chance.random() < 0.5:
            point = f"{chance.choice(_POINTS)}:{chance.randint(1, 6)}"
            if box.start(point) and not box.crashed(10.0):
                box.kill()
            points[point.partition(":")[0]] += 1
        box.start()
    time.sleep(2.0)
    over.set()
    for thread in threads:
        thread.join(120)
    settled_s = here.settle()
    ready = sorted(second for box in here.boxes for second in box.ready_s)
    return {
        "kills": sum(box.kills for box in here.boxes),
        "at_points": dict(points),
        "settled_s": settled_s,
        "ready_s": {"p50": ready[len(ready) // 2], "max": ready[-1]},
        **here.judge(),
        "refused": here.log.refused,
        "sent_without_answer": here.log.unheard,
    }


def main() -> None:
    switch_off()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--postgres", action="store_true", help="a throw-away PostgreSQL instead of SQLite")
    parser.add_argument("--replicas", type=int, default=1, help="boxes on one database; more than one needs --postgres")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.replicas > 1 and not given.postgres:
        parser.error("Several replicas share a PostgreSQL: add --postgres.")
    warnings.simplefilter("ignore")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recovery-")))
        url = _postgres(stack) if given.postgres else ""
        start = starter(folder)
        here = stack.enter_context(scene(folder, start, database_url=url, replicas=given.replicas))
        found = torture(here, kills=given.kills, writers=given.writers, seed=given.seed)
    database = "postgresql" if given.postgres else "sqlite"
    show({"machine": machine(), "database": database, "replicas": given.replicas, **found})
    sys.exit(any(found[name] for name in WRONG) or found["settled_s"] is None)


def _postgres(stack: ExitStack) -> str:
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    postgres = import_module("postgres")
    programs = postgres.binaries()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed: make .venv/.system")
    return str(stack.enter_context(postgres.Cluster(programs)).new_database())


if __name__ == "__main__":
    main()
