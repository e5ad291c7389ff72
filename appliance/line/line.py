"""The order of the stations, and only the order.

identify -> language -> classify -> route -> retrieve -> draft and ground, sentence by sentence -> close. Outcomes are values; a fault leaves as an exception.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from appliance.line import close
from appliance.line.classify import classify
from appliance.line.deadline import Deadline, deadline_of
from appliance.line.desk import Desk
from appliance.line.events import Emit
from appliance.line.identify import identify
from appliance.line.language import language
from appliance.line.measure import Stopwatch
from appliance.line.retrieve import covered, retrieve
from appliance.line.route import confidence, route
from appliance.line.writing import write
from appliance.ticket import Case, Closed, Decision, Identified, Ticket


@dataclass(frozen=True, slots=True)
class _Read:
    """What the stations before the draft have found out."""

    identified: Identified
    case: Case
    deadline: Deadline


async def run(desk: Desk, ticket: Ticket, emit: Emit, *, waited_s: float = 0.0) -> Closed:
    """Bring one ticket to its end. ``emit`` hears of stages, and of each sentence as soon as it has passed the gates.

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
            read = await _read(desk, ticket, emit, watch, accepted)
    except TimeoutError:
        if not scope.expired():
            raise
        late = Decision("line", "line.deadline", f"Reading and searching took longer than {within_s:.0f} s.")
        return close.failed(desk.policy, ticket, late, np.zeros(0, np.float32))
    closed = await _end(desk, read, emit, watch)
    priority = desk.policy.tier(read.identified.tier).priority
    return replace(closed, reply=replace(closed.reply, timings_ms=watch.timings()), priority=priority)


async def _read(desk: Desk, ticket: Ticket, emit: Emit, watch: Stopwatch, accepted: float) -> _Read:
    with watch.stage("identify"):
        identified = await identify(desk, ticket)
    with watch.stage("language") as stage:
        spoken = await language(desk, ticket, identified)
        stage.rule = spoken.rule
    with watch.stage("classify"):
        classified = await classify(desk, ticket, spoken)
    with watch.stage("route") as stage:
        routed = route(desk.policy, ticket, identified, classified)
        stage.rule = routed.decision.rule
    case = Case(
        ticket, classified, routed, confidence(desk.policy, identified, classified), decisions=(routed.decision,)
    )
    deadline, why = deadline_of(desk.policy.deadlines, ticket, classified, accepted=accepted, clock=desk.clock)
    if not routed.attempt:
        return _Read(identified, case, deadline)
    with watch.stage("retrieve") as stage:
        retrieved = await retrieve(desk, identified, classified, doubtful=routed.doubtful)
        stage.rule = retrieved.decision.rule
    decisions = (*case.decisions, why, retrieved.decision)
    return _Read(identified, replace(case, retrieved=retrieved, decisions=decisions), deadline)


async def _end(desk: Desk, read: _Read, emit: Emit, watch: Stopwatch) -> Closed:
    case, retrieved = read.case, read.case.retrieved
    if retrieved is None:
        return close.without_attempt(desk.policy, case)
    if not covered(retrieved):
        return close.not_covered(desk.policy, case, retrieved.decision)
    with watch.stage("draft") as stage:
        drafted, grounded = await write(desk, case, read.identified, retrieved, emit, deadline=read.deadline)
        stage.rule = grounded.decision.rule
    case = replace(case, drafted=drafted, grounded=grounded, decisions=(*case.decisions, grounded.decision))
    if grounded.sentences:
        return close.answered(desk.policy, case, grounded)
    if grounded.decision.rule in close.UNFINISHED:
        return close.unfinished(desk.policy, case, grounded.decision)
    return close.not_covered(desk.policy, case, grounded.decision)
