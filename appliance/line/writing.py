"""Down the ladder: rungs write, gates judge, and what has passed is released at once.

The first rung whose draft leaves an answer wins; a rung that is skipped, is down, is out of time, or whose sentences all fail gives way to the next.
A language model of whose draft nothing is left that answers is told why and writes once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from appliance.line.deadline import Deadline
from appliance.line.desk import Desk
from appliance.line.draft import request
from appliance.line.drafting import Draft, draft_within
from appliance.line.events import Tell
from appliance.line.ground import citations
from appliance.line.ladder import Errand, Rung, Skipped
from appliance.line.remainder import Remainder
from appliance.ticket import Attempted, Case, Decision, Drafted, Grounded, Identified, Retrieved
from models.roles import Synthesizer

_REDRAFTS = 1
"""Times that a language model is told what was wrong and writes again."""


@dataclass(slots=True)
class _Climb:
    """A ticket on its way down the ladder."""

    desk: Desk
    retrieved: Retrieved
    tell: Tell
    deadline: Deadline
    drafts: list[Draft] = field(default_factory=list)
    turns: list[Attempted] = field(default_factory=list)


async def write(
    desk: Desk, case: Case, identified: Identified, retrieved: Retrieved, tell: Tell, *, deadline: Deadline
) -> tuple[Drafted, Grounded]:
    """Go down the ladder until something may leave. Raises ``Overloaded`` when the gates' own models are."""
    errand = Errand(case, identified, request(desk, case.ticket, case.classified, retrieved))
    climb = _Climb(desk, retrieved, tell, deadline)
    for place, rung in enumerate(desk.ladder):
        below = len(desk.ladder) - 1 - place
        errand = replace(errand, left_s=deadline.share_s(below))
        writer = await _writer(rung, errand)
        if isinstance(writer, Skipped):
            reason = f"{writer.rule}: {writer.reason}"
            climb.turns.append(Attempted(rung.name, errand.occasion, "skipped", reason=reason, hosted=rung.hosted))
            errand = replace(errand, occasion=writer.occasion or errand.occasion)
            continue
        last = await _turn(climb, rung, writer, errand=errand, below=below)
        if last.passed or last.says_not_covered:
            break
        errand = replace(errand, occasion="local_down" if last.fault else "low_support")
    return _written(climb)


async def _writer(rung: Rung, errand: Errand) -> Synthesizer | Skipped:
    if errand.left_s <= 0:
        return Skipped("ladder.no_time", "What is left until the deadline belongs to the rungs below.", "overloaded")
    return await rung.writer(errand)


async def _turn(climb: _Climb, rung: Rung, writer: Synthesizer, *, errand: Errand, below: int) -> Draft:
    """The rung's draft, and where nothing of it answers, one more by a language model that was told why. The rung hears of each, whatever happens."""
    asked = errand.request
    for again in range(1 + (0 if rung.verbatim else _REDRAFTS)):
        within_s = errand.left_s if not again else climb.deadline.share_s(below)
        if within_s <= 0:
            break
        left = Remainder(asked.question, verbatim=rung.verbatim)
        draft = Draft(rung, errand.case.classified.language, left, began=climb.desk.clock())
        climb.drafts.append(draft)
        heard = Attempted(rung.name, errand.occasion, "abandoned", hosted=rung.hosted)
        try:
            await draft_within(
                climb.desk,
                draft,
                writer,
                asked=asked,
                retrieved=climb.retrieved,
                tell=climb.tell,
                within_s=within_s,
            )
            heard = draft.attempted(errand.occasion)
            climb.turns.append(heard)
        finally:
            rung.heard(heard)
        if draft.outcome != "nothing_left":
            break
        asked = replace(asked, rejected=draft.rejected)
    return climb.drafts[-1]


def _written(climb: _Climb) -> tuple[Drafted, Grounded]:
    verdicts = tuple(verdict for one in climb.drafts for verdict in one.verdicts)
    faults = tuple(one.fault for one in climb.drafts if one.fault)
    turns = tuple(climb.turns)
    if not climb.drafts:
        decision = Decision("draft", "draft.no_rung", "No rung of the ladder could be asked.")
        return Drafted("", (), faults, turns), Grounded((), (), verdicts, decision)
    last = climb.drafts[-1]
    passed = tuple(last.passed)
    drafted = Drafted(last.rung.name, tuple(last.drafted), faults, turns)
    return drafted, Grounded(passed, citations(passed, climb.retrieved), verdicts, _decide(last))


def _decide(draft: Draft) -> Decision:
    name = draft.rung.name
    if draft.passed:
        reason = f"{len(draft.passed)} of {len(draft.drafted)} sentences by {name} are supported by the passages that they cite."
        return Decision("ground", "ground.supported", reason)
    if draft.late:
        return Decision("line", "line.deadline", f"The deadline passed before an answer was ready: {draft.fault}.")
    if draft.fault:
        return Decision("draft", "draft.no_rung", f"No rung of the ladder could write: {draft.fault}")
    if not draft.drafted:
        return Decision("draft", "draft.not_covered", f"{name} found no sentence that answers.")
    return Decision(
        "ground", "ground.nothing_left", f"None of {len(draft.drafted)} sentences by {name} passed the gates."
    )
