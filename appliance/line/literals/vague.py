"""Amounts without a digit: ``a few weeks``, ``overnight``, ``for ever``, ``dozens of``, and whatever else stands where a number would.

Each is as much of a policy as a number is. The word must stand in the source, or another of its group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

_UNIT = r"(?:(?:business|working|calendar)[\s-])?(?:seconds?|minutes?|hours?|days?|nights?|weeks?|fortnights?|months?|quarters?|years?)"
_NO_AMOUNT = (
    r"(?:the|this|that|these|those|an?|each|every|all|any|some|no|more|other|another|next|last|first|following|coming|current|same|own|your|our|its|their"
    r"|business|working|calendar|full|whole|entire|paid|billing|and|or|than|per|further|extra|additional|previous|past|given)"
)
_BEFORE_UNIT = re.compile(
    rf"\b(?:within|in|after|for|until|up to|at least|at most|takes?|took|than|about|around|every)\s+(?:an?\s+|the\s+)?(?!{_NO_AMOUNT}\b)"
    rf"(?P<word>[^\s\d,.;:()]{{1,30}})[\s-](?=(?:of\s)?{_UNIT}\b)",
    re.I,
)
"""``within umpteen days``, ``in a few weeks``, ``within XIV days``, ``within dreißig days``: what it says is not known, only that it counts."""
_ORDINALS = "|".join(
    (
        "second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth",
        "nineteenth|twentieth|thirtieth|fortieth|fiftieth|sixtieth|seventieth|eightieth|ninetieth|hundredth",
        r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-[a-z]{3,7}",
    )
)
_ORDINAL = re.compile(rf"\b(?P<word>{_ORDINALS})(?=\s{_UNIT}\b)", re.I)
_MANY = re.compile(r"\b(?P<word>dozens|hundreds|thousands|millions|scores)\s+of\b", re.I)
_ROMAN = re.compile(rf"\b(?P<word>[IVXLCDM]{{1,9}})(?=[\s-]{_UNIT}\b)")

_GROUPS: tuple[tuple[str, str], ...] = (
    (
        "at once",
        r"at once|instantly|instantaneously|immediately|straight ?away|right away|right after(?:wards)?|in no time|within moments",
    ),
    ("same day", r"(?:on |within )?the (?:very )?same day|same-day|overnight|today|tonight"),
    ("next day", r"(?:on |by )?the (?:very )?next day|next-day|tomorrow"),
    (
        "for ever",
        r"for ?ever(?! since)|indefinitely|for life|for a lifetime|lifetime|never (?:expires?|ends?|runs? out)|no expiry|without expiry",
    ),
    ("any time", r"(?:at )?any ?time|whenever you (?:like|want|ask|wish|please)|no matter when"),
    ("always open", r"(?:a)?round the clock|day and night|all year round"),
    (
        "unlimited",
        r"unlimited|without (?:any )?limits?|no limits?|as (?:many|much|often) as you (?:like|want|wish|need)",
    ),
    ("money back", r"(?:all )?(?:your|the|their) money back|money-back"),
    (
        "holiday",
        r"(?:before|by|at|until|after|over) (?:christmas|easter|new year(?:['’]s(?: eve| day)?)?|thanksgiving|the holidays)",
    ),
)

Reading = tuple[str, frozenset[str]]


def _word(match: re.Match[str]) -> Reading:
    return "vague", frozenset({match["word"].lower()})


def _group(name: str, match: re.Match[str]) -> Reading:
    return "vague", frozenset({match.group().lower() if name == "holiday" else name})


PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Reading]], ...] = (
    *((re.compile(rf"\b(?:{pattern})\b", re.I), partial(_group, name)) for name, pattern in _GROUPS),
    *((pattern, _word) for pattern in (_ORDINAL, _ROMAN, _BEFORE_UNIT, _MANY)),
)
"""After everything that reads numbers."""


def stands(readings: frozenset[str], sources: Iterable[str]) -> bool:
    """The very word stands in a source, next to whatever unit."""
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", source, re.I) for word in readings for source in sources)
