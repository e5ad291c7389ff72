"""The real appliance in a process of its own, which the test kills at a named moment.

Arguments: data directory, moment, file of the outside log, how many conversations, messages in each. Every message is written to the log (and synced)
only after the reception has acknowledged it. At the moment the process writes ``READY`` and waits for its end.

Moments: ``none`` (run to the end), ``accepted`` (committed, the run has not begun), ``running`` (in the middle of a line),
``closed`` (the run is closed in the database, and nobody has been told).
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.channels.reception import Reception
from appliance.config import Config, Models, Server
from appliance.line.runner import Runner
from appliance.store.conversations import SqlConversations
from appliance.ticket import Closed, Reply
from models.standin import StandInWarning

TEXTS = (
    "Which payment methods can I use for an invoice?",
    "agent please",
    "How do I export my data?",
    "Thank you!",
    "My account was hacked!",
)


def wait_for_the_end() -> None:
    print("READY", flush=True)
    threading.Event().wait()


class Stop:
    """Blocks the calling thread for ever from the ``after``-th call on; the first to arrive says so."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            said = self._left == 0
            over = self._left <= 0
        if said:
            wait_for_the_end()
        if over:
            threading.Event().wait()


class Tripped(SqlConversations):
    """The real store, with a stop before it opens a ticket or behind the commit that closes a run."""

    stop: Stop
    moment: str

    def open_ticket(self, message_id: str) -> Any:
        if self.moment == "accepted":
            self.stop()
        return super().open_ticket(message_id)

    def close(self, closed: Closed, **more: Any) -> Reply:
        if self.moment == "running":
            self.stop()
        reply = super().close(closed, **more)
        if self.moment == "closed":
            self.stop()
        return reply


def tripped(appliance: Appliance, moment: str) -> Appliance:
    """The same appliance, whose runs stop at the moment named, after some have gone through."""
    store = Tripped(appliance.database)
    store.moment, store.stop = moment, Stop(after=1 if moment == "accepted" else 4)
    settings: dict[str, Any] = {"new_id": lambda: os.urandom(16).hex(), "now": lambda: datetime.now(UTC)}
    runner = Runner(appliance.desk, store, max_running=1_000, parallel=4, **settings)
    reception = Reception(store, runner, max_message_chars=1_000, **settings)
    return replace(appliance, conversations=store, runner=runner, reception=reception)


async def talk(appliance: Appliance, log: int, number: int, messages: int) -> None:
    opened = await appliance.reception.open(channel="chat")
    for n in range(messages):
        accepted = await appliance.reception.receive(
            opened.id, opened.token, TEXTS[(number + n) % len(TEXTS)], f"{number}-{n}"
        )
        os.write(log, f"{accepted.message.id}\n".encode())
        os.fsync(log)


async def main(data: str, moment: str, log_file: str, conversations: str, messages: str) -> None:
    config = Config(data=Path(data), models=Models(stand_in=True), server=Server(max_running=1_000))
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with open_appliance(config) as opened:
        appliance = opened if moment == "none" else tripped(opened, moment)
        async with answering(appliance):
            await asyncio.gather(*(talk(appliance, log, number, int(messages)) for number in range(int(conversations))))
            while appliance.conversations.unanswered():  # noqa: ASYNC110 # nothing tells of the last one, and the test bounds the wait
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    warnings.simplefilter("ignore", StandInWarning)
    asyncio.run(main(*sys.argv[1:]))
