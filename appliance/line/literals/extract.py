"""Finds the literals of a text. Patterns are tried in order, and what one has taken no later one reads again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appliance.line.literals import dates, offers, quantities, references, vague

Kind = str
"""url, email, phone, version, code, date, time, weekday, money, percent, duration, quantity, number, claim (free, a full refund, ...), vague (a few weeks, overnight)."""


@dataclass(frozen=True, slots=True)
class Literal:
    """One literal. ``readings`` are its possible normal forms (an ambiguous one has several); ``surface`` is how it stands in the text."""

    kind: Kind
    readings: frozenset[str]
    surface: str


Reader = Callable[[re.Match[str]], "tuple[Kind, frozenset[str]] | None"]

# Longest and most telling first: the digits of a URL, a date or a price are not numbers of their own.
_PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    *references.ADDRESSES,
    *dates.PATTERNS,
    *offers.PATTERNS,
    *quantities.PATTERNS,
    *references.CODES,
    *quantities.PLAIN,
    *offers.LAST,
    *vague.PATTERNS,
    *references.REST,
)
_EMPHASIS = re.compile(r"\*\*|`")
_SIGNED = frozenset({"number", "quantity", "money", "percent"})


def extract(text: str) -> tuple[Literal, ...]:
    """All literals of ``text`` in the order in which they stand. Markdown's emphasis does not part a number from its unit."""
    text = _EMPHASIS.sub("", text)
    taken = bytearray(len(text))
    found: list[tuple[int, Literal]] = []
    for pattern, read in _PATTERNS:
        for start, literal in _free_matches(pattern, read, text, taken):
            found.append((start, literal))
    free = "".join(" " if taken[at] else sign for at, sign in enumerate(text))
    found.extend(_free_matches(*references.LEFT, free, taken))
    return tuple(literal for _, literal in sorted(found, key=lambda item: item[0]))


def _free_matches(pattern: re.Pattern[str], read: Reader, text: str, taken: bytearray) -> Iterator[tuple[int, Literal]]:
    for match in pattern.finditer(text):
        start, end = match.span()
        if any(taken[start:end]):
            continue
        reading = read(match)
        if reading is None:
            continue
        kind, readings = reading
        if kind in _SIGNED and _minus(text, start):
            start, readings = start - 1, frozenset(f"-{value}" for value in readings)
        taken[start:end] = b"\x01" * (end - start)
        yield start, Literal(kind, readings, text[start:end])


def _minus(text: str, start: int) -> bool:
    """A sign stands before the number, and before the sign stands nothing: 5-10 is a range, COVID-19 a name."""
    return text[start - 1 : start] in {"-", "−"} and (start < 2 or text[start - 2] in " \t\n(")
