"""What a source held that its readers do not see, and whether it is enough to ask an author.

Hidden text is left out of the article in any case. So the question is not whether it could do harm, but whether somebody tried:
a few hidden words (a marker for a tool, a hint for screen readers) are told and used, anything that says more is held.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from kb.article import Why
from kb.sources.instructions import instructions

FEW_WORDS = 3
"""Hidden elements up to this many words are told, not held."""
FEW_WORDS_FOR_SCREEN_READERS = 6
"""`Opens in a new window`, `Skip to the main content`: what the usual classes for screen readers hold."""
FEW_WORDS_OF_A_COMMENT = 6
"""Authors name sections and editors in comments; a sentence that means something is longer."""
_LONG_WORD = 12
"""A word longer than this counts as several: an instruction needs no spaces to be read by a model."""
_TOOLING = re.compile(
    r"\s*/?(?:wp:[\w/-]+(?:\s+\{[^<>]{0,200}\})?\s*/?|(?:markdownlint|prettier|textlint|eslint|vale|doctoc|spell-?checker|cspell|alex)\b[\w@:/,.=\s*-]{0,200}"
    r"|(?:START|END) doctoc\b.{0,200}|\[if [^\]]{1,60}\]>.*|<!\[endif\].*|</?[a-zA-Z][^>]{0,500}>|#(?:include|region|endregion)\b.{0,100}"
    r"|(?:SPDX-License-Identifier|Copyright)\b.{0,200})\s*",
    re.DOTALL | re.IGNORECASE,
)
"""Comments written by editors and for tools, as a whole; one tag that is commented out."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """``text``: what was hidden, in plain words, uncut. ``holds``: an author has to look before the article is used."""

    why: Why
    text: str
    holds: bool = True


def element(text: str, *, for_screen_readers: bool = False, aside: bool = False) -> Hidden:
    """An element that is not shown. ``aside``: it stands outside the part of the page that is the article."""
    most = FEW_WORDS_FOR_SCREEN_READERS if for_screen_readers else FEW_WORDS
    return Hidden("hidden_element", text, not aside and _says_something(text, most))


def comment(text: str, *, aside: bool = False) -> Hidden:
    """A comment, without its marks."""
    tooling = _TOOLING.fullmatch(text) is not None and not instructions(text)
    return Hidden("comment", text, not aside and not tooling and _says_something(text, FEW_WORDS_OF_A_COMMENT))


def _says_something(text: str, most: int) -> bool:
    return _words(text) > most or bool(instructions(text))


def _words(text: str) -> int:
    """Words, as many as a reader would count in writing that has no spaces."""
    count = 0
    for word in text.split():
        wide = sum(unicodedata.east_asian_width(letter) == "W" for letter in word)
        letters = sum(letter.isalpha() for letter in word)
        link = "://" in word
        count += max(bool(letters), wide // 2, 1 if link else letters // _LONG_WORD)
    return count
