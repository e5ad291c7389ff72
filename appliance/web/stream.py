"""Server-sent events: frames, heartbeats, places in the queue, and who is let go.

A stream costs one task and is read one event at a time, so nothing is queued for a reader who does not read: the server's ``send`` waits for it, and
who makes it wait longer than ``write_s`` is dropped. Who has left is noticed by the server's ``receive``, also before the first byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Literal, get_args

from litestar.serialization import encode_json
from litestar.types import Receive, Send

from appliance.errors import Busy, TooFast
from appliance.line.events import Event
from appliance.web.problems import problem_of

HEARTBEAT = b": still here\n\n"
GREETING = b"retry: 2000\n\n"
GOODBYE = b": closing, please come back\n\n"
_TICK_S = 1.0
"""How often streams are looked at. Places in the queue are told that often at the most, however fast the queue moves."""
_COME_BACK_S = 10
"""A stream ends when its visitor leaves, which nobody can foretell."""

Events = AsyncIterator[Event]
Ending = Literal["", "left", "slow", "old", "closing"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)


def frame(event_id: str, kind: str, data: object) -> bytes:
    """One event. JSON holds no line break, so one ``data`` line is enough; ids are ours and hold none either."""
    head = f"id: {event_id}\nevent: {kind}\ndata: " if event_id else f"event: {kind}\ndata: "
    return head.encode() + encode_json(data) + b"\n\n"


class _TooSlow(Exception):
    """The reader has not taken what it was sent."""


class _Listener:
    """One open stream. What the pump and the clock send does not mix: each frame is sent under the lock."""

    __slots__ = ("_lock", "_pumping", "_send", "_write_s", "began", "ending", "last", "place", "task")

    def __init__(self, send: Send, write_s: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.began = self.last = asyncio.get_running_loop().time()
        self.ending: Ending = ""
        self.place = 0
        """Its place in the queue, as last told."""
        self._send = send
        self._write_s = write_s
        self._lock = asyncio.Lock()
        self._pumping = False

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    async def pump(self, events: Events) -> None:
        """Send the events until they end, or until ``end``. A fault becomes an ``error`` event with the problem's document."""
        self._pumping = True
        try:
            await self.write(GREETING)
            async for event in events:
                await self.write(frame(event.id, event.type, event.data))
        except asyncio.CancelledError:
            if not self.ending:
                raise
            self.task.uncancel()
        except _TooSlow:
            self.ending = "slow"
        except Exception as fault:  # the status line has left already: an event is the only way to tell the visitor
            self._pumping = False
            await self.write(frame("", "error", problem_of(fault).document()))
        finally:
            self._pumping = False

    def end(self, why: Ending) -> None:
        if self._pumping and not self.ending:
            self.ending = why
            self.task.cancel()

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Raises ``_TooSlow``."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._write_s):
                    await self._send({"type": "http.response.body", "body": data, "more_body": more})
            except TimeoutError as error:
                raise _TooSlow from error
            self.last = asyncio.get_running_loop().time()

    async def aside(self, data: bytes) -> None:
        """Something that the clock sends. The pump learns of a reader who does not take it."""
        try:
            await self.write(data)
        except _TooSlow:
            self.end("slow")


class Streams:
    """All open streams of one server.

    ``places``: conversation -> place in the queue, of those who wait. ``most``, ``each``: streams at once, in all and of one conversation.
    ``heartbeat_s``: silence after which a comment is sent, so that proxies keep the connection and a dead one shows. ``lifetime_s``: age at which
    a stream ends and its reader comes back with Last-Event-ID; a key that was revoked meanwhile is then refused.
    """

    def __init__(
        self,
        *,
        places: Callable[[], Mapping[str, int]] = dict,
        most: int = 12_000,
        each: int = 32,
        heartbeat_s: float = 15.0,
        lifetime_s: float = 1800.0,
        write_s: float = 10.0,
        tick_s: float = _TICK_S,
    ) -> None:
        self._places = places
        self._most = most
        self._each = each
        self._heartbeat_s = heartbeat_s
        self._lifetime_s = lifetime_s
        self._write_s = write_s
        self._tick_s = tick_s
        self._of: dict[str, set[_Listener]] = {}
        self._open = 0
        self._asides: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._closing = False
        self.ended: dict[Ending, int] = {}
        """How many ended and why; "" is the end of what there was to tell."""

    @property
    def open(self) -> int:
        return self._open

    def how_many(self, ending: Ending) -> int:
        """Streams that have ended for this reason."""
        return self.ended.get(ending, 0)

    def check(self, conversation_id: str) -> None:
        """Raises ``TooFast`` when this conversation has as many streams as it may, ``Busy`` when there are as many as we hold."""
        if len(self._of.get(conversation_id, ())) >= self._each:
            raise TooFast(f"{self._each} streams of this conversation are open already.", retry_after_s=_COME_BACK_S)
        if self._open >= self._most:
            raise Busy(f"{self._open} streams are open; more are not held.", retry_after_s=_COME_BACK_S)

    def close(self) -> None:
        """End all streams politely, so that a stop of the server does not wait for visitors who only listen."""
        self._closing = True
        if self._ticker is not None:
            self._ticker.cancel()
        for listener in self._all():
            listener.end("closing")

    async def run(self, conversation_id: str, events: Events, receive: Receive, send: Send) -> None:
        """Send the events until they end or their reader has to go. The response has been started; its slot is free again on return, whatever happens."""
        listener = _Listener(send, self._write_s)
        self._of.setdefault(conversation_id, set()).add(listener)
        self._open += 1
        leaving = asyncio.ensure_future(_left(receive))
        leaving.add_done_callback(lambda _done: listener.end("left"))
        self._ticker = self._ticker or asyncio.create_task(self._look(), name="streams")
        try:
            if not self._closing:
                await listener.pump(events)
            if listener.ending in {"old", "closing"} or self._closing:
                await listener.write(GOODBYE)
            if listener.ending not in {"left", "slow"}:
                await listener.write(b"", more=False)
        except _TooSlow:
            listener.ending = "slow"
        finally:
            leaving.cancel()
            self._forget(conversation_id, listener)
            await _close(events)

    def _forget(self, conversation_id: str, listener: _Listener) -> None:
        self._open -= 1
        self.ended[listener.ending] = self.ended.get(listener.ending, 0) + 1
        listeners = self._of[conversation_id]
        listeners.discard(listener)
        if not listeners:
            del self._of[conversation_id]

    async def _look(self) -> None:
        """One clock for all streams: ten thousand timers of their own would cost more than all that is sent."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._tick_s)
            for listener in self._all():
                if now() - listener.began >= self._lifetime_s:
                    listener.end("old")
                elif now() - listener.last >= self._heartbeat_s:
                    self._aside(listener, HEARTBEAT)
            self._tell_places()

    def _tell_places(self) -> None:
        for conversation_id, place in self._places().items():
            for listener in self._of.get(conversation_id, ()):
                if listener.place != place:
                    listener.place = place
                    self._aside(listener, frame("", "queued", {"position": place}))

    def _aside(self, listener: _Listener, data: bytes) -> None:
        if listener.busy or listener.ending:
            return
        task = asyncio.create_task(listener.aside(data))
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    def _all(self) -> list[_Listener]:
        return [listener for listeners in self._of.values() for listener in listeners]


async def _left(receive: Receive) -> None:
    """Returns when the client has gone; what it may still send is of no interest."""
    with suppress(Exception):  # a body that never came: it will not listen either
        while (await receive())["type"] != "http.disconnect":
            pass


async def _close(events: Events) -> None:
    """A generator's ``finally`` runs now, not whenever it is collected."""
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()
