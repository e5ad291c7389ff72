"""The hosted rung of the ladder: asks the gate, then the model, restores what was masked, and says in the ledger what became of it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from appliance.egress.gate import Gate, Ready
from appliance.egress.masks import restored
from appliance.egress.rules import Refused
from appliance.errors import ApplianceFault
from appliance.line.breaker import Breaker, Limits
from appliance.line.ladder import Errand, Skipped
from appliance.ticket import Attempted
from models.errors import ModelFault, ModelRefused, ModelUnavailable
from models.roles import DraftSentence, Permit, SynthesisRequest
from models.synthesis.hosted import HostedModel
from models.synthesis.stream import Meter, SentenceStream

_log = logging.getLogger(__name__)
_WATCH_S = 0.2
"""How often a request under way looks at the kill switch: well within the second that is promised."""
_LOOK_S = 0.7
"""How long one look may take: with the pause before it still within that second."""
_THREADS = 8
_NEVER = Limits(faults=2**31, open_s=0.0, lasting_s=0.0)
"""A breaker that stays closed."""
_Result = TypeVar("_Result")


class Hosted:
    """A ``Rung``. Threads of its own: a locked database must not keep the rest of the appliance waiting, nor the rest keep the switch."""

    hosted = True
    verbatim = False

    def __init__(
        self,
        gate: Gate,
        model: HostedModel,
        *,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = model.name
        self.gate, self.model, self.clock, self.pause = gate, model, clock, pause
        self.breaker = breaker or Breaker(_NEVER, clock)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="egress")
        self._watchers = ThreadPoolExecutor(2, thread_name_prefix="egress-watch")

    @property
    def state(self) -> str:
        """Of the provider; whether a ticket may go is the gate's to say, each time anew."""
        return self.breaker.state

    async def writer(self, errand: Errand) -> Writer | Skipped:
        try:
            async with asyncio.timeout(None if math.isinf(errand.left_s) else errand.left_s):
                ready = await self.off_the_loop(self.gate.consider, errand)
        except TimeoutError:
            return Skipped("egress.slow", "Policy, mask and ledger took longer than the time that this rung had.")
        if isinstance(ready, Refused):
            return Skipped(ready.rule, ready.reason)
        if not self.breaker.allow():
            return Skipped(
                "egress.breaker_open", f"{self.name} failed; it is asked again in {self.breaker.opens_in_s:.0f} s."
            )
        return Writer(self, errand, ready)

    def heard(self, attempted: Attempted) -> None:
        if attempted.outcome == "abandoned":
            self.breaker.abandoned()
        elif attempted.fault:
            self.breaker.failed(lasting=attempted.fault == "lasting")
        else:
            self.breaker.succeeded()

    async def off_the_loop(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments))

    async def until_stopped(self) -> str:
        """Returns, with the reason, once nothing may leave any more."""
        while not (stopped := await self.stopped_now()):
            await self.pause(_WATCH_S)
        return stopped

    async def stopped_now(self) -> str:
        """The same, once. A switch that does not say in time how it stands counts as off."""
        try:
            async with asyncio.timeout(_LOOK_S):
                return await asyncio.get_running_loop().run_in_executor(self._watchers, self.gate.stopped)
        except TimeoutError:
            return f"the kill switch cannot be read within {_LOOK_S} s"

    async def aclose(self) -> None:
        await self.model.aclose()
        for threads in (self._threads, self._watchers):
            threads.shutdown(wait=False)


@dataclass(slots=True)
class _Turn:
    """One sending, as it will stand in the ledger."""

    began: float
    status: str = "not_sent"
    fault: str = ""


class Writer:
    """A ``Synthesizer`` for one errand. Each call of ``sentences`` passes the gate again, and is a row of its own."""

    verbatim = False

    def __init__(self, rung: Hosted, errand: Errand, ready: Ready) -> None:
        self.name = rung.name
        self._rung, self._errand, self._ready = rung, errand, ready
        self._session = ready.session

    def sentences(self, request: SynthesisRequest) -> SentenceStream:
        return SentenceStream(lambda meter: self._write(request, meter), model=self._rung.model.model)

    async def _write(self, request: SynthesisRequest, meter: Meter) -> AsyncGenerator[DraftSentence, None]:
        if not request.passages or request.max_sentences < 1:
            return
        ready = await self._considered(request)
        permit = await self._permitted(ready)
        turn = _Turn(self._rung.clock())
        try:
            async with aclosing(self._sent(ready, permit, request, turn, meter)) as sent:
                async for sentence in sent:
                    yield sentence
        except asyncio.CancelledError:
            turn.status = "cancelled" if turn.status == "sent" else turn.status
            raise
        except GeneratorExit:
            turn.status = "ok" if turn.status == "sent" else turn.status  # whoever reads has enough
            raise
        except ModelFault as fault:
            turn.fault = turn.fault or fault.code
            raise
        finally:
            await self._settled(permit, turn, meter)

    async def _considered(self, request: SynthesisRequest) -> Ready:
        if request == self._errand.request:
            return self._ready
        errand = replace(self._errand, request=request)
        ready = await self._rung.off_the_loop(self._rung.gate.consider, errand, self._session)
        return _allowed(ready)

    async def _permitted(self, ready: Ready) -> Permit:
        """A row that was committed for a caller who has gone meanwhile is settled as not sent."""
        asking = asyncio.ensure_future(self._rung.off_the_loop(self._rung.gate.permit, ready))
        try:
            return _allowed(await asyncio.shield(asking))
        except asyncio.CancelledError:
            permit = await asking
            if isinstance(permit, Permit):
                await self._settled(permit, _Turn(self._rung.clock()), Meter(self._rung.model.model))
            raise

    async def _sent(
        self, ready: Ready, permit: Permit, request: SynthesisRequest, turn: _Turn, meter: Meter
    ) -> AsyncGenerator[DraftSentence, None]:
        """The restored sentences, for as long as the switch is on."""
        if stopped := await self._rung.stopped_now():
            raise _killed(stopped, turn)
        stream = self._rung.model.sentences(
            permit, ready.sent, passages=ready.passages, max_sentences=request.max_sentences
        )
        watch = asyncio.ensure_future(self._rung.until_stopped())
        given, dropped = 0, 0
        turn.status = "sent"
        try:
            while (sentence := await self._next(stream, watch, turn)) is not None:
                text = restored(self._session, sentence.text)
                if text is None:
                    dropped += 1
                    continue
                given += 1
                yield DraftSentence(text, sentence.citations)
            turn.status = "ok"
        except ModelFault:
            turn.status = turn.status if turn.status == "stopped" else _status(stream)
            raise
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await stream.aclose()
            meter.usage = stream.usage
        if dropped and not given:
            raise ModelUnavailable(f"{self.name} wrote placeholders that stand for nothing.")

    async def _next(self, stream: SentenceStream, watch: asyncio.Future[str], turn: _Turn) -> DraftSentence | None:
        """The next sentence; None at the end. Ends the request when the switch is turned."""
        step = asyncio.ensure_future(_or_none(stream))
        both: set[asyncio.Future[Any]] = {step, watch}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not step.done():
                step.cancel()
                await asyncio.wait({step})
        if watch.done():
            with suppress(asyncio.CancelledError, ModelFault):
                step.result()
            raise _killed(watch.result(), turn)
        return step.result()

    async def _settled(self, permit: Permit, turn: _Turn, meter: Meter) -> None:
        """Whatever happens to the caller meanwhile. A row that cannot be settled now is settled as unknown at the next start."""
        took = round((self._rung.clock() - turn.began) * 1000)
        settle = partial(
            self._rung.gate.settle, permit.row, turn.status, meter.usage, duration_ms=took, fault=turn.fault
        )
        try:
            await asyncio.shield(asyncio.ensure_future(self._rung.off_the_loop(settle)))
        except ApplianceFault as fault:
            _log.error("row %s of the egress ledger is not settled: %s", permit.row, fault.code)


async def _or_none(stream: SentenceStream) -> DraftSentence | None:
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return None


def _allowed(found: _Result | Refused) -> _Result:
    if isinstance(found, Refused):
        raise ModelRefused(f"{found.rule}: {found.reason}", remedy="Nothing was sent.", lasting=False)
    return found


def _killed(stopped: str, turn: _Turn) -> ModelRefused:
    turn.status = "stopped" if turn.status == "sent" else "not_sent"
    return ModelRefused(f"egress.killed: {stopped}", remedy="`appliance egress on` allows it again.", lasting=False)


def _status(stream: SentenceStream) -> str:
    """How the ledger names a fault: by the server's refusal where there was one."""
    status = stream.usage.extra.get("status")
    return f"http_{status}" if status else "failed"
