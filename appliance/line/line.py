"""The order of the stations, and only the order.

identify -> language -> classify -> route -> retrieve -> draft and ground, sentence by sentence -> close. Outcomes are values; a fault leaves as an exception.
"""

from __future__ import annotations

from dataclasses import replace

from appliance.line import close
from appliance.line.classify import classify
from appliance.line.desk import Desk
from appliance.line.events import Emit
from appliance.line.identify import identify
from appliance.line.language import language
from appliance.line.measure import Stopwatch
from appliance.line.retrieve import covered, retrieve
from appliance.line.route import confidence, route
from appliance.line.writing import write
from appliance.ticket import Case, Closed, Identified, Ticket


async def run(desk: Desk, ticket: Ticket, emit: Emit) -> Closed:
    """Bring one ticket to its end. ``emit`` hears of stages, and of each sentence as soon as it has passed the gates.

    Raises ``models.errors.Overloaded`` or another fault; nothing has left by then but sentences that passed.
    """
    watch = Stopwatch(desk.clock, emit)
    with watch.stage("identify"):
        identified = await identify(desk, ticket)
    closed = await _run(desk, ticket, identified, emit, watch)
    priority = desk.policy.tier(identified.tier).priority
    return replace(closed, reply=replace(closed.reply, timings_ms=watch.timings()), priority=priority)


async def _run(desk: Desk, ticket: Ticket, identified: Identified, emit: Emit, watch: Stopwatch) -> Closed:
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
    if not routed.attempt:
        return close.without_attempt(desk.policy, case)
    return await _attempt(desk, case, identified, emit, watch)


async def _attempt(desk: Desk, case: Case, identified: Identified, emit: Emit, watch: Stopwatch) -> Closed:
    with watch.stage("retrieve") as stage:
        retrieved = await retrieve(desk, identified, case.classified, doubtful=case.routed.doubtful)
        stage.rule = retrieved.decision.rule
    case = replace(case, retrieved=retrieved, decisions=(*case.decisions, retrieved.decision))
    if not covered(retrieved):
        return close.not_covered(desk.policy, case, retrieved.decision)
    with watch.stage("draft") as stage:
        drafted, grounded = await write(desk, case, identified, retrieved, emit)
        stage.rule = grounded.decision.rule
    case = replace(case, drafted=drafted, grounded=grounded, decisions=(*case.decisions, grounded.decision))
    if not grounded.sentences:
        return close.not_covered(desk.policy, case, grounded.decision)
    return close.answered(desk.policy, case, grounded)
