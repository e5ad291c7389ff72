"""Threads that granian starts in Rust. Python knows nothing of them, and does not wait for them when it ends.

At a stop granian reports that it is done before its threads are. One that asks for the interpreter while that is being taken down aborts the
whole process: measured in up to six of ten stops on Python 3.11, after all work was done, with exit status -6 for a service that stopped well.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

_TASKS = Path("/proc/self/task")
_LOOK_AGAIN_S = 0.02
_BLIND_S = 0.5


def native_threads() -> frozenset[int]:
    """Ids of this process's threads that Python did not start; empty where the system does not tell (not Linux)."""
    if not _TASKS.is_dir():
        return frozenset()
    known = {thread.native_id for thread in threading.enumerate()}
    return frozenset(number for entry in _TASKS.iterdir() if (number := int(entry.name)) not in known)


async def ended(threads: frozenset[int], *, patience_s: float = 5.0) -> None:
    """Wait until these threads are gone; returns after ``patience_s`` all the same."""
    if not threads:
        await asyncio.sleep(_BLIND_S)
        return
    for _ in range(int(patience_s / _LOOK_AGAIN_S)):
        if not threads & native_threads():
            return
        await asyncio.sleep(_LOOK_AGAIN_S)
