"""The anchor: a file beside the database that remembers the hash of every row, so that a cut tail or another database shows.

One JSON line a row, only ever appended and synced, so that it may lie on another disk, append-only (``chattr +a``) or on write-once storage.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from appliance.egress.chain import GENESIS
from appliance.errors import StorageFailed
from appliance.store.ledger import Link

_TAIL_BYTES = 1_024
"""More than any two lines take."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One line: the ledger had this row with this hash. ``sequence`` 0 stands for the empty ledger."""

    sequence: int
    hash: str


class Anchor:
    """The file at ``path``. Writing raises ``StorageFailed``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()

    def begin(self) -> None:
        """Mark the empty ledger, unless there is a file."""
        if not self.exists():
            self.note(Mark(0, GENESIS))

    def restart(self, links: Iterable[Link]) -> None:
        """Mark the empty ledger and every one of these rows in a new file."""
        self.begin()
        marks = (Mark(link.sequence, link.hash) for link in links)
        while some := tuple(islice(marks, 1_000)):
            self.note(*some)

    def note(self, *marks: Mark) -> None:
        """Append and sync. One write, so that two processes never mix their lines."""
        lines = "".join(json.dumps({"sequence": one.sequence, "hash": one.hash}) + "\n" for one in marks)
        try:
            made = not self.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                _write(file, (b"\n" if _torn(file) else b"") + lines.encode("ascii"))
                os.fsync(file)
            finally:
                os.close(file)
            if made:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise StorageFailed(
                f"The anchor file {self.path} cannot be written: {error.strerror}.",
                remedy="Free some space there and check its permissions (hosted.anchor).",
            ) from error

    def marks(self) -> Iterator[Mark | None]:
        """All lines in the file's order; None for one that a crash tore. Raises ``StorageFailed``."""
        with self._reading() as file:
            yield from (_mark(line) for line in file if line.strip())

    def last(self) -> Mark | None:
        """The newest whole line; None when there is none. Raises ``StorageFailed``."""
        with self._reading() as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            marks = [_mark(line) for line in file.read().splitlines(keepends=True)]
        return next((one for one in reversed(marks) if one), None)

    @contextmanager
    def _reading(self) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise StorageFailed(
                f"The anchor file {self.path} cannot be read: {error.strerror}.", remedy="Check its permissions."
            ) from error


def _mark(line: bytes) -> Mark | None:
    if not line.endswith(b"\n"):
        return None
    try:
        said = json.loads(line)
        return Mark(int(said["sequence"]), str(said["hash"]))
    except (ValueError, KeyError, TypeError):
        return None


def _torn(file: int) -> bool:
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
