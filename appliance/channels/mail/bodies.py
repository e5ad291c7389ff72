"""Bodies of parts: transfer encodings undone piece by piece, and text out of plain and HTML parts."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from html import unescape

from bs4 import BeautifulSoup, Tag

from appliance.channels.mail.charsets import decode
from appliance.channels.mail.mime import Part
from appliance.channels.mail.parsed import Encoding
from kb.plain import plain
from kb.sources.characters import clean
from kb.sources.html_text import to_markdown
from kb.sources.html_visible import remove_unseen

_PIECE = 1_048_576
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_MOST_TAGS = 20_000
"""Tags of HTML that become a tree; each costs about a kilobyte of memory."""
_BYTES_A_CHARACTER = 4
_HTML_S = 2.0
"""For turning HTML into text; nested tables take quadratic time."""

Within = Callable[[Callable[[], str], float], str | None]
"""Does the work and returns its result, or None when it takes longer than these seconds."""


def unlimited(work: Callable[[], str], _seconds: float) -> str | None:
    return work()


def content(raw: bytes | bytearray | memoryview, start: int, end: int, encoding: Encoding) -> Iterator[bytes]:
    """The decoded bytes in pieces of about a megabyte. What is damaged is passed over."""
    pieces = (bytes(raw[at : min(at + _PIECE, end)]) for at in range(start, end, _PIECE))
    if encoding == "base64":
        return _base64(pieces)
    if encoding == "quoted-printable":
        return (binascii.a2b_qp(lines) for lines in _lines(pieces))
    if encoding == "uuencode":
        return (_uu(lines) for lines in _lines(pieces))
    return pieces


def _base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Each run of letters between ``=`` is decoded for itself: some programs join several encoded texts."""
    rest = b""
    for piece in pieces:
        *whole, rest = re.split(b"=+", rest + piece.translate(None, _NOT_BASE64))
        for run in whole:
            yield _run(run)
        cut = len(rest) // 4 * 4
        yield binascii.a2b_base64(rest[:cut])
        rest = rest[cut:]
    yield _run(rest)


def _run(letters: bytes) -> bytes:
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces that end at the end of a line, where there is one."""
    rest = b""
    for piece in pieces:
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if not newline:
            whole, rest = rest, b""
        yield whole + newline
    if rest:
        yield rest


def _uu(lines: bytes) -> bytes:
    decoded = bytearray()
    for line in lines.splitlines():
        if not line or line.startswith((b"begin ", b"end")):
            continue
        try:
            decoded += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(decoded)


def text_of(
    raw: bytes | bytearray, part: Part, *, most_chars: int, most_html: int, within: Within = unlimited
) -> tuple[str, tuple[str, ...]]:
    """The text of a leaf as people read it, and flags. HTML that keeps its reader busy too long is stripped of its tags."""
    html = part.content_type == "text/html"
    most = most_html if html else most_chars * _BYTES_A_CHARACTER
    data = bytearray()
    cut = False
    for piece in content(raw, part.start, part.end, part.encoding):
        data += piece
        if len(data) > most:
            del data[most:]
            cut = True
            break
    text, charset = decode(bytes(data), part.parameters.get("charset", ""))
    slow = False
    if html:
        markup, shortened = _few_tags(text)
        read = within(lambda: html_to_text(markup), _HTML_S)
        slow = read is None
        text = tags_off(markup) if read is None else read
        cut = cut or shortened
    cut = cut or len(text) > most_chars
    flags = (
        charset,
        "html.slow" if slow else "",
        "text.truncated" if cut else "",
        "encoding.unknown" if part.odd_encoding else "",
    )
    return clean(text[:most_chars]).text.strip("\n"), tuple(flag for flag in flags if flag)


def html_to_text(markup: str) -> str:
    """What a reader of the page sees, quoted blocks with ``>`` before each line."""
    soup = BeautifulSoup(markup, "lxml")
    remove_unseen(soup)
    for quote in soup.select("blockquote:not(blockquote blockquote)"):
        _mark(soup, quote)
    return plain(to_markdown(soup))


def tags_off(markup: str) -> str:
    """Without anything in angle brackets, in linear time."""
    return unescape(re.sub(r"<[^<>]*>", "\n", markup))


def _few_tags(markup: str) -> tuple[str, bool]:
    at = -1
    for _ in range(_MOST_TAGS):
        at = markup.find("<", at + 1)
        if at < 0:
            return markup, False
    return markup[:at], True


def _mark(soup: BeautifulSoup, quote: Tag) -> None:
    lines = to_markdown(quote).splitlines()
    quote.clear()
    for line in lines:
        paragraph = soup.new_tag("p")
        paragraph.string = f"> {line}"
        quote.append(paragraph)
