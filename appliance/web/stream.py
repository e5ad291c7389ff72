"""Server-sent events: frames, heartbeats, and a polite end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from litestar.serialization import encode_json

from appliance.line.events import Event
from appliance.web.problems import problem_of

HEARTBEAT = b": still here\n\n"
GREETING = b"retry: 2000\n\n"
GOODBYE = b": closing, please come back\n\n"


def frame(event_id: str, kind: str, data: object) -> bytes:
    """One event. JSON holds no line break, so one ``data`` line is enough; ids are ours and hold none either."""
    head = f"id: {event_id}\nevent: {kind}\ndata: " if event_id else f"event: {kind}\ndata: "
    return head.encode() + encode_json(data) + b"\n\n"


class Streams:
    """All open streams. ``close`` ends them, so that a stop of the server does not wait for visitors who only listen.

    ``heartbeat_s``: silence after which a comment is sent, so that proxies keep the connection. ``lifetime_s``: age at which a stream ends
    and its reader comes back with Last-Event-ID; a key that was revoked meanwhile is then refused.
    """

    def __init__(self, *, heartbeat_s: float = 15.0, lifetime_s: float = 1800.0) -> None:
        self._heartbeat_s = heartbeat_s
        self._lifetime_s = lifetime_s
        self._waiting: set[asyncio.Future[Event]] = set()
        self._closing = False

    @property
    def open(self) -> int:
        return len(self._waiting)

    def close(self) -> None:
        self._closing = True
        for waiting in tuple(self._waiting):
            waiting.cancel()

    async def frames(self, events: AsyncIterator[Event]) -> AsyncGenerator[bytes, None]:
        """The events as bytes. A fault while streaming becomes an ``error`` event with the problem's document."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._lifetime_s
        yield GREETING
        while not self._closing and loop.time() < end:
            upcoming = asyncio.ensure_future(anext(events))
            self._waiting.add(upcoming)
            try:
                while not await _done_within(upcoming, self._heartbeat_s):
                    yield HEARTBEAT
            finally:
                self._waiting.discard(upcoming)
                upcoming.cancel()
            if upcoming.cancelled():
                break
            try:
                event = upcoming.result()
            except StopAsyncIteration:
                return
            except Exception as fault:  # the status line has left already: an event is the only way to tell the visitor
                yield frame("", "error", problem_of(fault).document())
                return
            yield frame(event.id, event.type, event.data)
        yield GOODBYE


async def _done_within(future: asyncio.Future[Event], seconds: float) -> bool:
    done, _ = await asyncio.wait((future,), timeout=seconds)
    return bool(done)
