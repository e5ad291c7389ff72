"""The blocks of a Markdown or plain text: which characters belong to one paragraph, list item, table row or code line.

Positions, never copies: whoever quotes a block quotes the text's own characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["prose", "heading", "row", "code"]

_FENCES = ("```", "~~~")
_ATX = re.compile(r"#{1,6}(?:\s+|$)")
_SETEXT = re.compile(r"(?:={2,}|-{3,})$")
_BULLET = re.compile(r"(?:[-*+•–▪◦‣]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))\s+(?:\[[ xX]\]\s+)?")
_QUOTE = re.compile(r"(?:>\s?)++(?:\[![A-Z]+\]$)?")
_BOLD_LINE = re.compile(r"(\*\*|__)[^*_]*[^*_.!?:;,]\1:?$")
_CLOSED = re.compile(r"[.!?:;…。！？][\"'”’»)\]*_`]*$")

SOFT_WRAP = 50
"""A line this long without closing punctuation is taken to go on in the next line."""


@dataclass(frozen=True, slots=True)
class Block:
    """Characters ``start``..``end`` of the text, markers and outer white space left out."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without outer white space; ``start``..``end`` are its characters in the text."""

    start: int
    end: int
    text: str


def blocks(text: str) -> Iterator[Block]:
    """Blocks of ``text`` in order. Time is linear in its length."""
    above: Block | None = None
    last_line = ""
    fenced = False
    lines = list(_lines(text))
    for number, line in enumerate(lines):
        if line.text.startswith(_FENCES):
            fenced = not fenced
            block = None
        elif fenced:
            block = Block(line.start, line.end, "code") if line.text else None
        else:
            block = _block(text, line, lines[number + 1].text if number + 1 < len(lines) else "")
        if above and block and block.start == line.start and _goes_on(above, last_line, block, line.text):
            above = Block(above.start, block.end, "prose")
        else:
            if above:
                yield above
            above = block
        last_line = line.text
    if above:
        yield above


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for raw in text.splitlines(keepends=True):
        stripped = raw.strip()
        first = start + len(raw) - len(raw.lstrip()) if stripped else start
        yield _Line(first, first + len(stripped), stripped)
        start += len(raw)


def _block(text: str, line: _Line, following: str) -> Block | None:
    """The block that ``line`` is or begins; None for what carries no words (blank lines, rules, table dividers)."""
    start = line.start
    if quote := _QUOTE.match(text, start, line.end):
        start = quote.end()
    if start == line.end or _is_rule(line.text):
        return None
    if line.text.startswith("|") and line.text.endswith("|"):
        head = "|" in following and _is_rule(following)
        return _trimmed(text, line.start + 1, max(line.start + 1, line.end - 1), "heading" if head else "row")
    if atx := _ATX.match(text, start, line.end):
        return _trimmed(text, atx.end(), line.end, "heading")
    if _BOLD_LINE.match(line.text) or (_SETEXT.match(following) and not _CLOSED.search(line.text[-8:])):
        return _trimmed(text, start, line.end, "heading")
    if bullet := _BULLET.match(text, start, line.end):
        start = bullet.end()
    return _trimmed(text, start, line.end, "prose")


def _is_rule(line: str) -> bool:
    """Horizontal rules, underlines of headings and the divider under a table's head."""
    return len(line) > 1 and not line.strip("-=*_|: \t")


def _trimmed(text: str, start: int, end: int, kind: Kind) -> Block | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Block(start, end, kind) if start < end else None


def _goes_on(above: Block, last_line: str, block: Block, line: str) -> bool:
    """Whether ``block`` is the soft-wrapped rest of ``above``, whose last line is ``last_line``."""
    if above.kind != "prose" or block.kind != "prose" or _CLOSED.search(last_line[-8:]):
        return False
    return len(last_line) >= SOFT_WRAP or line[0].islower()
