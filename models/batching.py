"""A bounded micro-batch queue between the event loop and one model.

Batching is natural: an idle model starts at once, and what arrives while it runs is merged into its next batch.
There is no waiting for company, so one customer alone pays nothing for it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from models.errors import ModelRefused, ModelUnavailable, Overloaded

_log = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")


class BatchObserver(Protocol):
    """Told of every batch, in the worker's thread: ``wait_s`` is that of its oldest submit."""

    def __call__(self, *, name: str, size: int, wait_s: float, run_s: float) -> None: ...


def unobserved(*, name: str, size: int, wait_s: float, run_s: float) -> None:
    """The observer of a batcher that nobody watches."""


@dataclass(slots=True, eq=False)
class _Submit(Generic[In, Out]):
    """Items of one caller, which stay together, and where their results go."""

    items: Sequence[In]
    since: float
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Out] | Exception]


class Batcher(Generic[In, Out]):
    """``submit`` from any event loop; ``call`` runs in one thread of its own, one batch at a time.

    ``call`` gets the items of one or more submits, at most ``max_batch`` of them unless one submit alone has more,
    and returns one result an item, in order. ``max_waiting`` bounds the items that wait behind the running batch.
    """

    def __init__(
        self,
        call: Callable[[Sequence[In]], Sequence[Out]],
        *,
        max_batch: int,
        max_waiting: int,
        name: str,
        observer: BatchObserver = unobserved,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name = name
        self._call = call
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._observer = observer
        self._clock = clock
        self._queue: deque[_Submit[In, Out]] = deque()
        self._waiting = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Items that wait behind the running batch."""
        return self._waiting

    async def submit(self, items: Sequence[In]) -> list[Out]:
        """Results of ``items`` in order. Raises what ``call`` raised for the batch they were in.

        Raises ``Overloaded`` at once when the queue is full, ``ModelUnavailable`` after ``close``. A cancelled caller's
        items leave the queue; a batch that already runs is finished and its results dropped.
        """
        if not items:
            return []
        loop = asyncio.get_running_loop()
        submit = _Submit[In, Out](items, self._clock(), loop, loop.create_future())
        self._enqueue(submit)
        try:
            outcome = await submit.done
        except asyncio.CancelledError:
            self._withdraw(submit)
            raise
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Refuse new work, finish what waits, end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join)

    def _enqueue(self, submit: _Submit[In, Out]) -> None:
        with self._changed:
            if self._closing:
                raise ModelUnavailable(f"The {self.name} is shutting down.", remedy="Try again after the restart.")
            # An empty queue takes any submit: one that is larger than the bound could otherwise never run.
            if self._queue and self._waiting + len(submit.items) > self._max_waiting:
                raise Overloaded(f"The {self.name} has {self._waiting} items waiting.")
            self._queue.append(submit)
            self._waiting += len(submit.items)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"batch-{self.name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _withdraw(self, submit: _Submit[In, Out]) -> None:
        with self._changed:
            if submit in self._queue:
                self._queue.remove(submit)
                self._waiting -= len(submit.items)

    def _work(self) -> None:
        while batch := self._take():
            started = self._clock()
            items = [item for submit in batch for item in submit.items]
            outcome = self._outcome(items)
            run_s = self._clock() - started
            _deliver(batch, outcome)
            self._observe(len(items), started - batch[0].since, run_s)

    def _observe(self, size: int, wait_s: float, run_s: float) -> None:
        try:
            self._observer(name=self.name, size=size, wait_s=wait_s, run_s=run_s)
        except Exception:  # a broken gauge must not stop the model: without this thread every waiter hangs
            _log.exception("the observer of the %s failed", self.name)

    def _take(self) -> list[_Submit[In, Out]]:
        """The next batch, in order of arrival; empty when closed and drained."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            batch: list[_Submit[In, Out]] = []
            size = 0
            while self._queue and (not batch or size + len(self._queue[0].items) <= self._max_batch):
                batch.append(self._queue.popleft())
                size += len(batch[-1].items)
            self._waiting -= size
            return batch

    def _outcome(self, items: list[In]) -> list[Out] | Exception:
        try:
            results = list(self._call(items))
        except Exception as error:  # handed to the waiters, who raise it: the thread has to live on
            return error
        if len(results) != len(items):
            return ModelRefused(f"The {self.name} gave {len(results)} results for {len(items)} items.")
        return results


def _deliver(batch: list[_Submit[In, Out]], outcome: list[Out] | Exception) -> None:
    start = 0
    for submit in batch:
        part = outcome if isinstance(outcome, Exception) else outcome[start : start + len(submit.items)]
        start += len(submit.items)
        with suppress(RuntimeError):  # the caller's loop has ended: nobody waits
            submit.loop.call_soon_threadsafe(_settle, submit.done, part)


def _settle(done: asyncio.Future[list[Out] | Exception], part: list[Out] | Exception) -> None:
    if not done.done():
        done.set_result(part)
