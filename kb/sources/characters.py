"""Text as a reader sees it: one Unicode form, no control characters, nothing invisible.

Invisible characters are used to smuggle instructions to models past the people who approve an article.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kb.sources.hidden import Hidden

_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029]")
_ODD_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\v\f]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\uf8ff\ufffe\uffff]")
_TAGS = re.compile("[\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]+")
_FLAGS = ("gbeng\U000e007f", "gbsct\U000e007f", "gbwls\U000e007f")
"""England, Scotland and Wales: the only emoji that need tag characters, after a black flag."""
_SELECTOR = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SELECTORS = re.compile(f'[{_SELECTOR}]{{3,}}|(?<=[\x00-"$-)+-/:-\x7f])[{_SELECTOR}]+|(?<=[{_SELECTOR}])[{_SELECTOR}]+')
"""Variation selectors where none belongs: after ASCII (but the digits, # and * of keycaps), in a row, or after another."""
_BLANK = "[\u034f\u115f\u1160\u180b-\u180e\u200b-\u200f\u2060-\u2064\u3164\ufeff\uffa0]"
_RUN = re.compile(_BLANK + "{8,}")
_BETWEEN = re.compile(f"(?<=[\x00-\x7f]){_BLANK}{{1,7}}(?=[\x00-\x7f])")
_SPLIT_WORD = re.compile(f"(?<![A-Za-z])(?:[A-Za-z]{{1,3}}{_BLANK}+){{3,}}[A-Za-z]{{1,3}}(?![A-Za-z])")
_SPELLING_KIND = 16
"""Blank characters of a second kind, scattered through a text, from which they are taken for bits: two letters."""
_OVERRIDE = re.compile("[\u202d\u202e]([^\u202c\n]{1,2000})")
# Joiners (200C, 200D) belong to emoji and to scripts such as Persian; between ASCII letters they only hide something.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0100-\U000e01ef]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """``hidden``: what invisible characters said or did. A byte order mark, soft hyphens and joiners say nothing."""

    text: str
    hidden: tuple[Hidden, ...]


def clean(text: str) -> Cleaned:
    """NFC, line feeds only, plain spaces, no control or invisible characters."""
    if text.isascii() and "\r" not in text and text.isprintable():
        return Cleaned(text, ())
    hidden = () if text.isascii() else tuple(_hidden(text))
    text = _SELECTORS.sub("", _TAGS.sub(_kept_flag, text))
    text = _ODD_SPACES.sub(" ", _LINE_ENDS.sub("\n", text))
    text = _INVISIBLE.sub("", _CONTROLS.sub("", text))
    return Cleaned(unicodedata.normalize("NFC", text), hidden)


def clean_line(text: str) -> str:
    """The same for a title or another value of one line."""
    return " ".join(clean(text).text.split())


def _hidden(text: str) -> Iterator[Hidden]:
    if spelled := "".join(_spelled(match.group()) for match in _TAGS.finditer(text) if not _is_flag(match)).strip():
        yield Hidden("tag_characters", spelled)
    selectors = "".join(match.group() for match in _SELECTORS.finditer(text))
    if len(selectors) >= 4:
        yield Hidden("variation_selectors", _of_selectors(selectors))
    for run in _RUN.findall(text):
        if len(set(run)) > 1:
            yield Hidden("zero_width", _of_bits(run))
    scattered = "".join(_BETWEEN.findall(text))
    if [count for _, count in Counter(scattered).most_common(2)][1:] > [_SPELLING_KIND - 1]:
        yield Hidden("zero_width", _of_bits(scattered))
    split = [re.sub(_BLANK, "", word) for word in _SPLIT_WORD.findall(text)]
    if split:
        yield Hidden("zero_width", f"invisible characters within: {', '.join(dict.fromkeys(split))}")
    turned = [part.strip() for part in _OVERRIDE.findall(text) if sum(map(str.isalnum, part)) > 1]
    if turned:
        yield Hidden("bidi_override", " … ".join(turned))


def _is_flag(tags: re.Match[str]) -> bool:
    spelled = "".join(chr(ord(tag) - 0xE0000) if tag != "\U000e007f" else tag for tag in tags.group())
    return spelled in _FLAGS and tags.string[tags.start() - 1 : tags.start()] == "\U0001f3f4"


def _kept_flag(tags: re.Match[str]) -> str:
    return tags.group() if _is_flag(tags) else ""


def _spelled(tags: str) -> str:
    """Tag characters mirror ASCII at U+E0000: U+E0041 spells A."""
    return "".join(chr(ord(tag) - 0xE0000) for tag in tags if 0x20 <= ord(tag) - 0xE0000 < 0x7F)


def _of_selectors(selectors: str) -> str:
    """The 256 variation selectors stand for the 256 bytes."""
    values = bytes(ord(one) - 0xFE00 if ord(one) < 0xE0100 else ord(one) - 0xE0100 + 16 for one in selectors)
    return _readable(values) or f"{len(selectors)} variation selectors"


def _of_bits(blanks: str) -> str:
    """Two blank characters as 0 and 1, eight or seven to a letter, whichever of the four readings gives plain text."""
    kinds = [kind for kind, _ in Counter(blanks).most_common(2)]
    for zero in kinds:
        bits = "".join("0" if one == zero else "1" for one in blanks if one in kinds)
        for width in (8, 7):
            letters = [int(bits[at : at + width], 2) for at in range(0, len(bits) - width + 1, width)]
            if said := _readable(bytes(letters)):
                return said
    return f"{len(blanks)} invisible characters"


def _readable(values: bytes) -> str:
    try:
        said = values.decode()
    except UnicodeDecodeError:
        return ""
    return said.strip() if said.isprintable() and len(said) > 1 else ""
