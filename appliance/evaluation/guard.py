"""How well the gates tell a borne-out draft from an invented one. Positive means: unsupported, and caught."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appliance.evaluation.datasets import GuardCase, GuardPassage
from appliance.evaluation.figures import percentile, share
from appliance.evaluation.retrieval import Advance, quiet
from appliance.line.desk import Desk
from appliance.line.ground import ground
from appliance.ticket import Decision, Retrieved
from kb.article import Candidate, Passage
from models.roles import DraftSentence
from models.sentences import split_sentences


async def measure(desk: Desk, cases: Sequence[GuardCase], *, advance: Advance = quiet) -> dict[str, Any]:
    """The figures of the public contract; ``false_pass`` and ``false_block`` are counts. ``by_kind`` only where cases name one."""
    verdicts, times = [], []
    for done, case in enumerate(cases, 1):
        began = desk.clock()
        verdicts.append((case.supported, await passes(desk, case)))
        times.append((desk.clock() - began) * 1000)
        advance(done, len(cases))
    kinds = [case.kind for case in cases]
    return figures(verdicts) | by_kind(kinds, verdicts) | {"p50_ms": percentile(times, 50)}


async def passes(desk: Desk, case: GuardCase) -> bool:
    """Whether every sentence of the draft passes every gate when it cites all passages; a draft without sentences does not."""
    retrieved = Retrieved(
        tuple(_candidate(n, passage) for n, passage in enumerate(case.passages, 1)),
        answerable=1.0,
        decision=Decision("retrieve", "retrieve.given", "The passages of the case."),
    )
    cited = tuple(range(1, len(case.passages) + 1))
    sentences = split_sentences(case.draft, headings=True)
    judged = [await ground(desk, DraftSentence(sentence, cited), retrieved) for sentence in sentences]
    return bool(judged) and all(one.passed for one in judged)


def figures(verdicts: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """From (really supported, let through) pairs."""
    caught = sum(not supported and not passed for supported, passed in verdicts)
    false_pass = sum(not supported and passed for supported, passed in verdicts)
    false_block = sum(supported and not passed for supported, passed in verdicts)
    return {
        "n": len(verdicts),
        "precision": share(caught, caught + false_block),
        "recall": share(caught, caught + false_pass),
        "false_pass": false_pass,
        "false_block": false_block,
        "unsupported": caught + false_pass,
        "supported": len(verdicts) - caught - false_pass,
    }


def by_kind(kinds: Sequence[str], verdicts: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Cases, false passes and false blocks of each kind that is named, beside each other; nothing where none is."""
    found: dict[str, dict[str, int]] = {}
    for kind, (supported, passed) in zip(kinds, verdicts, strict=True):
        if kind:
            counts = found.setdefault(kind, {"n": 0, "false_pass": 0, "false_block": 0})
            counts["n"] += 1
            counts["false_pass"] += passed and not supported
            counts["false_block"] += supported and not passed
    return {"by_kind": dict(sorted(found.items()))} if found else {}


def _candidate(n: int, passage: str | GuardPassage) -> Candidate:
    given = GuardPassage(text=passage) if isinstance(passage, str) else passage
    return Candidate(
        Passage(f"case-{n}", f"case-{n}", 0, "", given.text),
        given.title,
        url="",
        vector=0.0,
        bm25=0.0,
        rrf=0.0,
        score=0.0,
    )
