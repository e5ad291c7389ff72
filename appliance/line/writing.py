"""Drafting under guard: rungs write, gates judge, and what has passed is released at once.

The first rung whose draft leaves at least one sentence wins; a rung that is down, or whose sentences all fail, gives way to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.line.desk import Desk
from appliance.line.draft import request
from appliance.line.events import Emit
from appliance.line.ground import citations, ground
from appliance.ticket import Case, Decision, Drafted, Grounded, Retrieved, Verdict
from models.errors import ModelFault, Overloaded
from models.roles import DraftSentence, SynthesisRequest, Synthesizer


@dataclass(slots=True)
class _Attempt:
    """What one rung has brought about so far."""

    name: str
    drafted: list[DraftSentence] = field(default_factory=list)
    passed: list[DraftSentence] = field(default_factory=list)
    fault: str = ""


async def write(desk: Desk, case: Case, retrieved: Retrieved, emit: Emit) -> tuple[Drafted, Grounded]:
    """Go down the ladder until something may leave. Raises ``Overloaded`` when the gates' own models are."""
    asked = request(desk, case.ticket, case.classified, retrieved)
    verdicts: list[Verdict] = []
    faults: list[str] = []
    attempt = _Attempt("none")
    for rung in desk.ladder:
        attempt = await _climb(desk, rung, asked, retrieved, verdicts, emit)
        if attempt.fault:
            faults.append(attempt.fault)
        if attempt.passed or _says_not_covered(rung, attempt):
            break
    passed = tuple(attempt.passed)
    drafted = Drafted(attempt.name, tuple(attempt.drafted), tuple(faults))
    return drafted, Grounded(passed, citations(passed, retrieved), tuple(verdicts), _decide(attempt))


def _says_not_covered(rung: Synthesizer, attempt: _Attempt) -> bool:
    """A language model that read the passages and wrote nothing has said that they do not answer; quoting them all the same would overrule it."""
    return not rung.verbatim and not attempt.drafted and not attempt.fault


async def _climb(
    desk: Desk, rung: Synthesizer, asked: SynthesisRequest, retrieved: Retrieved, verdicts: list[Verdict], emit: Emit
) -> _Attempt:
    attempt = _Attempt(rung.name)
    stream = rung.sentences(asked)
    try:
        async for sentence in stream:
            attempt.drafted.append(sentence)
            judged = await ground(desk, sentence, retrieved)
            verdicts.extend(judged)
            if judged[-1].passed and sentence.text not in [one.text for one in attempt.passed]:
                attempt.passed.append(sentence)
                emit("sentence", {"text": sentence.text, "citations": list(sentence.citations)})
            if len(attempt.passed) >= asked.max_sentences:
                break
    except Overloaded:
        raise
    except ModelFault as fault:
        attempt.fault = f"{rung.name}: {fault.code}: {fault.message}"
    finally:
        await _close(stream)
    return attempt


async def _close(stream: object) -> None:
    """End the generator now, so that a request to a model server is cancelled and not left to the garbage collector."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()


def _decide(attempt: _Attempt) -> Decision:
    if attempt.passed:
        reason = f"{len(attempt.passed)} of {len(attempt.drafted)} sentences by {attempt.name} are supported by the passages that they cite."
        return Decision("ground", "ground.supported", reason)
    if not attempt.drafted:
        return Decision("draft", "draft.not_covered", f"{attempt.name} found no sentence that answers.")
    return Decision(
        "ground", "ground.nothing_left", f"None of {len(attempt.drafted)} sentences by {attempt.name} passed the gates."
    )
