"""Reception, runner and store together, around a desk whose answers a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from line_parts import Parts

from appliance.channels.reception import Reception
from appliance.line.durable import Durable
from appliance.line.runner import Runner
from appliance.store.conversations import SqlConversations
from appliance.store.database import Database
from appliance.store.turns import SqlTurns
from appliance.ticket import Closed


@dataclass
class House:
    """An appliance without its doors."""

    parts: Parts
    conversations: SqlConversations
    turns: SqlTurns
    runner: Runner
    reception: Reception
    pauses: list[float] = field(default_factory=list)
    observed: list[Closed] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a run has closed."""


@asynccontextmanager
async def house(
    database: Database,
    parts: Parts,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], str],
    max_running: int = 8,
    parallel: int = 4,
    pause: Callable[[float], Awaitable[None]] | None = None,
    conversations: SqlConversations | None = None,
    turns: SqlTurns | None = None,
) -> AsyncIterator[House]:
    """``pause`` replaces the waiting between tries; by default none is waited, and each is noted."""
    pauses: list[float] = []
    observed: list[Closed] = []
    closed = asyncio.Event()

    def observe(run: Closed) -> None:
        observed.append(run)
        closed.set()

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    stored = conversations or SqlConversations(database, new_id=new_id)
    turns = turns or SqlTurns(database, new_id=new_id)
    runner = Runner(
        parts.desk(),
        turns,
        max_running=max_running,
        parallel=parallel,
        new_id=new_id,
        now=now,
        pause=pause or note,
        observe=observe,
    )
    reception = Reception(stored, runner, max_message_chars=200, new_id=new_id, now=now)
    engine = Durable(database.url, replica="r1", turn=runner.turn)
    runner.use(engine)
    await engine.open()
    try:
        yield House(parts, stored, turns, runner, reception, pauses, observed, closed)
    finally:
        await runner.stop(grace_s=5)
        await engine.close()
