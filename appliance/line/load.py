"""How much one model server has to do, and when tickets should rather have a quote at once than wait for it.

Little's law with what is measured: so many requests run or wait, ``parallel`` of them are served at once, and one takes ``seconds`` on average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WEIGHT = 0.2
"""Of the newest turn in the moving average: about the last ten turns count."""


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Requests that a server works on at once; seconds that a customer may be made to wait for a place; where shedding ends again (a share of ``parallel``)."""

    parallel: int
    wait_s: float
    resume: float

    @property
    def most(self) -> int:
        """Requests under way at the most: as many again as are served at once. More would only hold places of lines that quote."""
        return 2 * self.parallel


@dataclass(slots=True)
class Backlog:
    """Messages that are accepted and have no line yet: they will want the model too."""

    waiting: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1


class Load:
    """Of one rung."""

    def __init__(self, limits: LoadLimits, backlog: Backlog) -> None:
        self.limits = limits
        self.running = 0
        self.shedding = False
        self.seconds: float | None = None
        """Moving average of a turn; None until one has ended."""
        self._backlog = backlog

    def refuses(self, left_s: float) -> str:
        """Why a ticket that has ``left_s`` seconds for this rung should not wait for it; empty when it may go on.

        A server that does nothing is always asked: otherwise one slow turn would keep it out for good.
        """
        if not self.running:
            self.shedding = False
            return ""
        demand = self.running + self._backlog.waiting
        if self.shedding and demand > self.limits.resume * self.limits.parallel:
            return self._words(demand)
        self.shedding = self._too_much(demand, left_s)
        return self._words(demand) if self.shedding else ""

    @contextmanager
    def one(self, clock: Callable[[], float]) -> Iterator[None]:
        """A request under way; its time counts once it has ended, however it ended."""
        began = clock()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            took = clock() - began
            self.seconds = took if self.seconds is None else (1 - _WEIGHT) * self.seconds + _WEIGHT * took

    def _too_much(self, demand: int, left_s: float) -> bool:
        if self.running >= self.limits.most:
            return True
        average = self.seconds or 0.0
        wait_s = average * max(0, demand + 1 - self.limits.parallel) / self.limits.parallel
        return wait_s > self.limits.wait_s or wait_s + average > left_s

    def _words(self, demand: int) -> str:
        average = "not known yet" if self.seconds is None else f"{self.seconds:.1f} s on average"
        return f"{demand} tickets want a model that serves {self.limits.parallel} at once ({average})"
