"""A circuit breaker: who was down a moment ago is not asked again by every customer, and one request finds out whether it is back.

closed -> open after ``faults`` passing faults in a row, or at once after a lasting one (a wrong key, a model that is not served) and then for longer
-> half-open when that time is over: exactly one request goes through -> closed when it succeeds, open again when it fails.
All of it runs on one event loop and nothing in it waits, so that no two requests can both be the one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Limits:
    """``faults`` in a row that open it; seconds that it stays open after passing faults and after a lasting one."""

    faults: int
    open_s: float
    lasting_s: float


class Breaker:
    """Ask ``allow`` before each request, and tell of its end exactly once: ``succeeded``, ``failed`` or ``abandoned``."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._faults = 0
        self._open_until: float | None = None
        self._probe_since: float | None = None

    @property
    def state(self) -> State:
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    @property
    def opens_in_s(self) -> float:
        """Seconds until a request may find out whether it is back; 0 when one may."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def allow(self) -> bool:
        """Whether this request may go. In ``half_open`` the first one may and no other, until its end is told.

        A probe whose end nobody tells (its task was killed) is given up after ``open_s``: otherwise the breaker would stay shut for ever.
        """
        match self.state:
            case "closed":
                return True
            case "open":
                return False
        now = self._clock()
        if self._probe_since is not None and now - self._probe_since < self._limits.open_s:
            return False
        self._probe_since = now
        return True

    def succeeded(self) -> None:
        """It answered. A late success of a request from before it opened closes nothing unless a probe is under way."""
        if self._open_until is None or (self.state == "half_open" and self._probe_since is not None):
            self._faults, self._open_until, self._probe_since = 0, None, None

    def failed(self, *, lasting: bool) -> None:
        """It did not answer. ``lasting``: a person has to change something first."""
        self._faults += 1
        was_open = self._open_until is not None
        if lasting or was_open or self._faults >= self._limits.faults:
            until = self._clock() + (self._limits.lasting_s if lasting else self._limits.open_s)
            self._open_until = max(until, self._open_until or until)
            self._probe_since = None

    def abandoned(self) -> None:
        """The request ended without telling anything about the model (the appliance stops, a gate failed): another may be the probe."""
        self._probe_since = None
