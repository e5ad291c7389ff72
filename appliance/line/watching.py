"""A run in memory, and those who watch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, cast

from appliance.line.admission import Admittance
from appliance.line.events import Event, EventType
from appliance.ticket import Message, Reply

_MOST_EVENTS = 1000
"""Of one attempt: far more than stages and sentences can be."""


class Run:
    """One message under way: the events so far, and the reply to come."""

    def __init__(self, message: Message, permit: Admittance) -> None:
        self.message = message
        self.permit = permit
        self.attempt = 1
        """Events of a further attempt are numbered above those of the earlier ones, which a reader may have seen."""
        self.away = False
        """Whoever runs it is not known here: what it stores is waited for."""
        self.events: list[Event] = []
        self.result: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.result.add_done_callback(_looked_at)
        self._changed = asyncio.Event()

    def next_event(self, kind: str, data: dict[str, Any]) -> Event:
        n = (self.attempt - 1) * _MOST_EVENTS + len(self.events) + 1
        return Event(f"{self.message.seq}.{n}", cast("EventType", kind), data)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.add(self.next_event(kind, data))

    def finish(self, done: Event, reply: Reply) -> None:
        """The reply is stored: only now may anybody hear of it. A run that waits here while it is resumed here too ends once."""
        if self.result.done():
            return
        self.add(done)
        self.result.set_result(reply)

    def fail(self, fault: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(fault)
        self._changed.set()

    async def follow(self) -> AsyncIterator[Event]:
        """Events from the first to ``done``; raises the run's fault when it fails."""
        told = 0
        while True:
            self._changed.clear()
            while told < len(self.events):
                yield self.events[told]
                told += 1
            if self.result.done():
                if told == len(self.events):
                    self.result.result()
                    return
                continue
            await self._changed_or_done()

    async def _changed_or_done(self) -> None:
        waiter: asyncio.Future[Any] = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((waiter, cast("asyncio.Future[Any]", self.result)), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()

    def add(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()


class Watchers:
    """Wakes those who watch a conversation."""

    def __init__(self) -> None:
        self._of: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def of(self, conversation_id: str) -> Iterator[asyncio.Event]:
        changed = asyncio.Event()
        self._of.setdefault(conversation_id, set()).add(changed)
        try:
            yield changed
        finally:
            self._of[conversation_id].discard(changed)
            if not self._of[conversation_id]:
                del self._of[conversation_id]

    def __bool__(self) -> bool:
        return bool(self._of)

    def tell(self, conversation_id: str) -> None:
        for changed in self._of.get(conversation_id, ()):
            changed.set()


def _looked_at(result: asyncio.Future[Reply]) -> None:
    """Mark a failed result as seen: nobody has to wait for it, the message stays accepted."""
    if not result.cancelled():
        result.exception()
