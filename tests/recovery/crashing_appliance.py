"""The real appliance in a process of its own, which ends itself with SIGKILL where ``APPLIANCE_CRASH_AT`` says (``appliance.crash_points``).

Arguments: data directory, file of the outside log, how many conversations, messages in each. Every message is written to the log (and synced)
only after the reception has acknowledged it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from pathlib import Path

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.config import Config, Models, Server
from appliance.store.turns import SqlTurns
from models.standin import StandInWarning

TEXTS = (
    "Which payment methods can I use for an invoice?",
    "agent please",
    "How do I export my data?",
    "Thank you!",
    "My account was hacked!",
)


async def talk(appliance: Appliance, log: int, number: int, messages: int) -> None:
    opened = await appliance.reception.open(channel="chat")
    for n in range(messages):
        accepted = await appliance.reception.receive(
            opened.id, opened.token, TEXTS[(number + n) % len(TEXTS)], f"{number}-{n}"
        )
        os.write(log, f"{accepted.message.id}\n".encode())
        os.fsync(log)


async def main(data: str, log_file: str, conversations: str, messages: str) -> None:
    config = Config(data=Path(data), models=Models(stand_in=True), server=Server(max_running=1_000))
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with open_appliance(config) as appliance, answering(appliance):
        await asyncio.gather(*(talk(appliance, log, number, int(messages)) for number in range(int(conversations))))
        while SqlTurns(appliance.database).unanswered():  # noqa: ASYNC110 # nothing tells of the last one, and the test bounds the wait
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    warnings.simplefilter("ignore", StandInWarning)
    asyncio.run(main(*sys.argv[1:]))
