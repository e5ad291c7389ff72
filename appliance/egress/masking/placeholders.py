"""What stands in the place of a masked value: ``[PERSON_1]``. Models change brackets and case, so reading is lenient."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from appliance.masking_rules import BUILT_IN

BLANK = "\ufffc"
"""Stands for a placeholder where texts are searched: no letter, no digit, no space."""
_NUMBERED = re.compile(r"(?P<kind>.+?)(?:\\?_|[ -])(?P<number>[0-9]+)")


def placeholder(kind: str, number: int) -> str:
    return f"[{kind}_{number}]"


class Placeholders:
    """The placeholders of one set of types. Whatever ``read`` would take for one of ours is masked itself when a customer writes it."""

    def __init__(self, own: Iterable[str] = ()) -> None:
        ordered = sorted({*BUILT_IN, *own}, key=lambda kind: (-len(kind), kind))
        kinds = "|".join(kind.replace("_", r"\\?_") for kind in ordered)
        bare = rf"(?:{kinds})\\?_[0-9]{{1,6}}"
        framed = rf"\[ ?(?P<inner>(?:{kinds})(?:\\?_|[ -])[0-9]{{1,6}}) ?\]"
        self._read = re.compile(rf"{framed}|(?<![A-Za-z0-9])(?P<bare>{bare})(?![0-9])", re.I | re.A)
        self._written = re.compile(rf"{framed}|{bare}[0-9]{{0,40}}", re.I | re.A)
        self._any = re.compile(r"\[[A-Z][A-Z_]{1,30}_[0-9]{1,6}\]", re.A)

    def written(self, text: str) -> list[tuple[int, int]]:
        """Places at which a text holds what could be taken for a placeholder, before it is masked."""
        return [found.span() for found in self._written.finditer(text)]

    def read(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, placeholder in its right form) of each placeholder in a reply."""
        return [(one.start(), one.end(), _right(one["inner"] or one["bare"])) for one in self._read.finditer(text)]

    def foreign(self, text: str) -> list[str]:
        """Anything in the form of a placeholder, of whatever type."""
        return [one[0] for one in self._any.finditer(text)]

    def blanked(self, text: str, given: Container[str]) -> str:
        """The text with the placeholders that were given out blanked, as long as before."""
        return self._any.sub(lambda one: BLANK * len(one[0]) if one[0] in given else one[0], text)


def _right(written: str) -> str:
    found = _NUMBERED.fullmatch(written.replace("\\", ""))
    assert found is not None
    return placeholder(found["kind"].upper(), int(found["number"]))
