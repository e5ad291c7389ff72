"""Sentence splitting, the only one in the house: what is quoted, cited and checked is cut at the same places.

Every sentence is a slice of the text, character for character. In doubt the cut is not made: two sentences kept
together are still true, half a sentence may say the opposite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.blocks import Block, blocks

_END = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’»)\]*_`]*+(?=\s)|[。！？؟।][”’」』）\"']*)\s*")
"""Closing punctuation with its quotes and brackets; Latin one only before white space, so 68.0.1 and URLs stay whole.

Possessive, and tried only at the first mark of a run: a megabyte of full stops must not take quadratic time."""

_ABBREVIATIONS = """mr mrs ms dr prof st jr sr vs e.g i.e eg ie cf viz approx incl excl resp min max dept est inc ltd
corp co llc gmbh fig figs sec art nr ref ext tel vol ed eds p pp jan feb mar apr jun jul aug sep sept oct nov dec mon
tue wed thu fri sat sun u.s u.k e.u z.b d.h bzw ca usw std"""
_ALWAYS = frozenset(_ABBREVIATIONS.split())
"""After these a full stop ends no sentence (where it does, the next sentence is kept with this one)."""
_BEFORE_LOWER = frozenset(("etc", "a.m", "p.m", "no"))
"""After these it ends one unless a small letter, a digit or a time zone follows ("5 p.m. on Monday", "No. 4")."""
_TIME_ZONES = """eastern pacific central mountain et pt ct mt utc gmt est edt pst pdt cst cdt cet cest bst"""
_ZONES = frozenset(_TIME_ZONES.split())
_WORD_BEFORE = re.compile(r"[\w.&-]+$")
_WORD_AFTER = re.compile(r"[\"'“‘«(\[*_`]*(\w*)")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)*[A-Z]$")
_LOOK_BACK = 40


def split_sentences(text: str, *, headings: bool = False) -> list[str]:
    """Sentences of Markdown or plain text, in order; each is a slice of ``text`` without outer white space.

    A list item, table row or line of code never shares a sentence with its neighbours. Headings are titles, not
    sentences: they are left out unless ``headings``, which a guard sets because a claim may hide in one.
    """
    return [text[start:end] for start, end in sentence_spans(text, headings=headings)]


def sentence_spans(text: str, *, headings: bool = False) -> list[tuple[int, int]]:
    """The same as (start, end) positions in ``text``."""
    spans: list[tuple[int, int]] = []
    for block in blocks(text):
        if block.kind == "prose":
            spans.extend(_prose(text, block))
        elif block.kind != "heading" or headings:
            spans.append((block.start, block.end))
    return spans


def _prose(text: str, block: Block) -> Iterator[tuple[int, int]]:
    start = block.start
    for mark in _END.finditer(text, block.start, block.end):
        if mark.end() < block.end and _ends_sentence(text, start, mark):
            stop = mark.end()
            while text[stop - 1].isspace():
                stop -= 1
            yield start, stop
            start = mark.end()
    if start < block.end:
        yield start, block.end


def _ends_sentence(text: str, start: int, mark: re.Match[str]) -> bool:
    punctuation = mark.group().strip()
    follows = _following(text, mark.end())
    small = follows[:1].islower() and follows.islower()
    if punctuation[0] in "。！？؟।":
        return True
    if punctuation[0] in "!?":
        return not (small and len(punctuation) > 1 and punctuation[1] in "\"'”’»)]")
    if punctuation.startswith(("..", "…")):
        return not small
    return _full_stop_ends(text, start, mark.start(), follows, small=small)


def _full_stop_ends(text: str, start: int, stop: int, follows: str, *, small: bool) -> bool:
    found = _WORD_BEFORE.search(text, max(start, stop - _LOOK_BACK), stop)
    word = found.group() if found else ""
    name = word.lower()
    if name in _ALWAYS or (_INITIALS.search(word) and len(word) != 2 and word != "I"):
        return False
    if name in _BEFORE_LOWER:
        return not (small or follows[:1].isdigit() or follows.lower() in _ZONES)
    if word.isdigit() and len(word) <= 2 and text[start : stop - len(word)].rstrip()[-1:] in ("", ":", ";", ","):
        return False  # "as follows: 1. Open the menu" inside a line: the number belongs to its step
    return not small or len(name) > 3


def _following(text: str, position: int) -> str:
    match = _WORD_AFTER.match(text, position, position + _LOOK_BACK)
    return match.group(1) if match else ""
