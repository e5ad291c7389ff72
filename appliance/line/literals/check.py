"""Compares a sentence's literals with those of its sources. What stands in no source is unsupported, and must not leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.line.literals.binding import unbound
from appliance.line.literals.extract import Literal, extract
from appliance.line.literals.recurrence import AS_DURATION, with_ends
from appliance.line.literals.vague import stands

_GOES_ON_BEFORE = re.compile(r"[\w.,$€£¥₹₩₺#+−-]")


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A literal of the sentence that none of its sources has."""

    kind: str
    surface: str


def unsupported(sentence: str, sources: Sequence[str]) -> tuple[Unsupported, ...]:
    """The literals of ``sentence`` that stand in none of ``sources`` (the texts of the cited passages and tool results).

    The kind counts, not only the digits: ``10 days`` is not supported by ``10 weeks``, nor ``30 seats`` by ``30 days``.
    """
    mine = extract(sentence)
    if not mine or any(_verbatim(sentence, source) for source in sources):
        return ()
    known = _known(literal for source in sources for literal in extract(source))
    return tuple(
        Unsupported(literal.kind, literal.surface.strip())
        for literal in mine
        if not _stands(literal, known) and not _worded(literal, sources)
    )


def misbound(sentence: str, sources: Sequence[str]) -> str:
    """Why the amounts of ``sentence`` are not said of what it says them of; empty for a copy, or where nothing speaks against it."""
    return "" if any(_verbatim(sentence, source) for source in sources) else unbound(sentence, sources)


def _verbatim(sentence: str, source: str) -> bool:
    """The sentence stands whole in the source: ``costs 10`` does not stand in ``costs 100``, nor in ``costs 10 million``."""
    words, text = _folded(sentence).replace("\n", " "), _folded(source)
    flat = text.replace("\n", " ")
    at = flat.find(words) if words else -1
    while at >= 0:
        if not _GOES_ON_BEFORE.match(text[at - 1 : at]) and _ends(words, text[at + len(words) :][:3]):
            return True
        at = flat.find(words, at + 1)
    return False


def _ends(words: str, after: str) -> bool:
    """Nothing follows that goes on with the sentence: it has closed itself, or its line ends."""
    if words[-1] in ".!?;:" and not re.match(r"\w", after):
        return True
    return re.match(r"\s*$|\s?\n|[.!?;:)\]\"”](?:\s|$)", after) is not None


def _folded(text: str) -> str:
    """One space or one line end for each run of white space: a copy may be wrapped in another way, but a line that ends is an end."""
    return re.sub(r"\s+", lambda gap: "\n" if "\n" in gap.group() else " ", text.strip())


def _known(literals: Iterable[Literal]) -> dict[str, set[str]]:
    """What the sources say: kind -> normal forms."""
    known: dict[str, set[str]] = {}
    for literal in literals:
        for reading in literal.readings:
            known.setdefault(literal.kind, set()).update(with_ends(reading))
        if literal.kind == "date":
            known.setdefault("number", set()).update(re.findall(r"\b(?:19|20)\d{2}\b", literal.surface))
        if literal.kind == "money" and any(reading.startswith("0 ") for reading in literal.readings):
            known.setdefault("claim", set()).add("free")
        if literal.kind == "recurring":
            known.setdefault("duration", set()).update(
                AS_DURATION[reading] for reading in literal.readings if reading in AS_DURATION
            )
        if literal.kind in {"version", "number"}:  # "Windows 10" and "version 10" name the same thing
            known.setdefault("version", set()).update(literal.readings)
            known.setdefault("number", set()).update(literal.readings)
    return known


def _stands(literal: Literal, known: dict[str, set[str]]) -> bool:
    theirs = known.get(literal.kind, set())
    if literal.kind == "date":
        return any(_date_stands(mine, other) for mine in literal.readings for other in theirs)
    if literal.kind == "recurring":
        every = {AS_DURATION.get(reading, "") for reading in literal.readings}
        return bool(literal.readings & theirs or every & known.get("duration", set()))
    return bool(literal.readings & theirs)


def _worded(literal: Literal, sources: Sequence[str]) -> bool:
    """It stands there in words that are no literal of their own."""
    return stands(literal.readings, sources) if literal.kind == "vague" else _single(literal, sources)


def _single(literal: Literal, sources: Sequence[str]) -> bool:
    """``one seat`` stands in ``a seat`` and in ``a single seat``."""
    noun = literal.surface.lower().removeprefix("one").strip()
    if literal.kind != "number" or not literal.surface.lower().startswith("one ") or not noun.isalpha():
        return False
    return any(re.search(rf"\b(?:an?|single)\s+{noun}\b", source, re.I) for source in sources)


def _date_stands(mine: str, theirs: str) -> bool:
    """A date may leave out the year or the day of the one in the source; it may never add one."""
    if mine.startswith("*-"):
        return theirs.partition("-")[2].startswith(mine[2:])
    return theirs == mine or theirs.startswith(f"{mine}-")
