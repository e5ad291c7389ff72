"""Drafting under guard: rungs write, gates judge, and what has passed is released at once.

The first rung whose draft leaves at least one sentence wins; a rung that is down, or whose sentences all fail, gives way to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.line.desk import Desk
from appliance.line.draft import request
from appliance.line.events import Emit
from appliance.line.ground import citations, ground
from appliance.ticket import Case, Decision, Drafted, Grounded, Retrieved, Spoken, Verdict
from models.errors import ModelFault, Overloaded
from models.roles import DraftSentence, SynthesisRequest, Synthesizer

_MOST_DRAFTED = 16
"""Sentences of one rung that are judged: a model that never comes to an end must not keep the ticket."""


@dataclass(slots=True)
class _Attempt:
    """What one rung has brought about so far."""

    rung: Synthesizer
    spoken: Spoken
    drafted: list[DraftSentence] = field(default_factory=list)
    passed: list[DraftSentence] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    fault: str = ""

    @property
    def says_not_covered(self) -> bool:
        """A language model that read the passages and wrote nothing has said that they do not answer; quoting them all the same would overrule it."""
        return not self.rung.verbatim and not self.drafted and not self.fault

    def repeats(self, sentence: DraftSentence) -> bool:
        return any(sentence.text == earlier.text for earlier in self.passed)


async def write(desk: Desk, case: Case, retrieved: Retrieved, emit: Emit) -> tuple[Drafted, Grounded]:
    """Go down the ladder until something may leave. Raises ``Overloaded`` when the gates' own models are."""
    asked = request(desk, case.ticket, case.classified, retrieved)
    attempts: list[_Attempt] = []
    for rung in desk.ladder:
        attempts.append(_Attempt(rung, case.classified.language))
        await _climb(desk, attempts[-1], asked, retrieved, emit)
        if attempts[-1].passed or attempts[-1].says_not_covered:
            break
    last = attempts[-1]
    passed = tuple(last.passed)
    drafted = Drafted(last.rung.name, tuple(last.drafted), tuple(one.fault for one in attempts if one.fault))
    verdicts = tuple(verdict for one in attempts for verdict in one.verdicts)
    return drafted, Grounded(passed, citations(passed, retrieved), verdicts, _decide(last))


async def _climb(desk: Desk, attempt: _Attempt, asked: SynthesisRequest, retrieved: Retrieved, emit: Emit) -> None:
    """Let one rung write until it ends, fails, or has said enough."""
    stream = attempt.rung.sentences(asked)
    try:
        async for sentence in stream:
            attempt.drafted.append(sentence)
            verdicts = await ground(desk, sentence, retrieved, attempt.spoken)
            attempt.verdicts.extend(verdicts)
            if verdicts[-1].passed and not attempt.repeats(sentence):
                attempt.passed.append(sentence)
                emit("sentence", {"text": sentence.text, "citations": list(sentence.citations)})
            if len(attempt.passed) >= asked.max_sentences or len(attempt.drafted) >= _MOST_DRAFTED:
                break
    except Overloaded:
        raise
    except ModelFault as fault:
        attempt.fault = f"{attempt.rung.name}: {fault.code}: {fault.message}"
    finally:
        await _close(stream)


async def _close(stream: object) -> None:
    """End the generator now, so that a request to a model server is cancelled and not left to the garbage collector."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()


def _decide(attempt: _Attempt) -> Decision:
    name = attempt.rung.name
    if attempt.passed:
        reason = f"{len(attempt.passed)} of {len(attempt.drafted)} sentences by {name} are supported by the passages that they cite."
        return Decision("ground", "ground.supported", reason)
    if not attempt.drafted:
        return Decision("draft", "draft.not_covered", f"{name} found no sentence that answers.")
    return Decision(
        "ground", "ground.nothing_left", f"None of {len(attempt.drafted)} sentences by {name} passed the gates."
    )
