"""Header sections of mails and parts: split, unfolded and decoded within limits, in time that grows with their length and no faster.

The standard library's modern policy parses every value by a grammar written in Python, which a hostile header of some hundred kilobytes keeps busy for
seconds; here only the few headers that matter are read, each by a reader of its own.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from appliance.channels.mail.charsets import decode
from kb.sources.characters import clean_line

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_BLANK = re.compile(rb"\r?\n\r?\n")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_PARAMETER = re.compile(r";\s*([^\s=;\"]{1,60})\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)", re.S)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_MOST_SECTIONS = 50
_LONGEST_STRUCTURED = 8_192
"""Characters that are read of a header with parameters or addresses beyond which no real one goes."""


@dataclass(frozen=True, slots=True)
class Headers:
    """(name in lower case, unfolded value) in their order; ``flags``: what was cut or malformed."""

    fields: tuple[tuple[str, bytes], ...] = ()
    flags: tuple[str, ...] = ()

    def all(self, name: str) -> list[str]:
        return [readable(value) for known, value in self.fields if known == name]

    def first(self, name: str) -> str:
        """Without white space around it; empty when there is none."""
        return next((readable(value).strip() for known, value in self.fields if known == name), "")

    def has(self, name: str) -> bool:
        return any(known == name for known, _ in self.fields)

    def words(self, name: str, most: int) -> str:
        """Plain text on one line, encoded words decoded, at most ``most`` characters."""
        return clean_line(decoded_words(self.first(name)[: most * 12]))[:most]


@dataclass(frozen=True, slots=True)
class Valued:
    """A value with parameters, such as Content-Type: both in lower case, values of parameters as they are."""

    value: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def split(raw: bytes | bytearray, start: int, end: int, *, most: int, most_bytes: int) -> tuple[Headers, int]:
    """The headers that begin at ``start``, and where the body begins. A line that is no header ends them, as it does for mail servers."""
    found: list[tuple[str, list[bytes]]] = []
    flags: list[str] = []
    position = _after_envelope(raw, start, end)
    first = position
    while position < end:
        stop = raw.find(b"\n", position, end)
        stop = end if stop < 0 else stop + 1
        if len(found) >= most or stop - first > most_bytes:
            flags.append("headers.truncated")
            blank = _BLANK.search(raw, max(position - 2, first), end)
            position = blank.end() if blank else end
            break
        line = bytes(raw[position:stop]).rstrip(b"\r\n")
        if not line:
            position = stop
            break
        name = _FIELD.match(line)
        if name:
            found.append((name[1].decode("ascii").lower(), [line[name.end() :]]))
        elif line[:1] in b" \t" and found:
            found[-1][1].append(line)
        else:
            flags.append("headers.malformed")
            break
        position = stop
    return Headers(tuple((name, b"".join(lines)) for name, lines in found), tuple(flags)), position


def _after_envelope(raw: bytes | bytearray, start: int, end: int) -> int:
    """Behind the line ``From …`` that mailboxes in one file put before each mail."""
    if bytes(raw[start : start + 5]) in {b"From ", b">From"}:
        stop = raw.find(b"\n", start, end)
        return end if stop < 0 else stop + 1
    return start


def readable(value: bytes) -> str:
    """UTF-8 (RFC 6532), or whatever eight-bit text old programs wrote."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def decoded_words(text: str) -> str:
    """Encoded words (RFC 2047) decoded. Neighbours in one charset are joined first: programs cut characters in half between them."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    waiting, charset, behind = bytearray(), "", 0
    for word in _WORD.finditer(text):
        between = text[behind : word.start()]
        name = word[1].partition("*")[0].lower()
        if waiting and (name != charset or between.strip()):
            pieces.append(decode(bytes(waiting), charset)[0])
            waiting.clear()
        if between.strip() or not behind:
            pieces.append(between)
        waiting += _unpacked(word[2], word[3])
        charset, behind = name, word.end()
    if waiting:
        pieces.append(decode(bytes(waiting), charset)[0])
    return "".join((*pieces, text[behind:]))


def _unpacked(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if kind in "qQ":
        return binascii.a2b_qp(data, header=True)
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    letters = letters[: len(letters) // 4 * 4] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def valued(text: str) -> Valued:
    """``type/subtype; name=value``, with values cut in sections and encoded as RFC 2231 says. The first of equal names counts."""
    text = text[:_LONGEST_STRUCTURED]
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(text):
        name = _SECTION.fullmatch(match[1].lower())
        if name:
            of_name = sections.setdefault(name[1], {})
            of_name.setdefault(int(name[2] or 0), (_unquoted(match[2].strip()), bool(name[3])))
    parameters = {name: _joined(parts) for name, parts in list(sections.items())[:_MOST_SECTIONS]}
    return Valued(text.partition(";")[0].strip().lower(), parameters)


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    ordered = [parts[number] for number in sorted(parts)[:_MOST_SECTIONS]]
    if not any(encoded for _, encoded in ordered):
        return "".join(text for text, _ in ordered)
    text, encoded = ordered[0]
    charset, mark, rest = text.partition("'")
    if encoded and mark:
        ordered[0] = (rest.partition("'")[2], True)
    data = b"".join(unquote_to_bytes(one) if coded else one.encode("utf-8", "replace") for one, coded in ordered)
    return decode(data, charset.lower() if mark else "utf-8")[0]


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        closed = len(text) > 1 and text.endswith('"')
        return re.sub(r"\\(.)", r"\1", text[1:-1] if closed else text[1:], flags=re.S)
    return text
