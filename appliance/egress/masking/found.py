"""A piece of a text that must not leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """Characters ``start``..``end`` of the text; ``value`` is what stands there."""

    type: str
    start: int
    end: int
    value: str


Span = tuple[str, int, int]
"""(type, start, end)."""

_ORDER = (
    "TAG", "SECRET", "URL", "EMAIL", "IBAN", "CARD", "NATIONAL_ID", "IP", "PHONE", "ADDRESS", "PERSON", "NUMBER", "LOCATION", "ORGANIZATION",
)  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(_ORDER)}
_OWN = 1.5
"""A type of the profile's own, such as ORDER_NUMBER, says more than that something is a number."""


def joined(spans: Iterable[Span], text: str) -> tuple[Found, ...]:
    """Overlapping pieces become one, so that no character of any is lost; it has the type that says most. In order."""
    made: list[Span] = []
    for kind, start, end in sorted(spans, key=lambda span: (span[1], -span[2])):
        if start >= end:
            continue
        if made and start < made[-1][2]:
            before = made[-1]
            made[-1] = (min(before[0], kind, key=rank), before[1], max(before[2], end))
        else:
            made.append((kind, start, end))
    return tuple(Found(kind, start, end, text[start:end]) for kind, start, end in made)


def rank(kind: str) -> float:
    return _RANK.get(kind, _OWN)
