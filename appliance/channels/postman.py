"""The postman: claims what has to leave, looks whether an earlier try arrived, sends, and marks.

At least once with an idempotency key, and a look-up before each further try: once, as far as the other side can tell us.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from appliance.channels.carriers import Carrier, Receipt, Undelivered
from appliance.crash_points import reach
from appliance.errors import ApplianceFault
from appliance.store.outbox import Parcel, SqlOutbox

_log = logging.getLogger(__name__)
_AT_ONCE = 24
_EACH = 6
"""Of one mailbox, desk or webhook."""
_LOOK_S = 1.0
"""How often rows are looked for that nobody has announced (those of another process, and those that are due again)."""
_PAUSES_S = (5, 15, 60, 300, 900, 3600, 7200, 14400, 28800, 28800)
"""Between tries, about a day in all; then it has failed and people are told."""

Given = Callable[[Parcel, str], Awaitable[None]]
"""Called when a parcel has failed for good, with the reason."""


async def nobody_is_told(_parcel: Parcel, _fault: str) -> None:
    return


class Postman:
    """``wake`` when a row was written; without it rows are found within a second."""

    def __init__(
        self,
        outbox: SqlOutbox,
        carriers: Sequence[Carrier],
        *,
        replica: str,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        given_up: Given = nobody_is_told,
    ) -> None:
        self._outbox = outbox
        self._carriers: Mapping[str, Carrier] = {carrier.kind: carrier for carrier in carriers}
        self._replica = replica
        self._now = now
        self._pause = pause
        self._jitter = jitter
        self._given_up = given_up
        self._bell = asyncio.Event()

    def wake(self) -> None:
        self._bell.set()

    async def work(self) -> None:
        """Send until cancelled. What an earlier life of this replica had in hand comes first; a target that hangs holds up nobody else's."""
        under_way: dict[asyncio.Task[None], str] = {}
        await self._settled(lambda: self._outbox.release(self._replica, now=self._now()))
        try:
            while True:
                self._bell.clear()
                try:
                    await self._take_up(under_way)
                except ApplianceFault as fault:  # a full disk, a locked database: the rows are there, and tried again
                    _log.warning("the outbox cannot be used just now: %s", fault.code)
                await self._rung()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def round(self) -> int:
        """Send what is due, a few at once, and wait for all of them; returns how many were claimed."""
        parcels = await self._claimed(_AT_ONCE, ())
        done = await asyncio.gather(*(self._send(parcel) for parcel in parcels), return_exceptions=True)
        for fault in done:
            if isinstance(fault, BaseException):
                raise fault
        return len(parcels)

    async def _take_up(self, under_way: dict[asyncio.Task[None], str]) -> None:
        """Start what is due, as far as there is room: ``_AT_ONCE`` in all, about ``_EACH`` a target."""
        while (free := _AT_ONCE - len(under_way)) > 0:
            many = Counter(under_way.values())
            parcels = await self._claimed(
                min(free, _EACH), [target for target, count in many.items() if count >= _EACH]
            )
            if not parcels:
                return
            for parcel in parcels:
                task = asyncio.create_task(self._send(parcel), name=f"parcel-{parcel.id}")
                under_way[task] = f"{parcel.kind}:{parcel.target}"
                task.add_done_callback(lambda task: self._ended(under_way, task))

    def _ended(self, under_way: dict[asyncio.Task[None], str], task: asyncio.Task[None]) -> None:
        under_way.pop(task, None)
        if not task.cancelled() and (
            error := task.exception()
        ):  # a defect of ours: the row is released at the next start
            _log.error("sending a parcel: defect: %s", type(error).__name__)
        self._bell.set()

    async def _claimed(self, limit: int, full: Sequence[str]) -> list[Parcel]:
        return await asyncio.to_thread(
            self._outbox.claim, replica=self._replica, now=self._now(), limit=limit, full=full
        )

    async def _settled(self, mark: Callable[[], object]) -> None:
        """What became of a parcel has to be written down: tried until it is, since sending again would be worse than waiting."""
        while True:
            try:
                await asyncio.to_thread(mark)
            except ApplianceFault as fault:
                _log.warning("the outbox cannot be written just now: %s", fault.code)
                await self._pause(_LOOK_S)
            else:
                return

    async def _send(self, parcel: Parcel) -> None:
        try:
            receipt = await self._arrived(parcel)
        except Undelivered as fault:
            await self._again(parcel, fault)
            return
        except Exception as error:  # a defect of a carrier must not lose the parcel, nor say what was in it
            _log.error("parcel %s (%s): defect: %s", parcel.id, parcel.kind, type(error).__name__)
            await self._again(parcel, Undelivered(f"A defect ({type(error).__name__}).", lasting=False))
            return
        reach("sent")
        await self._settled(lambda: self._outbox.sent(parcel.id, receipt=receipt.reference, now=self._now()))
        reach("marked")

    async def _arrived(self, parcel: Parcel) -> Receipt:
        carrier = self._carriers.get(parcel.kind)
        if carrier is None:
            raise Undelivered(f"Nothing here carries {parcel.kind}.", lasting=False)
        found = await carrier.look_up(parcel) if parcel.attempts else None
        return found or await carrier.carry(parcel)

    async def _again(self, parcel: Parcel, fault: Undelivered) -> None:
        last = parcel.attempts >= len(_PAUSES_S)
        if last or not fault.transient:
            _log.warning("parcel %s (%s) is not sent any more: %s", parcel.id, parcel.kind, fault.message)
            await self._given_up(parcel, fault.message)
            await self._settled(lambda: self._outbox.failed(parcel.id, fault=fault.message, now=self._now()))
            return
        pause_s = fault.retry_after_s or _PAUSES_S[parcel.attempts] * (0.75 + self._jitter() / 2)
        _log.info("parcel %s (%s) is tried again in %.0f s: %s", parcel.id, parcel.kind, pause_s, fault.message)
        due_at = self._now() + timedelta(seconds=pause_s)
        await self._settled(lambda: self._outbox.later(parcel.id, fault=fault.message, due_at=due_at))

    async def _rung(self) -> None:
        waiting = asyncio.ensure_future(self._pause(_LOOK_S))
        bell = asyncio.ensure_future(self._bell.wait())
        try:
            await asyncio.wait((waiting, bell), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            bell.cancel()
