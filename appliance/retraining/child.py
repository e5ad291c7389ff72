"""Runs a training tool in a process of its own: torch never enters this one, and its memory goes back when it ends."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from models.errors import ModelRefused

NEEDED = ("torch", "transformers")
INSTALL = (
    'Install the extra "train" into this environment: pip install "support-appliance[train]" '
    "(in a clone: make torch-test sets up .venv-torch; then .venv-torch/bin/appliance models train reranker)."
)
_LAST_LINES = 5
_PATIENCE_S = 10.0

Say = Callable[[str], None]


def check_torch() -> None:
    """Raises ``ModelRefused`` with the command that installs what is missing. Imports nothing."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise ModelRefused(f"Training a reranker needs {' and '.join(missing)}, not installed here.", remedy=INSTALL)


def run_tool(module: str, arguments: Sequence[str], *, say: Say, keep_open: Sequence[int] = ()) -> None:
    """``python -m module arguments``; what it prints on standard error goes to ``say`` line by line.

    ``keep_open`` are descriptors that it inherits, such as a lock's. Raises ``ModelRefused`` when it fails. When this
    process is interrupted the child is ended first.
    """
    command = [sys.executable, "-m", module, *arguments]
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter; no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=tuple(keep_open),
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stderr or ():
                if line.strip():
                    last.append(line.strip())
                    say(line.strip())
            code = process.wait()
        finally:
            _end(process)
    if code != 0:
        raise ModelRefused(
            f"{module} ended with code {code}: {' / '.join(last) or 'it said nothing'}.",
            remedy="What is in use stays in use. Memory and disk are the usual reasons; run it again to go on from where it was.",
        )


@contextmanager
def ends_in_order() -> Iterator[None]:
    """A request to end (SIGTERM) unwinds like Ctrl-C, so that child and scratch folders go too: they hold customers' text."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
