"""One training of a model at a time: a lock on a file, which the operating system lets go when its process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from appliance.errors import Conflict


@contextmanager
def training_lock(folder: Path, *, now: datetime) -> Iterator[int]:
    """Hold ``folder/train.lock``. Raises ``Conflict`` at once, naming the process that holds it and since when.

    Yields the descriptor: a child process that inherits it holds the lock for as long as it lives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Conflict(
                f"Another training holds {file.name}: {file.read(200).strip() or 'a process that has just begun'}.",
                remedy="Wait until it is done, or end that process; its lock goes with it.",
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} since {now:%Y-%m-%d %H:%M} UTC\n")
        file.flush()
        yield file.fileno()
