"""Text as a reader sees it: one Unicode form, no control characters, nothing invisible.

Invisible characters are used to smuggle instructions to models past the people who approve an article.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029]")
_ODD_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\v\f]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\uf8ff\ufffe\uffff]")
_TAGS = re.compile("[\U000e0000-\U000e0fff]+")
# Joiners (200C, 200D) belong to emoji and to scripts such as Persian; between ASCII letters they only hide something.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """``hidden`` is what tag characters spelled, readable again; empty in any honest text."""

    text: str
    hidden: str


def clean(text: str) -> Cleaned:
    """NFC, line feeds only, plain spaces, no control or invisible characters."""
    if text.isascii() and "\r" not in text and text.isprintable():
        return Cleaned(text, "")
    hidden = "".join(_spelled(match.group()) for match in _TAGS.finditer(text))
    text = _ODD_SPACES.sub(" ", _LINE_ENDS.sub("\n", text))
    text = _INVISIBLE.sub("", _CONTROLS.sub("", _TAGS.sub("", text)))
    return Cleaned(unicodedata.normalize("NFC", text), hidden)


def clean_line(text: str) -> str:
    """The same for a title or another value of one line."""
    return " ".join(clean(text).text.split())


def _spelled(tags: str) -> str:
    """Tag characters mirror ASCII at U+E0000: U+E0041 spells A."""
    return "".join(chr(ord(tag) - 0xE0000) for tag in tags if 0x20 <= ord(tag) - 0xE0000 < 0x7F)
