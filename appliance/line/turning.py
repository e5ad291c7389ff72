"""One run, from the oldest open message of a conversation to the stored reply.

A burst is answered once: what the customer has written before anything was told is taken together, and when more comes in the middle, the run begins
again with all of it. A sentence is a row before anybody reads it; what was told when a run broke off stays its reply.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np

from appliance.crash_points import reach
from appliance.errors import ApplianceFault, StorageFailed
from appliance.line import close
from appliance.line.desk import Desk
from appliance.line.events import Event, reply_document
from appliance.line.journal import Journal
from appliance.line.line import run as run_line
from appliance.line.load import Backlog
from appliance.line.signals.wishes import courtesy
from appliance.line.watching import Run, Watchers
from appliance.store.turns import MoreCame, SqlTurns, Superseded, Turn
from appliance.ticket import Citation, Closed, Decision, Ticket
from kb.errors import KnowledgeFault
from models.errors import ModelFault, Overloaded
from models.roles import DraftSentence

_log = logging.getLogger(__name__)
_RETRIES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses after which an overloaded line is tried again; then a person gets the ticket."""
_ROUNDS = 5
"""Times that a run begins again because more came; what comes still later has its own turn."""
_LOOK_S = 1.0
"""How often a run looks whether its turn has come when another replica has the one before it."""


@dataclass(slots=True)
class _Try:
    """What this attempt at a run knows. ``told`` may come from earlier ones."""

    run: Run
    turn: Turn
    journal: Journal
    covered: list[str] = field(default_factory=list)
    told: list[tuple[DraftSentence, tuple[Citation, ...]]] = field(default_factory=list)
    last: bool = False
    """No more messages are waited for."""


class Turning:
    """Everything that a run needs, and the ways in which it can end."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        turns: SqlTurns,
        *,
        slots: asyncio.Semaphore,
        backlog: Backlog,
        watchers: Watchers,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]],
        observe: Callable[[Closed], None],
        wake: Callable[[], None],
    ) -> None:
        self._desks = desks
        self._turns = turns
        self._slots = slots
        self._backlog = backlog
        self._watchers = watchers
        self._new_id = new_id
        self._now = now
        self._pause = pause
        self._observe = observe
        self._wake = wake

    @property
    def full(self) -> bool:
        """Every place is taken: a further run has to wait."""
        return self._slots.locked()

    async def work(self, run: Run, journal: Journal, before: Run | None) -> None:
        """Raises ``Superseded`` when another attempt has taken over, or the fault that kept the run from being stored."""
        with self._backlog.one():
            if before is not None:
                await _ended(before)
            turn = await self._turn(run)
            if turn is None:
                await self.repeat(run)
                return
            await self._listen(run.message.text)
            await self._slots.acquire()
        run.permit.begin()
        try:
            reach("begun")
            await self._answer(self._resumed(run, turn, journal))
        finally:
            self._slots.release()

    async def repeat(self, run: Run) -> bool:
        """Tell what is stored of a message that was answered without this run; False when it is not answered yet."""
        reply = await asyncio.to_thread(self._turns.reply, run.message.id)
        if reply is None:
            return False
        first = await asyncio.to_thread(self._turns.first_of, run.message.id)
        stored = await asyncio.to_thread(self._turns.events, first.conversation_id, after_seq=first.seq)
        *told, done = [event for event in (Event(**one) for one in stored) if event.position()[0] == first.seq]
        if not run.result.done():
            run.events.extend(told)
            run.finish(done, reply)
        return True

    async def _turn(self, run: Run) -> Turn | None:
        """Wait until no earlier message of the conversation is open; None when this one was answered with them."""
        while True:
            found = await asyncio.to_thread(self._turns.turn, run.message.id)
            if isinstance(found, Turn):
                return found
            if found == "answered":
                return None
            await self._pause(_LOOK_S)

    def _resumed(self, run: Run, turn: Turn, journal: Journal) -> _Try:
        run.attempt = turn.attempt
        run.events.extend(Event(**event) for event, _ in turn.told)
        told = [
            (DraftSentence(event["data"]["text"], tuple(event["data"]["citations"])), citations)
            for event, citations in turn.told
        ]
        return _Try(run, turn, journal, told=told)

    async def _answer(self, this: _Try) -> None:
        message = this.run.message
        for rounds in range(_ROUNDS):
            this.last = rounds == _ROUNDS - 1
            this.covered = await this.journal.step("gather", list, lambda: self._gather(message.id))
            ticket = await asyncio.to_thread(self._turns.ticket, this.covered)
            try:
                await self._one_round(this, ticket)
            except MoreCame:
                continue
            return

    async def _gather(self, message_id: str) -> list[str]:
        return await asyncio.to_thread(self._turns.open_messages, message_id)

    async def _listen(self, text: str) -> None:
        """Who only says hello is about to say more: wait a moment for it."""
        quiet_s = self._desks[""].policy.burst.quiet_s
        if quiet_s and courtesy(text) == "greeting":
            await self._pause(quiet_s)

    async def _one_round(self, this: _Try, ticket: Ticket) -> None:
        closed = await self._to_an_end(this, ticket)
        try:
            await self._write_down(this, closed, this.run.events)
        except (ApplianceFault, Superseded, MoreCame):
            raise
        except Exception as error:  # what the line has made can never be stored: trying again would only fail again
            _log.error("message %s: defect in the record", ticket.message.id, exc_info=without_text(error))
            reason = f"The record of the run could not be stored ({type(error).__name__})."
            await self._write_down(this, self._failed(ticket, "line.fault", reason), [])

    async def _write_down(self, this: _Try, closed: Closed, told: list[Event]) -> None:
        reach("closing")
        done = this.run.next_event("done", reply_document(closed.reply))
        reply = await asyncio.to_thread(
            self._turns.close,
            closed,
            turn=this.turn,
            covered=this.covered,
            events=[asdict(event) for event in [*told, done]],
            reply_id=self._new_id(),
            last=this.last or bool(this.told),
            now=self._now(),
        )
        reach("closed")
        this.run.finish(done, reply)
        self._wake()
        self._observe(closed)

    async def _to_an_end(self, this: _Try, ticket: Ticket) -> Closed:
        """Every accepted message ends in a reply or with a person: overload is waited out while the deadline allows, a fault hands over."""
        for pause_s in (*_RETRIES_S, None):
            try:
                return await self._line(this, ticket)
            except Overloaded as fault:
                if pause_s is None or self._waited_s(ticket) + pause_s > self._patience_s(ticket):
                    return self._failed(ticket, "line.overloaded", f"The models were overloaded: {fault.message}")
                await self._pause(pause_s)
            except (KnowledgeFault, ModelFault) as fault:
                _log.error("message %s: %s: %s", ticket.message.id, fault.code, fault)
                return self._failed(ticket, "line.fault", f"A part of the line failed: {fault.message}")
            except (ApplianceFault, Superseded, MoreCame):
                raise
            except (
                Exception
            ) as error:  # the last line of defence: a defect of ours must not leave a customer without a person
                _log.error("message %s: defect in the line", ticket.message.id, exc_info=without_text(error))
                return self._failed(ticket, "line.fault", f"The line failed ({type(error).__name__}).")
        raise AssertionError("unreachable: the last pause is None")

    async def _line(self, this: _Try, ticket: Ticket) -> Closed:
        return await run_line(
            self._desk(ticket),
            ticket,
            lambda kind, data: self._emit(this.run, kind, data),
            waited_s=self._waited_s(ticket),
            journal=this.journal,
            tell=lambda sentence, citations: self._tell(this, sentence, citations),
            told=this.told,
        )

    async def _tell(self, this: _Try, sentence: DraftSentence, citations: tuple[Citation, ...]) -> None:
        event = this.run.next_event("sentence", {"text": sentence.text, "citations": list(sentence.citations)})
        await asyncio.to_thread(
            self._turns.tell,
            this.turn,
            this.covered,
            asdict(event),
            [asdict(one) for one in citations],
            last=this.last or bool(this.told),
            now=self._now(),
        )
        reach("told")
        this.told.append((sentence, citations))
        this.run.add(event)
        self._watchers.tell(this.run.message.conversation_id)

    def _emit(self, run: Run, kind: str, data: dict[str, object]) -> None:
        run.emit(kind, data)
        self._watchers.tell(run.message.conversation_id)

    def _desk(self, ticket: Ticket) -> Desk:
        """Of the ticket's profile; the appliance's own when that one is no longer configured."""
        return self._desks.get(ticket.profile) or self._desks[""]

    def _patience_s(self, ticket: Ticket) -> float:
        """From acceptance until a last try may begin: it still needs the time of one rung."""
        limits = self._desk(ticket).policy.deadlines
        return limits.simple_s - limits.reserve_s

    def _waited_s(self, ticket: Ticket) -> float:
        return max(0.0, (self._now() - ticket.message.created_at).total_seconds())

    def _failed(self, ticket: Ticket, rule: str, reason: str) -> Closed:
        return close.failed(self._desk(ticket).policy, ticket, Decision("line", rule, reason), np.zeros(0, np.float32))


async def _ended(before: Run) -> None:
    """Wait for the run before. When it could not be stored, this one may not overtake it: both are taken up again, in their order."""
    await asyncio.wait([before.result])
    if before.result.exception() is not None:
        raise StorageFailed("An earlier message of this conversation is still to be answered.")


def without_text(error: Exception) -> Exception:
    """The same kind of error with the same traceback and no message: messages of libraries may quote the customer."""
    return RuntimeError(f"{type(error).__name__} (message withheld)").with_traceback(error.__traceback__)
