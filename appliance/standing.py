"""The line as it stands in one process: runner, journal, beat and outbox, opened together and closed in their order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appliance import __version__
from appliance.channels.carriers import Carrier
from appliance.channels.postman import Given, Postman, nobody_is_told
from appliance.config import Config
from appliance.errors import ApplianceFault
from appliance.line.desk import Desk
from appliance.line.durable import Durable
from appliance.line.load import Backlog
from appliance.line.replicas import Watch, replica_name
from appliance.line.runner import Runner
from appliance.line.turning import without_text
from appliance.rungs import lines_at_once
from appliance.store.afterwards import SqlAfterwards
from appliance.store.database import Database
from appliance.store.outbox import Depart, SqlOutbox, nobody
from appliance.store.replicas import SqlReplicas
from appliance.store.turns import SqlTurns
from appliance.ticket import Closed

_log = logging.getLogger(__name__)
_GRACE_S = 10.0
_TIDY_S = 600.0
_AFTER_DEFECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that answers messages, open."""

    config: Config
    runner: Runner
    engine: Durable
    outbox: SqlOutbox
    postman: Postman
    watch: Watch
    replica: str
    now: Callable[[], datetime]

    async def tidy(self) -> None:
        """Forget what finished runs have noted, again and again, until cancelled: it is what customers wrote, and nothing needs it."""
        while True:
            before = self.now() - timedelta(hours=self.config.line.keep_runs_hours)
            try:
                while await self.engine.forget(before=before):
                    pass
            except ApplianceFault as fault:
                _log.warning("finished runs could not be forgotten: %s", fault.code)
            await asyncio.sleep(_TIDY_S)

    @asynccontextmanager
    async def serving(self, *more: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """While open, messages that an earlier process left are answered, what has to leave is sent, and the dead are looked for. ``more``: further work of the same kind."""
        await self.runner.resume()
        work = (self.runner.sweep, self.runner.look_around, self.postman.work, self.tidy, *more)
        async with _running(*work):
            yield


@asynccontextmanager
async def stand(
    config: Config,
    database: Database,
    desk: Desk,
    *,
    backlog: Backlog,
    observe: Callable[[Closed], None],
    new_id: Callable[[], str],
    now: Callable[[], datetime],
    depart: Depart = nobody,
    carriers: Sequence[Carrier] = (),
    given_up: Given = nobody_is_told,
    desks: Mapping[str, Desk] | None = None,
) -> AsyncIterator[Standing]:
    """Open the line on this database. Runs that this replica left unfinished go on at once; ``serving`` does the rest."""
    async with AsyncExitStack() as stack:
        replica = stack.enter_context(replica_name(config.data))
        parallel = lines_at_once(desk.ladder)
        outbox = SqlOutbox(database)
        postman = Postman(outbox, carriers, replica=replica, now=now, given_up=given_up)
        runner = Runner(
            desk,
            SqlTurns(database, depart=depart, new_id=new_id),
            max_running=config.server.max_running,
            max_running_each=config.server.max_running_each,
            parallel=parallel,
            new_id=new_id,
            now=now,
            observe=observe,
            backlog=backlog,
            desks=desks,
            wake=postman.wake,
        )
        afterwards = SqlAfterwards(database, depart=depart, new_id=new_id)

        async def close(message_id: str) -> None:
            if await asyncio.to_thread(afterwards.close_quiet, message_id, now=now()):
                postman.wake()

        async def remind(message_id: str) -> None:
            if await asyncio.to_thread(afterwards.remind, message_id, now=now()):
                postman.wake()

        timers = {"close": close, "remind": remind}
        engine = Durable(config.database_url, replica=replica, turn=runner.turn, timers=timers, parallel=parallel)

        async def inherit(dead: str) -> None:
            await engine.take_over(dead)
            await asyncio.to_thread(outbox.release, dead, now=now())
            postman.wake()

        watch = Watch(SqlReplicas(database), replica, version=__version__, now=now, inherit=inherit)
        runner.use(engine)
        await watch.look()  # before the first run: whoever dies with one must be missed
        stack.push_async_callback(_end, engine, outbox, watch, replica)
        await engine.open()
        await stack.enter_async_context(_running(watch.keep))
        stack.push_async_callback(runner.stop, grace_s=_GRACE_S)
        yield Standing(config, runner, engine, outbox, postman, watch, replica, now)


async def _end(engine: Durable, outbox: SqlOutbox, watch: Watch, replica: str) -> None:
    """Who leaves work behind does not say good-bye: it is missed, and a living replica takes that over."""
    try:
        left = await engine.holds() or await asyncio.to_thread(outbox.holds, replica)
    finally:
        await engine.close()
    if not left:
        await watch.leave()


@asynccontextmanager
async def _running(*work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """These tasks, until the end."""
    tasks = [asyncio.create_task(_kept_up(one), name=getattr(one, "__qualname__", "work")) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _kept_up(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A defect in one round (a driver's error that nobody foresaw) must not end the work for as long as the process lives."""
    while True:
        try:
            await work()
        except Exception as error:
            _log.error("%s: defect", getattr(work, "__qualname__", "work"), exc_info=without_text(error))
            await asyncio.sleep(_AFTER_DEFECT_S)
        else:
            return
