"""A story's steps: each is done, timed and written down with its exit code; none fails silently."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

_LONGEST_S = 600.0
_SHOWN_CHARS = 1_500


class Failed(Exception):
    """A step saw something other than it should; the message says what."""


class Steps:
    """``file`` gets a JSON line a step. ``work`` is the folder in which commands run: not the checkout, whose code they must not import."""

    def __init__(self, file: Path, work: Path) -> None:
        self._file, self.work = file, work
        self.failed = 0

    def run(self, name: str, *argv: str | Path, given: str | None = None, good: Collection[int] = (0,)) -> str:
        """Standard output; empty when the command failed, which is written down. ``good``: the exit codes that are none."""
        began = time.monotonic()
        try:
            done = subprocess.run([str(word) for word in argv], cwd=self.work, input=given, capture_output=True,
                                  text=True, timeout=_LONGEST_S, check=False)  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            self._write(name, began, None, False, str(error))
            return ""
        self._write(
            name,
            began,
            done.returncode,
            done.returncode in good,
            done.stdout[-_SHOWN_CHARS:] + done.stderr[-_SHOWN_CHARS:],
        )
        return done.stdout if done.returncode in good else ""

    def do(self, name: str, what: Callable[[], object]) -> None:
        """A step in this process. Every exception is the step's failure, so that those after it still run."""
        began = time.monotonic()
        try:
            said = what()
        except Exception as error:
            self._write(name, began, 1, False, f"{type(error).__name__}: {error}")
        else:
            self._write(name, began, 0, True, str(said or ""))

    def _write(self, name: str, began: float, code: int | None, ok: bool, said: str) -> None:
        self.failed += not ok
        row = {
            "step": name,
            "ok": ok,
            "exit": code,
            "seconds": round(time.monotonic() - began, 1),
            "said": said[-_SHOWN_CHARS:],
        }
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        print(f"  {'ok  ' if ok else 'FAIL'} {row['seconds']:6.1f} s  {name}", flush=True)
        if not ok:
            print(said[-_SHOWN_CHARS:], flush=True)


def read(file: Path) -> Sequence[dict[str, object]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
