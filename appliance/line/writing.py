"""Drafting under guard: rungs write, gates judge, and what has passed is released at once.

The first rung whose draft leaves an answer wins; a rung that is skipped, is down, or whose sentences all fail gives way to the next. A language
model whose sentences failed is told why and writes once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from appliance.line.desk import Desk
from appliance.line.draft import request
from appliance.line.events import Emit
from appliance.line.ground import citations, ground
from appliance.line.ladder import Errand, Occasion, Rung, Skipped
from appliance.ticket import Attempted, Case, Decision, Drafted, Grounded, Identified, Retrieved, Spoken, Verdict
from models.errors import ModelFault, Overloaded
from models.roles import DraftSentence, SynthesisRequest, Synthesizer

_MOST_DRAFTED = 16
"""Sentences of one draft that are judged: a model that never comes to an end must not keep the ticket."""
_REDRAFTS = 1
"""Times that a language model is told what was wrong and writes again."""


@dataclass(slots=True)
class _Draft:
    """What one writer has brought about so far."""

    rung: Rung
    spoken: Spoken
    drafted: list[DraftSentence] = field(default_factory=list)
    passed: list[DraftSentence] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    fault: str = ""
    began: float = 0.0
    first_at: float | None = None

    @property
    def outcome(self) -> str:
        if self.passed:
            return "answered"
        if self.fault:
            return "fault"
        return "nothing_left" if self.drafted else "not_covered"

    @property
    def says_not_covered(self) -> bool:
        """A language model that read the passages and wrote nothing has said that they do not answer; quoting them all the same would overrule it."""
        return not self.rung.verbatim and self.outcome == "not_covered"

    @property
    def rejected(self) -> tuple[tuple[str, str], ...]:
        return tuple((one.sentence, f"{one.gate}: {one.detail}") for one in self.verdicts if not one.passed)

    def repeats(self, sentence: DraftSentence) -> bool:
        return any(sentence.text == earlier.text for earlier in self.passed)

    def attempted(self, occasion: Occasion, now: float) -> Attempted:
        return Attempted(
            self.rung.name,
            occasion,
            self.outcome,  # type: ignore[arg-type]  # a property cannot narrow to the literals that it returns
            drafted=len(self.drafted),
            passed=len(self.passed),
            ms=round((now - self.began) * 1000, 2),
            first_ms=None if self.first_at is None else round((self.first_at - self.began) * 1000, 2),
            reason=self.fault,
            hosted=self.rung.hosted,
        )


async def write(
    desk: Desk, case: Case, identified: Identified, retrieved: Retrieved, emit: Emit
) -> tuple[Drafted, Grounded]:
    """Go down the ladder until something may leave. Raises ``Overloaded`` when the gates' own models are."""
    errand = Errand(case, identified, request(desk, case.ticket, case.classified, retrieved))
    drafts: list[_Draft] = []
    turns: list[Attempted] = []
    for rung in desk.ladder:
        writer = await rung.writer(errand)
        if isinstance(writer, Skipped):
            turns.append(Attempted(rung.name, errand.occasion, "skipped", reason=f"{writer.rule}: {writer.reason}"))
            errand = replace(errand, occasion=writer.occasion or errand.occasion)
            continue
        for draft in await _drafts(desk, rung, writer, errand=errand, retrieved=retrieved, emit=emit):
            drafts.append(draft)
            turns.append(draft.attempted(errand.occasion, desk.clock()))
            rung.heard(turns[-1])
        if drafts[-1].passed or drafts[-1].says_not_covered:
            break
        errand = replace(errand, occasion="local_down" if drafts[-1].fault else "low_support")
    return _written(drafts, turns, retrieved)


def _written(drafts: list[_Draft], turns: list[Attempted], retrieved: Retrieved) -> tuple[Drafted, Grounded]:
    last = drafts[-1]
    passed = tuple(last.passed)
    faults = tuple(one.fault for one in drafts if one.fault)
    verdicts = tuple(verdict for one in drafts for verdict in one.verdicts)
    drafted = Drafted(last.rung.name, tuple(last.drafted), faults, tuple(turns))
    return drafted, Grounded(passed, citations(passed, retrieved), verdicts, _decide(last))


async def _drafts(
    desk: Desk, rung: Rung, writer: Synthesizer, *, errand: Errand, retrieved: Retrieved, emit: Emit
) -> list[_Draft]:
    """The rung's draft, and where nothing of it passed, one more by a language model that was told why."""
    drafts: list[_Draft] = []
    asked = errand.request
    for _ in range(1 + (0 if rung.verbatim else _REDRAFTS)):
        draft = _Draft(rung, errand.case.classified.language, began=desk.clock())
        drafts.append(draft)
        await _climb(desk, draft, writer, asked=asked, retrieved=retrieved, emit=emit)
        if draft.outcome != "nothing_left":
            break
        asked = replace(asked, rejected=draft.rejected)
    return drafts


async def _climb(
    desk: Desk, draft: _Draft, writer: Synthesizer, *, asked: SynthesisRequest, retrieved: Retrieved, emit: Emit
) -> None:
    """Let one writer write until it ends, fails, or has said enough."""
    stream = writer.sentences(asked)
    try:
        async for sentence in stream:
            draft.drafted.append(sentence)
            judged = await ground(desk, sentence, retrieved, draft.spoken)
            draft.verdicts.extend(judged.verdicts)
            if judged.passed and not draft.repeats(judged.sentence):
                draft.passed.append(judged.sentence)
                draft.first_at = draft.first_at or desk.clock()
                emit("sentence", {"text": judged.sentence.text, "citations": list(sentence.citations)})
            if len(draft.passed) >= asked.max_sentences or len(draft.drafted) >= _MOST_DRAFTED:
                break
    except Overloaded:
        raise
    except ModelFault as fault:
        draft.fault = f"{draft.rung.name}: {fault.code}: {fault.message}"
    finally:
        await _close(stream)


async def _close(stream: object) -> None:
    """End the generator now, so that a request to a model server is cancelled and not left to the garbage collector."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()


def _decide(draft: _Draft) -> Decision:
    name = draft.rung.name
    if draft.passed:
        reason = f"{len(draft.passed)} of {len(draft.drafted)} sentences by {name} are supported by the passages that they cite."
        return Decision("ground", "ground.supported", reason)
    if not draft.drafted:
        return Decision("draft", "draft.not_covered", f"{name} found no sentence that answers.")
    return Decision(
        "ground", "ground.nothing_left", f"None of {len(draft.drafted)} sentences by {name} passed the gates."
    )
