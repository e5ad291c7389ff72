"""Runs the line once for each accepted message, whatever its sender does meanwhile, and goes on after a crash with what was left.

Two things make a run durable. The message's row is ``accepted`` until the run has closed in one transaction; and the engine keeps a journal of the
run's stations, resumes it after a crash, and lends it to another replica when this one is dead. What the journal has lost, the sweep finds.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from appliance.errors import ApplianceFault, Busy, StorageFailed
from appliance.line.admission import Admission, Admittance
from appliance.line.desk import Desk
from appliance.line.events import Event, position
from appliance.line.journal import Journal
from appliance.line.load import Backlog
from appliance.line.turning import Turning, without_text
from appliance.line.watching import Run, Watchers
from appliance.store.turns import SqlTurns, Superseded
from appliance.ticket import Closed, Message, Reply

_log = logging.getLogger(__name__)
_SWEEP_S = 30.0
"""How often accepted messages without a run are looked for (a database that was full, say)."""
_LOOK_S = 1.0
"""How often this replica looks for what another process has done to a conversation that is watched or waited for here."""
_OVERLAP = timedelta(seconds=5)
"""Of two looks: clocks of replicas differ, and a transaction may commit after a later one began."""


class Engine(Protocol):
    """Starts runs that outlive this process (``appliance.line.durable``); it calls ``Runner.turn`` for each, also for those that it resumes."""

    async def begin(self, message_id: str, *, again: str = "", share: bool = False) -> bool: ...

    @property
    def shared(self) -> bool: ...

    async def unfinished(self) -> set[str]: ...

    async def at(self, name: str, key: str, due_s: float) -> None: ...


class Runner:
    """At most ``parallel`` lines run at once; who is taken on, and who has to wait outside, is ``admission``'s to say."""

    def __init__(
        self,
        desk: Desk,
        turns: SqlTurns,
        *,
        max_running: int,
        max_running_each: int = 8,
        parallel: int,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observe: Callable[[Closed], None] = lambda _closed: None,
        backlog: Backlog | None = None,
        desks: Mapping[str, Desk] | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``max_running_each``: of one conversation. ``desks``: of further profiles, by name. ``wake``: called when a run has closed, since something may have to leave."""
        self._turns = turns
        self._after = desk.policy.afterwards
        self.admission = Admission(max_running, each=max_running_each)
        self._now = now
        self._pause = pause
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watchers = Watchers()
        self._turning = Turning(
            {"": desk, **(desks or {})},
            turns,
            slots=asyncio.Semaphore(parallel),
            backlog=backlog or Backlog(),
            watchers=self._watchers,
            new_id=new_id,
            now=now,
            pause=pause,
            observe=observe,
            wake=wake,
        )
        self._engine: Engine | None = None

    def use(self, engine: Engine) -> None:
        """From here on messages can be submitted."""
        self._engine = engine

    def admit(self, conversation_id: str, *, bounded: bool = True) -> Admittance:
        """A permit, held while a message is stored and submitted: a rush must not slip in between. Raises ``Busy`` or ``TooFast`` (only if ``bounded``)."""
        return self.admission.enter(conversation_id, bounded=bounded)

    def submit(self, message: Message, permit: Admittance) -> None:
        """Start the run of a stored message, unless it is under way; the permit is the run's from here on."""
        if message.id not in self._runs:
            self._start(self._enter(message, permit))

    async def resume(self) -> int:
        """Take up every accepted message that has neither a reply nor a run anywhere; returns how many."""
        assert self._engine is not None
        for conversation_id in [run.message.conversation_id for run in self._runs.values() if run.away]:
            self._watchers.tell(conversation_id)  # with clocks far apart nobody here has seen that it was answered
        left = await asyncio.to_thread(self._turns.unanswered)
        if not left:
            return 0
        elsewhere = await self._engine.unfinished()
        lost = [one for one in left if one.id not in elsewhere]
        orphans = [one for one in lost if one.id not in self._runs or self._runs[one.id].away]
        for one in orphans:  # who waits here for a run that is nowhere any more would wait for ever
            run = self._runs.get(one.id) or self._enter(one, self.admission.take(one.conversation_id))
            self._start(run, again=secrets.token_hex(4))
        return len(orphans)

    async def sweep(self) -> None:
        """Resume again and again, until cancelled."""
        while True:
            await self._pause(_SWEEP_S)
            try:
                await self.resume()
            except ApplianceFault as fault:
                _log.warning("looking for unanswered messages failed: %s", fault.code)

    async def look_around(self) -> None:
        """Wake watchers of conversations that another process has changed, until cancelled."""
        seen: dict[str, datetime] = {}
        since = self._now()
        while True:
            await self._pause(_LOOK_S)
            if not self._watchers:
                seen, since = {}, self._now()
                continue
            try:
                changed = await asyncio.to_thread(self._turns.changed, since=since - _OVERLAP)
            except ApplianceFault as fault:
                _log.warning("looking for changes failed: %s", fault.code)
                continue
            for conversation_id, when in changed:
                if seen.get(conversation_id) != when:
                    self._watchers.tell(conversation_id)
            seen = dict(changed)
            since = self._now()

    async def stop(self, *, grace_s: float) -> None:
        """Let running lines end within ``grace_s``; what is left is taken up at the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def reply(self, message_id: str) -> Reply:
        """The reply to a message, as soon as there is one. Raises the fault that kept it from being stored."""
        run = self._runs.get(message_id)
        if run is not None:
            return await asyncio.shield(run.result)
        stored = await asyncio.to_thread(self._turns.reply, message_id)
        if stored is None:
            raise Busy("The reply to this message is still being worked on.")
        return stored

    async def message_events(self, message: Message) -> AsyncIterator[Event]:
        """The events of one run from its first; ends after ``done``."""
        run = self._runs.get(message.id)
        if run is None:
            first = await asyncio.to_thread(self._turns.first_of, message.id)
            for event in await self._stored(message.conversation_id, first.seq):
                if event.position()[0] == first.seq:
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

    async def turn(self, message_id: str, journal: Journal) -> None:
        """From the message to the stored reply; the engine calls it, once for each time that the run is begun or resumed."""
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        run = self._runs.get(message_id)
        if run is None:  # resumed: nobody here has submitted it
            message = await asyncio.to_thread(self._turns.message, message_id)
            run = self._enter(message, self.admission.take(message.conversation_id))
        run.away = False
        await self._guarded(run, lambda: self._turning.work(run, journal, self._before(run)))
        await self._set_timers(run)

    async def _set_timers(self, run: Run) -> None:
        """Part of the run, so that a crash before them leads back here: the message is answered, and they are set then."""
        if self._engine is None or not run.result.done() or run.result.exception():
            return
        outcome = run.result.result().outcome
        name, hours = ("remind", self._after.remind_h) if outcome == "handed_over" else ("close", self._after.close_h)
        if hours:
            await self._engine.at(name, run.message.id, hours * 3600)

    def _enter(self, message: Message, permit: Admittance) -> Run:
        permit.wait_as(message.id)
        run = self._runs[message.id] = Run(message, permit)
        return run

    def _of(self, conversation_id: str) -> list[Run]:
        return [run for run in self._runs.values() if run.message.conversation_id == conversation_id]

    def _before(self, run: Run) -> Run | None:
        """The run that this one has to wait for."""
        earlier = [one for one in self._of(run.message.conversation_id) if one.message.seq < run.message.seq]
        return max(earlier, key=lambda one: one.message.seq, default=None)

    def _start(self, run: Run, again: str = "") -> None:
        self._keep(asyncio.create_task(self._begin(run, again), name=f"begin-{run.message.id}"))

    async def _begin(self, run: Run, again: str) -> None:
        assert self._engine is not None
        engine, share = self._engine, self._turning.full and not again
        try:
            started = await engine.begin(run.message.id, again=again, share=share)
        except Exception as error:  # a defect too: whoever waits must hear of it, and the sweep has to find the message
            fault = error if isinstance(error, ApplianceFault) else StorageFailed("The run could not begin.")
            shown = None if fault is error else without_text(error)
            _log.error("message %s has no run yet (%s); it is tried again", run.message.id, fault.code, exc_info=shown)
            self._failed(run, fault)
            return
        if not started or (share and engine.shared):
            await self._guarded(run, lambda: self._elsewhere(run))

    async def _elsewhere(self, run: Run) -> None:
        """Another replica, or an earlier life of this one that is being resumed, answers it: wait for what it stores."""
        run.away = True
        with self._watchers.of(run.message.conversation_id) as changed:
            while not run.result.done() and not await self._turning.repeat(run):
                await changed.wait()
                changed.clear()

    async def _guarded(self, run: Run, work: Callable[[], Awaitable[None]]) -> None:
        """Whoever waits for the reply must hear of every end."""
        message = run.message
        try:
            await work()
        except Superseded:
            # another replica, or another attempt here, has taken it over: its reply is this one's, too
            self._keep(asyncio.create_task(self._guarded(run, lambda: self._elsewhere(run)), name=f"wait-{message.id}"))
            return
        except asyncio.CancelledError:
            self._failed(
                run, Busy("The appliance is stopping; the message is kept, and answered after its next start.")
            )
            raise
        except ApplianceFault as fault:
            _log.error(
                "message %s could not be closed (%s); it stays accepted and is tried again", message.id, fault.code
            )
            self._failed(run, fault)
            raise
        except Exception as error:  # a defect of ours: whoever waits for the reply must not wait for ever
            _log.error("message %s: defect while closing", message.id, exc_info=without_text(error))
            self._failed(run, StorageFailed("The reply could not be stored; the message is kept and tried again."))
            raise
        self._drop(run)

    def _drop(self, run: Run) -> None:
        run.permit.release()
        self._runs.pop(run.message.id, None)
        self._watchers.tell(run.message.conversation_id)

    def _failed(self, run: Run, fault: Exception) -> None:
        run.fail(fault)
        self._drop(run)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _known(self, conversation_id: str, last: tuple[int, int]) -> list[Event]:
        live = [event for run in self._of(conversation_id) for event in run.events]
        known = {event.position(): event for event in [*await self._stored(conversation_id, last[0]), *live]}
        return [known[place] for place in sorted(known) if place > last]

    async def _stored(self, conversation_id: str, seq: int) -> list[Event]:
        return [Event(**event) for event in await asyncio.to_thread(self._turns.events, conversation_id, after_seq=seq)]
