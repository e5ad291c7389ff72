"""Replicas look after each other: one whose beat stands still is dead, and a living one takes its runs and its parcels over.

No clock is compared with another one's: a beat is a number, and how long it has stood still is measured by whoever looks, on a clock that only goes
forward. A machine whose time jumps by a day kills nobody.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from appliance.errors import ApplianceFault, StorageFailed
from appliance.store.replicas import SqlReplicas

_log = logging.getLogger(__name__)
_BEAT_S = 3.0
_DEAD_S = 15.0
"""So long a beat must stand still. With the beat, and a second until its runs are found, well under half a minute."""


@contextmanager
def replica_name(data: Path) -> Iterator[str]:
    """The name of this replica, the same at each start on this data directory: what it left unfinished is found again.

    A second process on the same directory (``appliance ask`` beside the server) gets a name of its own.
    """
    file = data / "replica"
    try:
        data.mkdir(parents=True, exist_ok=True)
        held = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageFailed(
            f"{file} cannot be written: {error.strerror}.", remedy="Check the path and its permissions."
        ) from error
    try:
        name = os.read(held, 64).decode("ascii", "replace").strip() or secrets.token_hex(6)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield f"{name}-{secrets.token_hex(4)}"
            return
        os.pwrite(held, name.encode(), 0)
        yield name
    finally:
        os.close(held)


class Watch:
    """This replica's beat, and its eye on the others'."""

    def __init__(
        self,
        replicas: SqlReplicas,
        name: str,
        *,
        version: str,
        now: Callable[[], datetime],
        inherit: Callable[[str], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``inherit`` takes over what a dead replica has left."""
        self._replicas = replicas
        self._name = name
        self._version = version
        self._now = now
        self._inherit = inherit
        self._clock = clock
        self._pause = pause
        self._seen: dict[str, tuple[int, float]] = {}
        """Replica -> (beat, since when it has stood there)."""

    async def keep(self) -> None:
        """Beat and look, until cancelled."""
        while True:
            try:
                await self.look()
            except ApplianceFault as fault:
                _log.warning("the beat of this replica failed: %s", fault.code)
            await self._pause(_BEAT_S)

    async def look(self) -> None:
        """One beat, and one look at the others."""
        beats = await asyncio.to_thread(self._replicas.beat, self._name, version=self._version, now=self._now())
        for other, beat in beats.items():
            known = self._seen.get(other)
            if known is None or known[0] != beat:
                self._seen[other] = (beat, self._clock())
            elif other != self._name and self._clock() - known[1] >= _DEAD_S:
                del self._seen[other]
                if await asyncio.to_thread(self._replicas.bury, other, beat):
                    _log.warning("replica %s is dead; what it left is taken over", other)
                    await self._inherit(other)

    async def leave(self) -> None:
        await asyncio.to_thread(self._replicas.leave, self._name)
