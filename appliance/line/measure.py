"""Station 9: how long each stage took, told to whoever watches and kept with the reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.line.events import Emit


@dataclass(slots=True)
class Stage:
    """A stage under way; it may name the rule that it ended with."""

    name: str
    rule: str = ""


class Stopwatch:
    """Times stages in milliseconds on the clock given."""

    def __init__(self, clock: Callable[[], float], emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._began = clock()
        self._timings: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        began = self._clock()
        stage = Stage(name)
        yield stage
        took = round((self._clock() - began) * 1000, 2)
        self._timings[name] = took
        self._emit("stage", {"stage": name, "ms": took} | ({"rule": stage.rule} if stage.rule else {}))

    def timings(self) -> dict[str, float]:
        return {**self._timings, "total": round((self._clock() - self._began) * 1000, 2)}
