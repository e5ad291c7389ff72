"""What is masked before a text may leave the box: the section ``masking`` of a profile."""

from __future__ import annotations

import re
from re import _constants as sre  # type: ignore[attr-defined]  # typeshed does not know the parser's own names
from re import _parser as parser  # type: ignore[attr-defined]  # the one place that says what a pattern is made of
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MaskType = Literal[
    "PERSON", "ADDRESS", "EMAIL", "PHONE", "URL", "IP", "CARD", "IBAN", "NATIONAL_ID", "SECRET", "NUMBER", "LOCATION", "ORGANIZATION"
]  # fmt: skip
DEFAULT_TYPES: tuple[MaskType, ...] = (
    "PERSON", "ADDRESS", "EMAIL", "PHONE", "URL", "IP", "CARD", "IBAN", "NATIONAL_ID", "SECRET", "NUMBER"
)  # fmt: skip
"""Without ``LOCATION`` and ``ORGANIZATION``: "do you ship to Norway?" cannot be answered without the country."""
BUILT_IN = (*DEFAULT_TYPES, "LOCATION", "ORGANIZATION", "TAG")

MOST_WORK = 20_000
"""Paths that a search for one of the profile's patterns may try from one place in a text."""
MOST_CHARACTERS = 80
_ENDLESS = 1_000_000_000_000


class MaskPattern(BaseModel):
    """An identifier of the company's own, such as order numbers. ``type`` names it in the placeholder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, Field(pattern=r"^[A-Z][A-Z]*(?:_[A-Z]+)*$", max_length=30)]
    regex: Annotated[str, Field(min_length=1, max_length=400)]

    @field_validator("type")
    @classmethod
    def _its_own(cls, name: str) -> str:
        if name in BUILT_IN:
            raise ValueError(f"{name} is one of the built-in types; choose another name")
        return name

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        try:
            re.compile(self.regex)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"the regex of {self.type} is none: {error}") from None
        if (reason := unfit(self.regex)) is not None:
            raise ValueError(f"the regex of {self.type} {reason}")
        return self


class Masking(BaseModel):
    """What counts as personal here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    types: tuple[MaskType, ...] = DEFAULT_TYPES
    patterns: tuple[MaskPattern, ...] = ()
    keep: tuple[str, ...] = ()
    """Words that are never masked as a name, whatever they look like: products, the company. Case does not count."""
    hosts: tuple[str, ...] = ()
    """Hosts whose addresses stay readable, with those below them."""
    regions: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = ("US", "GB", "DE", "FR", "IN")
    """Countries whose national telephone numbers are known by their form, without +."""
    names: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3
    """From this probability on a word is masked as a name."""


def unfit(pattern: str) -> str | None:
    """Why a pattern may not be searched for in what strangers write; None when it may."""
    tree = parser.parse(pattern)
    low, high = tree.getwidth()
    if low == 0:
        return "matches the empty text"
    if high > MOST_CHARACTERS:
        return f"may match more than {MOST_CHARACTERS} characters: write {{1,20}} in place of + and *"
    if (work := paths(tree)) > MOST_WORK:
        return f"may try {work:,} ways at each place of a text: nest fewer repeats, or bound them closer"
    return None


def paths(tree: Any) -> int:
    """Upper bound of the ways in which a backtracking search can go through a pattern from one place."""
    total: int = 1
    for operator, argument in tree:
        total = min(total * _ways(operator, argument), _ENDLESS)
    return total


def _repeated(low: int, high: int, inner: Any) -> int:
    ways = paths(inner)
    if high is sre.MAXREPEAT or high > 10_000:
        return _ENDLESS
    if ways == 1:
        return int(high - low + 1)
    return min(sum(int(min(ways**count, _ENDLESS)) for count in range(low, high + 1)), _ENDLESS)


def _ways(operator: Any, argument: Any) -> int:
    if operator in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
        return _repeated(*argument)
    if operator is sre.POSSESSIVE_REPEAT:
        return paths(argument[2])  # never given back, so each round is gone through once
    if operator is sre.BRANCH:
        return min(sum(paths(branch) for branch in argument[1]), _ENDLESS)
    places = {sre.SUBPATTERN: 3, sre.ASSERT: 1, sre.ASSERT_NOT: 1}
    if operator in places:
        return paths(argument[places[operator]])
    return paths(argument) if operator is sre.ATOMIC_GROUP else 1
