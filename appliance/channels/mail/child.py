"""Reads mails in child processes with limits on time, memory and descriptors. Whatever a mail does to one, the answer is a value.

A mail that kills its child, or keeps it longer than ``mail.parsing.seconds``, is ``unparsed`` with a reason; the next mail gets a new child.
The children get no environment (it holds our secrets) and answer in JSON.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import appliance
from appliance.channels.mail.parsed import ParsedMail, of_record, unparsed
from appliance.mail_settings import Parsing

_WORKER = "appliance.channels.mail.worker"
_READY = b"ready\n"
_START_S = 30.0
"""For importing, on a machine that is busy; no mail is read before."""
_LENGTH_BYTES = 8
_PIECE = 65_536
_MOST_MAILS = 500
"""Mails that one child reads before a fresh one takes its place: what one mail left behind does not last."""
_FRAME_OVERHEAD = 4_000_000


class _Died(Exception):
    """The child ended, hangs or answered nonsense; ``reason`` as the mail's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailParser:
    """A pool of children, each started when it is first needed. Calls block and may come from any thread, one a child at a time."""

    def __init__(self, limits: Parsing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._free: queue.SimpleQueue[_Child | None] = queue.SimpleQueue()
        for _ in range(limits.processes):
            self._free.put(None)
        self._closed = threading.Event()

    def parse(self, raw: bytes) -> ParsedMail:
        """Never raises for any bytes. Blocks while all children are busy."""
        if len(raw) > self._limits.max_bytes:
            return unparsed("mail.too_large")
        if not raw:
            return unparsed("mail.empty")
        child = self._free.get()
        try:
            if child is None or not child.usable:
                child = _Child(self._limits, self._clock)
            return child.parse(raw)
        except _Died as died:
            return unparsed(died.reason)
        finally:
            self._give_back(child)

    def close(self) -> None:
        """Ends the children that are idle; busy ones end when they are done."""
        self._closed.set()
        while True:
            try:
                child = self._free.get_nowait()
            except queue.Empty:
                return
            if child is not None:
                child.end()

    def __enter__(self) -> MailParser:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _give_back(self, child: _Child | None) -> None:
        if child is not None and (self._closed.is_set() or not child.usable):
            child.end()
            child = None
        self._free.put(child)


class _Child:
    """One process. Raises ``_Died`` when it cannot be started or ends; then it is of no further use."""

    def __init__(self, limits: Parsing, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._read = 0
        self.usable = True
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter; no shell
                [sys.executable, "-P", "-s", "-m", _WORKER, limits.model_dump_json()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
                bufsize=0,
            )
        except OSError as error:
            self.usable = False
            raise _Died("child.start") from error
        assert self._process.stdin and self._process.stdout
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._await_start()

    def parse(self, raw: bytes) -> ParsedMail:
        deadline = self._clock() + self._limits.seconds
        self._read += 1
        try:
            answer = self._exchange(raw, deadline)
            mail = of_record(json.loads(answer))
        except (OSError, ValueError, TypeError, KeyError) as error:
            self.end()
            raise _Died("child.died" if isinstance(error, OSError) else "child.nonsense") from error
        except _Died:
            self.end()
            raise
        self.usable = self._read < _MOST_MAILS
        return mail

    def end(self) -> None:
        self.usable = False
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _await_start(self) -> None:
        try:
            ready = self._take(len(_READY), self._clock() + _START_S, "child.start") == _READY
        except (_Died, OSError):
            ready = False
        if not ready:
            self.end()
            raise _Died("child.start")

    def _exchange(self, raw: bytes, deadline: float) -> bytes:
        self._give(len(raw).to_bytes(_LENGTH_BYTES, "big"), deadline)
        self._give(raw, deadline)
        length = int.from_bytes(self._take(_LENGTH_BYTES, deadline, "child.died"), "big")
        if length > self._limits.max_text_chars * 24 + _FRAME_OVERHEAD:
            raise _Died("child.nonsense")
        return self._take(length, deadline, "child.died")

    def _give(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._in, deadline, writing=True)
            view = view[os.write(self._in, view[: _PIECE * 16]) :]

    def _take(self, count: int, deadline: float, reason: str) -> bytes:
        taken = bytearray()
        while len(taken) < count:
            self._wait(self._out, deadline)
            piece = os.read(self._out, min(_PIECE * 16, count - len(taken)))
            if not piece:
                raise _Died(reason)
            taken += piece
        return bytes(taken)

    def _wait(self, descriptor: int, deadline: float, *, writing: bool = False) -> None:
        left = deadline - self._clock()
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
        if left <= 0 or not poll.poll(left * 1000):
            raise _Died("child.time")


def _environment() -> dict[str, str]:
    """What Python needs to find our code, and nothing of ours."""
    return {"PYTHONPATH": str(Path(appliance.__file__).parents[1]), "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}
