"""One writer's draft under guard: every sentence is judged as it comes, told when it may leave, and the whole is bounded in time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from appliance.line.desk import Desk
from appliance.line.events import Tell
from appliance.line.gates import apologises
from appliance.line.ground import citations, ground
from appliance.line.ladder import Occasion, Rung
from appliance.line.remainder import Remainder
from appliance.ticket import Attempted, Retrieved, Spoken, Verdict
from models.errors import ModelFault, ModelRefused, Overloaded
from models.roles import DraftSentence, SynthesisRequest, Synthesizer

_MOST_DRAFTED = 16
"""Sentences of one draft that are judged: a model that never comes to an end must not keep the ticket."""
_CLOSING_S = 1.0
"""To end a request: a connection that does not let itself be closed must not keep the ticket either."""


@dataclass(slots=True)
class Draft:
    """What one writer has brought about so far."""

    rung: Rung
    spoken: Spoken
    left: Remainder
    drafted: list[DraftSentence] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    fault: str = ""
    kind: Literal["", "passing", "lasting"] = ""
    late: bool = False
    """It was cut off when its time was over."""
    judging: bool = False
    began: float = 0.0
    ended: float = 0.0
    first_at: float | None = None

    @property
    def passed(self) -> list[DraftSentence]:
        """What has left, in order."""
        return self.left.told

    @property
    def outcome(self) -> Literal["answered", "not_covered", "nothing_left", "fault"]:
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

    def attempted(self, occasion: Occasion) -> Attempted:
        return Attempted(
            self.rung.name,
            occasion,
            self.outcome,
            drafted=len(self.drafted),
            passed=len(self.passed),
            ms=round((self.ended - self.began) * 1000, 2),
            first_ms=None if self.first_at is None else round((self.first_at - self.began) * 1000, 2),
            reason=self.fault,
            hosted=self.rung.hosted,
            fault=self.kind,
        )


async def draft_within(
    desk: Desk,
    draft: Draft,
    writer: Synthesizer,
    *,
    asked: SynthesisRequest,
    retrieved: Retrieved,
    tell: Tell,
    within_s: float,
) -> None:
    """Let one writer write until it ends, fails, has said enough, or its time is over; then its request is cancelled.

    Raises ``Overloaded`` when the gates' own models are and nothing has left yet: what a customer has read is not taken back.
    """
    stream = writer.sentences(asked)
    whole = False
    try:
        async with asyncio.timeout(within_s) as scope:
            await _read(desk, draft, stream, asked=asked, retrieved=retrieved, tell=tell)
        whole = True
    except TimeoutError:
        if not scope.expired():
            raise  # a defect of a part, which must show as one
        _cut(draft, within_s)
    except ModelFault as fault:
        if isinstance(fault, Overloaded) and not draft.passed:
            raise
        draft.fault = f"{draft.rung.name}: {fault.code}: {fault.message}"
        draft.kind = _weight(draft, fault)
    finally:
        await _close(stream)
    freed, fallen = draft.left.ended(whole=whole)
    await _tell(desk, draft, freed, retrieved, tell)
    draft.verdicts.extend(fallen)
    draft.ended = desk.clock()


async def _read(
    desk: Desk, draft: Draft, stream: object, *, asked: SynthesisRequest, retrieved: Retrieved, tell: Tell
) -> None:
    async for sentence in stream:  # type: ignore[attr-defined]  # an iterator of sentences by the Protocol
        draft.drafted.append(sentence)
        if apologises(sentence.text, asked.question):
            draft.verdicts.append(Verdict("tone", True, sentence.text, "the one apology"))
            draft.left.sorry(replace(sentence, citations=()))
            continue
        draft.judging = True
        judged = await ground(desk, sentence, retrieved, draft.spoken)
        draft.judging = False
        draft.verdicts.extend(judged.verdicts)
        if judged.passed:
            freed, fallen = draft.left.passed(judged.sentence)
            draft.verdicts.extend([fallen] if fallen else [])
            await _tell(desk, draft, freed, retrieved, tell)
        else:
            draft.left.fell()
        if draft.left.count >= asked.max_sentences or len(draft.drafted) >= _MOST_DRAFTED:
            return


async def _tell(desk: Desk, draft: Draft, freed: list[DraftSentence], retrieved: Retrieved, tell: Tell) -> None:
    for sentence in freed:
        draft.first_at = draft.first_at or desk.clock()
        await tell(sentence, citations((sentence,), retrieved))


def _cut(draft: Draft, within_s: float) -> None:
    """Its time is over. That counts against the model only when it has written nothing: a gate may have been the slow one, or the draft merely long."""
    slow = "the gates" if draft.judging else "it"
    draft.late = True
    draft.fault = f"{draft.rung.name}: line.deadline: {slow} took longer than the {within_s:.1f} s that it had"
    draft.kind = "" if draft.drafted else "passing"


def _weight(draft: Draft, fault: ModelFault) -> Literal["", "passing", "lasting"]:
    """A fault of the gates' own models says nothing about the one that writes."""
    if draft.judging:
        return ""
    return "lasting" if isinstance(fault, ModelRefused) and fault.lasting else "passing"


async def _close(stream: object) -> None:
    """End the generator now, so that a request to a model server is cancelled and not left to the garbage collector."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await aclose()
