"""What is written so that a search does not see it: percent, HTML, quoted-printable and JSON encoding, Base64, full-width letters, invisible signs."""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from appliance.egress.masking.found import Span

_TOKEN = re.compile(r"[^\s\ufffc]++")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}+={0,2}")
_TAGS = range(0xE0000, 0xE0080)
_ONLY_ENCODED = re.compile(
    r"[%&\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\uff01-\uffee\U000e0000-\U000e007f]|[A-Za-z0-9+/_-]{16}|=[0-9A-F]{2}|\\\\u00[0-9a-fA-F]{2}"
)
_ESCAPED = re.compile(r"(?:=|\\u00)([0-9A-Fa-f]{2})")


def encoded(text: str, tells: Callable[[str], bool]) -> Iterator[Span]:
    """Words that read otherwise when they are decoded, and then hold what ``tells`` finds."""
    for found in _TOKEN.finditer(text):
        word = found[0]
        if not _ONLY_ENCODED.search(word):
            continue
        if any(read != word and tells(read) for read in readings(word)):
            yield "SECRET", found.start(), found.end()


def readings(word: str) -> Iterator[str]:
    """The ways in which a word can be read."""
    plain = unicodedata.normalize("NFKC", html.unescape(unquote(word)))
    yield "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    if any(ord(sign) in _TAGS for sign in plain):
        yield "".join(chr(ord(sign) - _TAGS.start) for sign in plain if ord(sign) in _TAGS)
    yield _ESCAPED.sub(lambda found: chr(int(found[1], 16)), word)
    for found in _BASE64.finditer(word):
        part = found[0].rstrip("=")
        try:
            yield base64.b64decode(
                part + "=" * (-len(part) % 4), altchars=b"-_" if set(part) & set("-_") else None
            ).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
