"""The order of the stations, and only the order.

identify -> language -> classify -> route -> retrieve -> draft and ground, sentence by sentence -> close. Outcomes are values; a fault leaves as an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from appliance.line import close
from appliance.line.classify import classify
from appliance.line.deadline import Deadline, deadline_of
from appliance.line.desk import Desk
from appliance.line.events import Emit, Tell, spoken
from appliance.line.identify import identify
from appliance.line.journal import Journal, Unwritten
from appliance.line.language import language
from appliance.line.measure import Stopwatch
from appliance.line.retrieve import covered, retrieve
from appliance.line.route import confidence, route
from appliance.line.writing import write
from appliance.ticket import (
    Case,
    Citation,
    Classified,
    Closed,
    Decision,
    Drafted,
    Grounded,
    Identified,
    Retrieved,
    Routed,
    Spoken,
    Ticket,
)
from models.roles import DraftSentence

_NO_JOURNAL = Unwritten()


@dataclass(frozen=True, slots=True)
class _Read:
    """What the stations before the draft have found out."""

    identified: Identified
    case: Case
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Written:
    """What the ladder has brought about, as the journal keeps it."""

    drafted: Drafted
    grounded: Grounded


@dataclass(frozen=True, slots=True)
class _Voice:
    """The way to the customer, and what has gone along it already."""

    tell: Tell
    told: Sequence[tuple[DraftSentence, tuple[Citation, ...]]]


async def run(
    desk: Desk,
    ticket: Ticket,
    emit: Emit,
    *,
    waited_s: float = 0.0,
    journal: Journal = _NO_JOURNAL,
    tell: Tell | None = None,
    told: Sequence[tuple[DraftSentence, tuple[Citation, ...]]] = (),
) -> Closed:
    """Bring one ticket to its end. ``emit`` hears of stages, and ``tell`` of each sentence as soon as it has passed the gates (by default ``emit`` does).

    Each station's result goes into the ``journal``. ``told``: sentences, with their citations, that left before an earlier attempt broke off; they are
    the reply, and nothing is added to them.

    ``waited_s``: seconds since the message was accepted; its deadline counts from there. Reading and searching have until the deadline of a simple
    ticket, and even when that has passed the reserve of a rung: a model that hangs must not keep the ticket, and a late one may still be answered.
    Raises ``models.errors.Overloaded`` or another fault; nothing has left by then but sentences that passed.
    """
    watch = Stopwatch(desk.clock, emit)
    limits = desk.policy.deadlines
    accepted = desk.clock() - waited_s
    within_s = max(limits.simple_s - waited_s, limits.reserve_s)
    try:
        async with asyncio.timeout(within_s) as scope:
            read = await _read(desk, ticket, watch, accepted, journal)
    except TimeoutError:
        if not scope.expired():
            raise
        late = Decision("line", "line.deadline", f"Reading and searching took longer than {within_s:.0f} s.")
        return close.failed(desk.policy, ticket, late, np.zeros(0, np.float32))
    closed = await _end(desk, read, watch, journal, _Voice(tell or spoken(emit), told))
    priority = desk.policy.tier(read.identified.tier).priority
    return replace(closed, reply=replace(closed.reply, timings_ms=watch.timings()), priority=priority)


async def _read(desk: Desk, ticket: Ticket, watch: Stopwatch, accepted: float, journal: Journal) -> _Read:
    with watch.stage("identify"):
        identified = await journal.step("identify", Identified, lambda: identify(desk, ticket))
    with watch.stage("language") as stage:
        heard = await journal.step("language", Spoken, lambda: language(desk, ticket, identified))
        stage.rule = heard.rule
    with watch.stage("classify"):
        classified = await journal.step("classify", Classified, lambda: classify(desk, ticket, heard))
    with watch.stage("route") as stage:
        routed = await journal.step("route", Routed, lambda: _routed(desk, ticket, identified, classified))
        stage.rule = routed.decision.rule
    case = Case(
        ticket,
        classified,
        routed,
        confidence(desk.policy, identified, classified),
        decisions=(*identified.decisions, routed.decision),
    )
    deadline, why = deadline_of(desk.policy.deadlines, ticket, classified, accepted=accepted, clock=desk.clock)
    if not routed.attempt:
        return _Read(identified, case, deadline)
    with watch.stage("retrieve") as stage:
        retrieved = await journal.step(
            "retrieve", Retrieved, lambda: retrieve(desk, identified, classified, doubtful=routed.doubtful)
        )
        stage.rule = retrieved.decision.rule
    decisions = (*case.decisions, why, retrieved.decision)
    return _Read(identified, replace(case, retrieved=retrieved, decisions=decisions), deadline)


async def _routed(desk: Desk, ticket: Ticket, identified: Identified, classified: Classified) -> Routed:
    return route(desk.policy, ticket, identified, classified)


async def _end(desk: Desk, read: _Read, watch: Stopwatch, journal: Journal, voice: _Voice) -> Closed:
    case, retrieved = read.case, read.case.retrieved
    if retrieved is None and not voice.told:
        return close.without_attempt(desk.policy, case)
    if retrieved is not None and not covered(retrieved) and not voice.told:
        return close.not_covered(desk.policy, case, retrieved.decision)
    with watch.stage("draft") as stage:
        written = await journal.step("draft", Written, lambda: _write(desk, read, voice))
        grounded = written.grounded
        stage.rule = grounded.decision.rule
    case = replace(case, drafted=written.drafted, grounded=grounded, decisions=(*case.decisions, grounded.decision))
    if grounded.sentences:
        return close.answered(desk.policy, case, grounded)
    if grounded.decision.rule in close.UNFINISHED:
        return close.unfinished(desk.policy, case, grounded.decision)
    return close.not_covered(desk.policy, case, grounded.decision)


async def _write(desk: Desk, read: _Read, voice: _Voice) -> Written:
    retrieved = read.case.retrieved
    if voice.told or retrieved is None:
        return _retold(voice.told)
    return Written(*await write(desk, read.case, read.identified, retrieved, voice.tell, deadline=read.deadline))


def _retold(told: Sequence[tuple[DraftSentence, tuple[Citation, ...]]]) -> Written:
    """What a customer has read is not taken back, and nothing is added: another draft might contradict it."""
    sentences = tuple(sentence for sentence, _ in told)
    sources = {citation.n: citation for _, citations in reversed(told) for citation in citations}
    reason = f"The run broke off after {len(told)} sentences that had passed the gates; they stay the reply."
    grounded = Grounded(
        sentences, tuple(sources[n] for n in sorted(sources)), (), Decision("ground", "ground.told", reason)
    )
    return Written(Drafted("earlier attempt", sentences), grounded)
