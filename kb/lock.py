"""One writer at a time: a lock on a file, which the operating system lets go when its process dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb.errors import ImportBusy


@contextmanager
def single_writer(path: Path) -> Iterator[None]:
    """Holds the lock on ``path`` or raises ``ImportBusy`` at once: waiting would leave an operator before a silent screen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImportBusy(
                "Another import or rebuild is writing to this knowledge base.",
                remedy="Wait until it is done, then try again.",
            ) from error
        yield
