"""Runs the line once for each accepted message, whatever its sender does meanwhile, and goes on after a restart with what was left.

What makes a run durable is the message's row: it is ``accepted`` until the run has closed in one transaction, and every accepted row is run again at start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

import numpy as np

from appliance.errors import ApplianceFault, Busy, StorageFailed
from appliance.line import close
from appliance.line.desk import Desk
from appliance.line.events import Event, position, reply_document
from appliance.line.line import run as run_line
from appliance.line.load import Backlog
from appliance.line.watching import Run, Watchers
from appliance.store.conversations import SqlConversations
from appliance.ticket import Closed, Decision, Message, Reply, Ticket
from kb.errors import KnowledgeFault
from models.errors import ModelFault, Overloaded

_log = logging.getLogger(__name__)
_RETRIES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses after which an overloaded line is tried again; then a person gets the ticket."""
_SWEEP_S = 30.0
"""How often accepted messages without a run are looked for (a database that was full, say)."""


class Runner:
    """At most ``parallel`` lines run at once; at most ``max_running`` messages are taken on and not yet answered."""

    def __init__(
        self,
        desk: Desk,
        conversations: SqlConversations,
        *,
        max_running: int,
        parallel: int,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observe: Callable[[Closed], None] = lambda _closed: None,
        backlog: Backlog | None = None,
    ) -> None:
        self._desk = desk
        self._conversations = conversations
        self._max_running = max_running
        self._slots = asyncio.Semaphore(parallel)
        self._new_id = new_id
        self._now = now
        self._pause = pause
        self._observe = observe
        self._runs: dict[str, Run] = {}
        self._backlog = backlog or Backlog()
        self._arriving = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._watchers = Watchers()

    @contextmanager
    def admit(self) -> Iterator[None]:
        """A place for one message, held while it is stored and submitted: a rush must not slip in between the two.

        Raises ``Busy``, before anything is stored, when as many messages are under way as we take on.
        """
        if len(self._runs) + self._arriving >= self._max_running:
            raise Busy(f"{len(self._runs)} messages are being answered; more are not taken on just now.")
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def submit(self, message: Message) -> None:
        """Start the run of a stored message, unless it is under way."""
        if message.id in self._runs:
            return
        before = next(
            (run for run in reversed(self._runs.values()) if run.message.conversation_id == message.conversation_id),
            None,
        )
        run = self._runs[message.id] = Run(message)
        task = asyncio.create_task(self._work(run, before), name=f"run-{message.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def resume(self) -> int:
        """Take up every accepted message that has no reply; returns how many."""
        left = await asyncio.to_thread(self._conversations.unanswered)
        for message in left:
            self.submit(message)
        return len(left)

    async def sweep(self) -> None:
        """Resume again and again, until cancelled."""
        while True:
            await self._pause(_SWEEP_S)
            try:
                await self.resume()
            except ApplianceFault as fault:
                _log.warning("looking for unanswered messages failed: %s", fault.code)

    async def stop(self, *, grace_s: float) -> None:
        """Let running lines end within ``grace_s``; what is left is taken up at the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reply(self, message_id: str) -> Reply:
        """The reply to a message, as soon as there is one. Raises the fault that kept it from being stored."""
        run = self._runs.get(message_id)
        if run is not None:
            return await asyncio.shield(run.result)
        stored = await asyncio.to_thread(self._conversations.reply, message_id)
        if stored is None:
            raise Busy("The reply to this message is still being worked on.")
        return stored

    async def message_events(self, message: Message) -> AsyncIterator[Event]:
        """The events of one run from its first; ends after ``done``."""
        run = self._runs.get(message.id)
        if run is None:
            for event in await self._stored(message.conversation_id, message.seq):
                if event.position()[0] == message.seq:
                    yield event
            return
        async for event in run.follow():
            yield event

    async def events(self, conversation_id: str, after: str | None) -> AsyncIterator[Event]:
        """All events of a conversation after that id: stored ones, then live ones. Never ends by itself."""
        last = position(after or "")
        with self._watchers.of(conversation_id) as changed:
            while True:
                changed.clear()
                for event in await self._known(conversation_id, last):
                    last = event.position()
                    yield event
                await changed.wait()

    async def _known(self, conversation_id: str, last: tuple[int, int]) -> list[Event]:
        live = [
            event
            for run in list(self._runs.values())
            if run.message.conversation_id == conversation_id
            for event in run.events
        ]
        known = {event.position(): event for event in [*await self._stored(conversation_id, last[0]), *live]}
        return [known[place] for place in sorted(known) if place > last]

    async def _stored(self, conversation_id: str, seq: int) -> list[Event]:
        rows = await asyncio.to_thread(self._conversations.events, conversation_id, after_seq=seq)
        return [Event(**event) for _, events in rows for event in events]

    async def _work(self, run: Run, before: Run | None) -> None:
        """From the message to the stored reply. Messages of one conversation are answered in their order."""
        message = run.message
        try:
            with self._backlog.one():
                if before is not None:
                    await _ended(before)
                await self._slots.acquire()
            try:
                await self._answer(run)
            finally:
                self._slots.release()
        except asyncio.CancelledError:
            run.fail(Busy("The appliance is stopping; the message is kept, and answered after its next start."))
            raise
        except ApplianceFault as fault:
            _log.error(
                "message %s could not be closed (%s); it stays accepted and is tried again", message.id, fault.code
            )
            run.fail(fault)
        except Exception as error:  # a defect of ours: whoever waits for the reply must not wait for ever
            _log.error("message %s: defect while closing", message.id, exc_info=_without_text(error))
            run.fail(StorageFailed("The reply could not be stored; the message is kept and tried again."))
        finally:
            self._runs.pop(message.id, None)
            self._watchers.tell(message.conversation_id)

    async def _answer(self, run: Run) -> None:
        ticket = await asyncio.to_thread(self._conversations.open_ticket, run.message.id)
        if ticket is None:
            await self._repeat(run)
            return
        closed = await self._to_an_end(ticket, run)
        try:
            await self._write_down(run, closed, run.events)
        except ApplianceFault:
            raise
        except Exception as error:  # what the line has made can never be stored: trying again would only fail again
            _log.error("message %s: defect in the record", run.message.id, exc_info=_without_text(error))
            reason = f"The record of the run could not be stored ({type(error).__name__})."
            await self._write_down(run, self._failed(ticket, "line.fault", reason), [])

    async def _repeat(self, run: Run) -> None:
        """The message was answered between our reading of it and this run: tell what is stored, and run nothing twice."""
        reply = await asyncio.to_thread(self._conversations.reply, run.message.id)
        stored = await self._stored(run.message.conversation_id, run.message.seq)
        *told, done = [event for event in stored if event.position()[0] == run.message.seq]
        assert reply is not None
        run.events.extend(told)
        run.finish(done, reply)

    async def _write_down(self, run: Run, closed: Closed, told: list[Event]) -> None:
        done = run.next_event("done", reply_document(closed.reply))
        events = [asdict(event) for event in [*told, done]]
        reply = await asyncio.to_thread(
            self._conversations.close, closed, events=events, reply_id=self._new_id(), now=self._now()
        )
        run.finish(done, reply)
        self._observe(closed)

    async def _to_an_end(self, ticket: Ticket, run: Run) -> Closed:
        """Every accepted message ends in a reply or with a person: overload is waited out while the deadline allows, a fault hands over."""
        for pause_s in (*_RETRIES_S, None):
            waited_s = self._waited_s(ticket)
            try:
                return await run_line(
                    self._desk, ticket, lambda kind, data: self._emit(run, kind, data), waited_s=waited_s
                )
            except Overloaded as fault:
                if pause_s is None or self._waited_s(ticket) + pause_s > self._patience_s:
                    return self._failed(ticket, "line.overloaded", f"The models were overloaded: {fault.message}")
                await self._pause(pause_s)
            except (KnowledgeFault, ModelFault) as fault:
                _log.error("message %s: %s: %s", ticket.message.id, fault.code, fault)
                return self._failed(ticket, "line.fault", f"A part of the line failed: {fault.message}")
            except ApplianceFault:
                raise
            except (
                Exception
            ) as error:  # the last line of defence: a defect of ours must not leave a customer without a person
                _log.error("message %s: defect in the line", ticket.message.id, exc_info=_without_text(error))
                return self._failed(ticket, "line.fault", f"The line failed ({type(error).__name__}).")
        raise AssertionError("unreachable: the last pause is None")

    @property
    def _patience_s(self) -> float:
        """From acceptance until a last try may begin: it still needs the time of one rung."""
        limits = self._desk.policy.deadlines
        return limits.simple_s - limits.reserve_s

    def _waited_s(self, ticket: Ticket) -> float:
        return max(0.0, (self._now() - ticket.message.created_at).total_seconds())

    def _failed(self, ticket: Ticket, rule: str, reason: str) -> Closed:
        return close.failed(self._desk.policy, ticket, Decision("line", rule, reason), np.zeros(0, np.float32))

    def _emit(self, run: Run, kind: str, data: dict[str, object]) -> None:
        if kind == "sentence" and any(event.type == kind and event.data == data for event in run.events):
            return  # told before the line was overloaded and tried again
        run.emit(kind, data)
        self._watchers.tell(run.message.conversation_id)


async def _ended(before: Run) -> None:
    """Wait for the run before. When it could not be stored, this one may not overtake it: both are taken up again, in their order."""
    await asyncio.wait([before.result])
    if before.result.exception() is not None:
        raise StorageFailed("An earlier message of this conversation is still to be answered.")


def _without_text(error: Exception) -> Exception:
    """The same kind of error with the same traceback and no message: messages of libraries may quote the customer."""
    return RuntimeError(f"{type(error).__name__} (message withheld)").with_traceback(error.__traceback__)
