"""Further mentions of values that were masked: in other letters, with other marks between the digits."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.egress.masking.found import Span
from appliance.egress.masking.persons import is_common, parts

_NAMES = frozenset(("PERSON", "LOCATION", "ORGANIZATION"))
_FEWEST_DIGITS = 6
_FEWEST_SIGNS = 5
_MOST_SIGNS = 64
"""Of a longer value, such as a private key, the beginning is looked for."""


class Mentions:
    """Values of one request, and where a text mentions them. A text is read once, however many values there are."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        self._runs: dict[str, dict[int, str]] = {}
        self._lengths: set[int] = set()
        self._longest = 0

    def add(self, kind: str, value: str) -> None:
        if kind in _NAMES:
            for word in parts(value) if kind == "PERSON" else (value,):
                self._words.setdefault(" ".join(word.split()).casefold(), kind)
            self._longest = max(self._longest, len(value.split()))
            return
        squeezed = _squeezed(value)[:_MOST_SIGNS]
        if len(squeezed) >= _FEWEST_SIGNS and (
            any(sign.isalpha() for sign in squeezed) or len(squeezed) >= _FEWEST_DIGITS
        ):
            self._exact.setdefault(squeezed, kind)
            self._lengths.add(len(squeezed))

    def find(self, text: str) -> Iterator[Span]:
        yield from self._named(text)
        yield from self._same(text)

    def _named(self, text: str) -> Iterator[Span]:
        """Whole words. A single one has to be written as a name is, unless it can be nothing else."""
        if not self._words:
            return
        words = list(_words(text))
        for at, (start, _) in enumerate(words):
            for size in range(1, min(self._longest, 6, len(words) - at) + 1):
                end = words[at + size - 1][1]
                said = " ".join(text[start:end].split())
                kind = self._words.get(said.casefold())
                if kind and (size > 1 or not (said.islower() and is_common(said))):
                    yield kind, start, end

    def _same(self, text: str) -> Iterator[Span]:
        """Letters and digits alone are compared: 4111-1111 is 41111111. A match begins and ends where a run of them does."""
        if not self._exact:
            return
        signs = [(sign, at) for at, sign in enumerate(text) if sign.isalnum()]
        squeezed = "".join(_fold(sign) for sign, _ in signs)
        for length in self._lengths:
            for start in range(len(squeezed) - length + 1):
                kind = self._exact.get(squeezed[start : start + length])
                if kind:
                    yield kind, signs[start][1], signs[start + length - 1][1] + 1


def _fold(sign: str) -> str:
    lowered = sign.lower()
    return lowered if len(lowered) == 1 else sign


def _squeezed(value: str) -> str:
    return "".join(_fold(sign) for sign in value if sign.isalnum())


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Words with the marks inside them: O'Neil, Jean-Luc, J."""
    start = None
    for at, sign in enumerate(f"{text} "):
        inside = sign.isalnum() or (
            sign in "'’.-" and start is not None and at + 1 < len(text) and text[at + 1].isalnum()
        )
        if inside and start is None:
            start = at
        elif not inside and start is not None:
            yield start, at
            start = None
