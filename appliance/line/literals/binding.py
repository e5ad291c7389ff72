"""Whether the amounts of a sentence belong together, and to what they are said of. Each may stand in the source and be true of something else.

All three tests ask for a rival: an amount is refused only where the source says something else in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from appliance.line.literals.extract import Literal, extract
from appliance.line.literals.recurrence import AS_DURATION, with_ends
from models.lexical import STOP_WORDS
from models.sentences import split_sentences

_AMOUNTS = frozenset(("money", "percent", "duration"))
_CLAUSE = re.compile(r"[,;:](?=\s)|[()]|\b(?:or|and|but|while|whereas)\b", re.I)
_NAME = re.compile(r"\b[A-Z][\w-]*")
_NAMED_NOUN = re.compile(r"(?<=[\w,;:(] )(?P<name>[A-Z][\w-]*) (?P<noun>[a-z]{3,})\b")
_REFERS_BACK = re.compile(r"(?:it|they|this|that|these|those|he|she)\b", re.I)


class _Unit(NamedTuple):
    """One sentence or line of a source. ``context``: title and heading, and the sentence before it where it refers back to that."""

    text: str
    context: str
    amounts: dict[str, frozenset[str]]


class _Clause(NamedTuple):
    """A part of the sentence with the names that it speaks of; a clause without names goes on about those before it."""

    text: str
    names: tuple[str, ...]
    amounts: tuple[Literal, ...]


def unbound(sentence: str, sources: Sequence[str]) -> str:
    """Why an amount of ``sentence`` is not what ``sources`` say of its subject; empty where nothing speaks against it."""
    if not any(literal.kind in _AMOUNTS for literal in extract(sentence)):
        return ""
    units = [unit for source in sources for unit in _units(source)]
    clauses = list(_clauses(sentence, units))
    found = (*_of_another(clauses, units), *_other_period(clauses, units), *_apart(clauses, units))
    return next(iter(found), "")


def _units(source: str) -> Iterator[_Unit]:
    lines = [line.strip() for line in source.split("\n") if line.strip()][:2]
    title = " ".join(takewhile(lambda line: not line.endswith((".", "!", "?", "|", ":")), lines))
    before = ""
    for text in split_sentences(source, headings=True):
        context = f"{title} {before}" if _REFERS_BACK.match(text) else title
        yield _Unit(text, context, _amounts(extract(text)))
        before = text


def _amounts(literals: Sequence[Literal]) -> dict[str, frozenset[str]]:
    known: dict[str, frozenset[str]] = {}
    for literal in literals:
        if literal.kind in _AMOUNTS and not _period(literal):
            ends = frozenset(end for reading in literal.readings for end in with_ends(reading))
            known[literal.kind] = known.get(literal.kind, frozenset()) | ends
    return known


def _period(literal: Literal) -> frozenset[str]:
    """``per month``, ``monthly`` and ``a month`` as one: how often an amount is due."""
    if literal.kind == "recurring":
        return frozenset(AS_DURATION.get(reading, reading) for reading in literal.readings)
    often = literal.kind == "duration" and literal.surface.lower().startswith(("a ", "an "))
    return literal.readings if often else frozenset()


def _clauses(sentence: str, units: Sequence[_Unit]) -> Iterator[_Clause]:
    inside = {name for unit in units for name in _names(unit.text, frozenset())}
    names: tuple[str, ...] = ()
    start = 0
    for text in _CLAUSE.split(sentence):
        # Only the first word of the sentence is large for no reason; there it is a name if a source writes it so.
        own = _names(text if start else text.strip(), inside) if not start else _inner_names(text)
        names, start = own or names, 1
        yield _Clause(text, names, tuple(one for one in extract(text) if one.kind in _AMOUNTS and not _period(one)))


def _names(text: str, known: frozenset[str] | set[str]) -> tuple[str, ...]:
    first, _, rest = text.partition(" ")
    opening = (first.strip(".,;:"),) if first.strip(".,;:") in known else ()
    return (*opening, *_inner_names(rest))


def _inner_names(text: str) -> tuple[str, ...]:
    return tuple(name for name in _NAME.findall(text) if name.lower() not in STOP_WORDS)


def _stands(literal: Literal, unit: _Unit) -> bool:
    return bool(literal.readings & unit.amounts.get(literal.kind, frozenset()))


def _of_another(clauses: Sequence[_Clause], units: Sequence[_Unit]) -> Iterator[str]:
    """The source says the amount of another subject, and another amount of this one."""
    for clause in clauses:
        for literal in clause.amounts:
            holders = [unit for unit in units if _stands(literal, unit)]
            for name in clause.names if holders else ():
                if not any(_is_about(unit, name) for unit in holders) and (
                    any(_mentions(unit.text, name) and unit.amounts.get(literal.kind) for unit in units)
                    or _named_otherwise(clause.text, name, holders)
                ):
                    yield f"{literal.surface.strip()} is not said of {name}"


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _is_about(unit: _Unit, name: str) -> bool:
    """It names it; or its title does, and it names nothing of its own."""
    return _mentions(unit.text, name) or (_mentions(unit.context, name) and not _names(unit.text, frozenset()))


def _named_otherwise(clause: str, name: str, holders: Sequence[_Unit]) -> bool:
    """``the Free plan`` where every sentence with the amount speaks of ``the Team plan``."""
    noun = next((match["noun"] for match in _NAMED_NOUN.finditer(clause) if match["name"] == name), None)
    return noun is not None and all(
        any(match["noun"] == noun for match in _NAMED_NOUN.finditer(unit.text)) for unit in holders
    )


def _other_period(clauses: Sequence[_Clause], units: Sequence[_Unit]) -> Iterator[str]:
    """``€9 per year`` where the source has ``€9 per month``, be ``per year`` next to another price."""
    sides = [side for unit in units if "money" in unit.amounts for side in _priced(unit.text)]
    for clause in clauses:
        for prices, periods in _priced(clause.text) if clause.amounts else ():
            theirs = [said for readings, said in sides if readings & prices and said]
            if periods and theirs and not any(periods <= said for said in theirs):
                yield f"{clause.amounts[0].surface.strip()} is said of another period"


def _priced(text: str) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Each clause with a price: its prices and its periods."""
    for clause in _CLAUSE.split(text):
        literals = extract(clause)
        prices = frozenset(reading for one in literals if one.kind == "money" for reading in one.readings)
        if prices:
            yield prices, frozenset(period for one in literals for period in _period(one))


def _apart(clauses: Sequence[_Clause], units: Sequence[_Unit]) -> Iterator[str]:
    """``1 day`` and ``$5`` where one sentence has ``1 day`` with another price, and one ``$5`` with another time."""
    amounts = [literal for clause in clauses for literal in clause.amounts]
    if len({clause.names for clause in clauses if clause.amounts}) > 1:
        return  # of two subjects: each amount was held against its own
    for at, one in enumerate(amounts):
        for other in amounts[at + 1 :]:
            mine, theirs = ([unit for unit in units if _stands(literal, unit)] for literal in (one, other))
            if one.kind == other.kind or not mine or not theirs or any(unit in theirs for unit in mine):
                continue
            if all(unit.amounts.get(other.kind) for unit in mine) and all(
                unit.amounts.get(one.kind) for unit in theirs
            ):
                yield f"{one.surface.strip()} and {other.surface.strip()} are not said together"
