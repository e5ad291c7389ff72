"""How far hashing is: one line rewritten in place on a terminal, a line at every tenth elsewhere."""

from __future__ import annotations

from typing import Self, TextIO

_GIB = 2**30
_STEP = {True: 0.01, False: 0.1}
"""Share of the whole after which the line is written anew, on a terminal and elsewhere."""
_QUIET = 2**28
"""Folders below this are hashed before anybody wonders."""


class Meter:
    """A ``catalog_lock.Progress`` that writes to ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = -1.0
        self._live = stream.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._shown >= 0:
            self._stream.write("\n")

    def __call__(self, path: str, done: int, total: int) -> None:
        share = done / total if total else 1.0
        if total >= _QUIET and (share - self._shown >= _STEP[self._live] or done == total):
            self._shown = share
            line = f"hashing {share:4.0%} of {total / _GIB:.1f} GiB  {path[:60]}"
            self._stream.write(f"\r{line:92}" if self._live else f"{line}\n")
            self._stream.flush()
