"""One hosted request in a process of its own, which kills itself at a named moment. Arguments: data directory, address of the server, moment.

Moments: ``row`` (inside the transaction), ``committed`` (before the anchor), ``anchored`` (before the permit is used), ``sent`` (the server has it),
``answered`` (before the outcome is written), ``none`` (run to the end).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "appliance"), str(TESTS / "appliance/egress")]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(data: str, address: str, moment: str) -> None:
    from egress_parts import House, errand

    from appliance.egress.anchor import Anchor
    from appliance.egress.rung import Hosted
    from appliance.store.database import Database
    from appliance.store.ledger import LedgerWriter

    def before(owner: Any, name: str, when: Any) -> None:
        real = getattr(owner, name)

        def tripped(*arguments: Any, **named: Any) -> Any:
            if when(*arguments):
                die()
            return real(*arguments, **named)

        setattr(owner, name, tripped)

    house = House(Path(data), Database(f"sqlite:///{data}/appliance.db"))
    rung: Hosted = house.rung(address, timeout_s=20)
    if moment == "row":
        add = LedgerWriter.add

        def added(self: LedgerWriter, link: Any) -> None:
            add(self, link)
            die()

        LedgerWriter.add = added  # type: ignore[method-assign]
    elif moment == "committed":
        before(Anchor, "note", lambda _, *marks: marks[0].sequence > 0)
    elif moment == "anchored":
        before(type(rung.model), "sentences", lambda *_: True)
    elif moment == "answered":
        before(type(rung.gate), "settle", lambda *_: True)
    asked = errand()
    writer = await rung.writer(asked)
    async for _ in writer.sentences(asked.request):  # type: ignore[union-attr] # a rule allows it
        pass
    await rung.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
