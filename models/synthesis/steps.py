"""Ordered lists of a passage: instructions that are worth something from their first step on, and in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.roles import PromptPassage
from models.sentences import sentence_spans

_LINE = re.compile(r"^(?P<indent>[ \t]*)(?:\(?(?P<number>\d{1,3})[.)][ \t]+)?(?P<text>\S[^\n]*)", re.MULTILINE)
_EITHER = re.compile(r"\W*(?:for|if|when|error|code)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Steps:
    """One list. ``passage`` is its index in the request; ``steps`` are the sentences of its items, slices of the passage, in order.

    ``torn``: it began in another passage. Short steps ("Select Import.") and labels with a question mark belong to it: left out, the way has a gap.
    """

    passage: int
    n: int
    title: str
    torn: bool
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a scorer reads it. Behind its title: "Open Settings" alone does not say what for."""
        return " ".join((f"{self.title}.", *self.steps) if self.title else self.steps)


def step_lists(passages: Sequence[PromptPassage]) -> list[Steps]:
    """The lists that tell a way: not those of cases ("For TB-1302, ..."), of which a reader needs one and not the first."""
    return [found for index, passage in enumerate(passages) for found in _of(index, passage)]


def _of(index: int, passage: PromptPassage) -> Iterator[Steps]:
    ranges = list(_ranges(passage.text))
    spans = sentence_spans(passage.text) if ranges else []
    for first, start, end in ranges:
        steps = tuple(passage.text[a:b] for a, b in spans if start <= a and b <= end)
        cases = sum(_EITHER.match(step) is not None for step in steps)
        if 2 * cases < len(steps) and (len(steps) > 1 or first > 1):
            yield Steps(index, passage.n, passage.title, first > 1, steps)


def _ranges(text: str) -> Iterator[tuple[int, int, int]]:
    """Where lists stand: number of the first item, start and end. An indented or soft-wrapped line belongs to the item above it."""
    first = last = start = end = 0
    for line in _LINE.finditer(text):
        number = int(line["number"] or 0)
        wrapped = line.start() == end + 1 and line["text"][0] not in "#-*+|>"
        if last and (number == last + 1 or (not number and (line["indent"] or wrapped))):
            last, end = max(last, number), line.end()
            continue
        if last:
            yield first, start, end
        first, last, start, end = number, number, line.start(), line.end()
    if last:
        yield first, start, end
