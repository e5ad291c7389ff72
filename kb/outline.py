"""The outline of an article: its sections, and within each the atoms that a passage must not cut.

Everything is a slice of the author's text, so that what is quoted later stands there letter for letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from models.sentences import sentence_spans

AtomKind = Literal["prose", "item", "row", "code"]

_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ITEM = re.compile(r"^\s*(?:[-*+•▪◦‣]|\(?\d{1,3}[.)])\s+\S")
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_DIVIDER = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_DECORATION = re.compile(r"[*_`]{1,3}|\s*\{#[^}]*\}\s*$|<[^>]{1,200}>")
_LEAD_LIMIT = 240


@dataclass(frozen=True, slots=True)
class Section:
    """The text between two headings. ``path`` holds the headings above it, outermost first, without the article's title."""

    path: tuple[str, ...]
    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Atom:
    """``text[start:end]`` of a section, line ends included.

    ``fresh`` marks the best places to cut before: a new paragraph, list or table. ``lead`` is what the atom cannot be
    understood without (the line above a list, the header of a table, the fence of code).
    """

    start: int
    end: int
    kind: AtomKind
    fresh: bool
    lead: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


def sections(text: str, title: str) -> list[Section]:
    """Sections in order. A heading that only repeats the title is left out; one without any text below it is kept as text."""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    start, fenced = 0, False
    for line in _lines(text):
        fenced ^= bool(_FENCE.match(line.text))
        heading = None if fenced else _HEADING.match(line.text)
        if heading:
            found.append(Section(_names(path), text[start : line.start], path[-1][0] if path else 1))
            level, name = len(heading.group(1)), _plain(heading.group(2) or "")
            path = [above for above in path if above[0] < level]
            if name and not _same(name, title):
                path.append((level, name))
            start = line.end
    found.append(Section(_names(path), text[start:], path[-1][0] if path else 1))
    return _with_words(found, title)


def joined(parts: list[Section], smallest: int, largest: int) -> list[Section]:
    """Neighbours of which one is shorter than ``smallest``, together no longer than ``largest``, as one section.

    It stands under the headings that both share; their own headings become part of the text.
    """
    together: list[Section] = []
    for section in parts:
        last = together[-1] if together else None
        if last and min(len(last.text), len(section.text)) < smallest and len(last.text) + len(section.text) <= largest:
            shared = _shared(last.path, section.path)
            text = f"{_headed(last, shared)}\n\n{_headed(section, shared)}"
            together[-1] = Section(shared, text, min(last.level, section.level))
        else:
            together.append(section)
    return together


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return one[:same]


def _headed(section: Section, below: tuple[str, ...]) -> str:
    own = section.path[len(below) :]
    return (
        f"{'#' * section.level} {' > '.join(own)}\n{section.text.strip(chr(10))}" if own else section.text.strip("\n")
    )


def atoms(text: str) -> list[Atom]:
    """The atoms of one section, in order and without gaps."""
    return list(_with_leads(text, _split_prose(text, _raw_atoms(text))))


def _with_words(found: list[Section], title: str) -> list[Section]:
    """Drops empty sections, but keeps the name of a heading that nothing stands under."""
    kept: list[Section] = []
    for index, section in enumerate(found):
        body = _without_title(section.text, title) if index == 0 else section.text
        following = found[index + 1].path if index + 1 < len(found) else ()
        if body.strip():
            kept.append(replace(section, text=body))
        elif section.path and following[: len(section.path)] != section.path:
            kept.append(Section(section.path[:-1], section.path[-1]))
    return kept


def _without_title(text: str, title: str) -> str:
    """Exports often begin with the title once more, some with ``Title:`` before it."""
    first, _, rest = text.lstrip().partition("\n")
    return rest if _same(_plain(first).removeprefix("Title:"), title) else text


def _names(path: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(name for _, name in path)


def _plain(heading: str) -> str:
    return " ".join(_DECORATION.sub("", heading).split())


def _same(left: str, right: str) -> bool:
    return " ".join(left.split()).casefold() == " ".join(right.split()).casefold()


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for line in text.split("\n"):
        end = min(start + len(line) + 1, len(text))
        yield _Line(start, end, line)
        start = end


def _raw_atoms(text: str) -> Iterator[Atom]:
    """Runs of lines: a list item with its indented lines, a table row, a line of code, a paragraph."""
    current: Atom | None = None
    fenced = blank = False
    for line in _lines(text):
        fence = bool(_FENCE.match(line.text))
        kind = _kind(line.text, current, code=fenced or fence)
        fenced ^= fence
        if current and (not line.text.strip() or (kind == current.kind and _belongs(line.text, kind, blank=blank))):
            current = replace(current, end=line.end)
        else:
            if current:
                yield current
            fresh = current is None or blank or kind != current.kind
            current = Atom(line.start, line.end, kind, fresh)
        blank = not line.text.strip()
    if current:
        yield current


def _kind(line: str, current: Atom | None, *, code: bool) -> AtomKind:
    if code:
        return "code"
    if _ITEM.match(line):
        return "item"
    if _ROW.match(line) or (_DIVIDER.match(line) and current and current.kind == "row"):
        return "row"
    inside_item = current is not None and current.kind == "item" and line[:1] in (" ", "\t")
    return "item" if inside_item else "prose"


def _belongs(line: str, kind: AtomKind, *, blank: bool) -> bool:
    """Whether a line goes on with the atom of its kind above it."""
    if kind == "item":
        return not _ITEM.match(line)
    return kind == "prose" and not blank


def _split_prose(text: str, raw: Iterator[Atom]) -> Iterator[Atom]:
    """Paragraphs and items at the ends of their sentences; an item's later sentences do not begin it anew."""
    for atom in raw:
        if atom.kind in ("row", "code"):
            yield atom
            continue
        body = text[atom.start : atom.end]
        starts = [start for start, _ in sentence_spans(body, headings=True)]
        cuts = [0, *(start for start in starts[1:] if start), len(body)]
        for number, (start, end) in enumerate(pairwise(cuts)):
            yield Atom(atom.start + start, atom.start + end, atom.kind, atom.fresh and number == 0)


def _with_leads(text: str, plain: Iterator[Atom]) -> Iterator[Atom]:
    """Gives items, rows and code what introduces them."""
    before: Atom | None = None
    lead = ""
    for atom in plain:
        words = text[atom.start : atom.end].strip()
        if before is None or atom.kind != before.kind:
            lead = _lead(atom.kind, words, text[before.start : before.end].strip() if before else "")
        elif atom.kind == "row" and _DIVIDER.match(words):
            lead = f"{lead}\n{words}"
        yield replace(atom, lead=lead if atom.kind != "prose" else "")
        before = atom


def _lead(kind: AtomKind, words: str, above: str) -> str:
    if kind == "item":
        return above if above.endswith(":") and len(above) <= _LEAD_LIMIT else ""
    return words if kind in ("row", "code") and len(words) <= _LEAD_LIMIT else ""
