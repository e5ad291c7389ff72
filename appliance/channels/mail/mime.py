"""The parts of a mail as places in its bytes: nothing is copied or decoded here, so a mail of fifty megabytes costs a search for its boundaries.

Boundaries are searched per level, so the time is at most (levels x bytes), with levels and parts counted and limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from appliance.channels.mail.headers import Headers, Valued, split, valued
from appliance.channels.mail.parsed import Encoding

_ENCODINGS: dict[str, Encoding] = {
    "": "",
    "7bit": "",
    "8bit": "",
    "binary": "",
    "7-bit": "",
    "8-bit": "",
    "7bits": "",
    "8bits": "",
    "base64": "base64",
    "quoted printable": "quoted-printable",
    "quoted-printable": "quoted-printable",
    "x-uuencode": "uuencode",
    "uuencode": "uuencode",
    "x-uue": "uuencode",
    "uue": "uuencode",
}
_MIME_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,60}/[\w.+-]{1,90}")
_LONGEST_BOUNDARY = 200
"""RFC 2046 allows 70 characters; some programs write more."""
_LONGEST_TAIL = 500
"""Of white space behind a boundary."""


class Limits(Protocol):
    """Those of ``mail.parsing`` that count parts."""

    @property
    def max_headers(self) -> int: ...
    @property
    def max_header_bytes(self) -> int: ...
    @property
    def max_parts(self) -> int: ...
    @property
    def max_depth(self) -> int: ...


@dataclass(frozen=True)
class Part:
    """One part: its headers, and where its body lies. ``children`` in their order; a part that has none is a leaf."""

    headers: Headers
    start: int
    end: int
    default: str = "text/plain"
    children: tuple[Part, ...] = ()

    @cached_property
    def typed(self) -> Valued:
        return valued(self.headers.first("content-type"))

    @cached_property
    def disposition(self) -> Valued:
        return valued(self.headers.first("content-disposition"))

    @property
    def content_type(self) -> str:
        """In lower case; what cannot be one counts as the default, a multipart without parts as text."""
        said = self.typed.value
        if not said or not _MIME_TYPE.fullmatch(said):
            return self.default
        return "text/plain" if said.startswith("multipart/") and not self.children else said

    @property
    def parameters(self) -> dict[str, str]:
        return self.typed.parameters

    @property
    def boundary(self) -> bytes:
        """Empty when this is no multipart."""
        said = self.parameters.get("boundary", "").rstrip() if self.typed.value.startswith("multipart/") else ""
        return said.encode("utf-8", "surrogateescape")[:_LONGEST_BOUNDARY]

    @property
    def encoding(self) -> Encoding:
        return _ENCODINGS.get(self._said_encoding, "")

    @property
    def odd_encoding(self) -> bool:
        return self._said_encoding not in _ENCODINGS

    @property
    def _said_encoding(self) -> str:
        return self.headers.first("content-transfer-encoding").partition(";")[0].strip().strip('"').lower()

    @property
    def file_name(self) -> str:
        return self.disposition.parameters.get("filename") or self.parameters.get("name") or ""

    def leaves(self) -> Iterator[Part]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass
class _Walk:
    raw: bytes | bytearray
    limits: Limits
    parts: int = 0
    flags: list[str] = field(default_factory=list)

    def part(self, start: int, end: int, default: str, depth: int) -> Part:
        headers, body = split(
            self.raw, start, end, most=self.limits.max_headers, most_bytes=self.limits.max_header_bytes
        )
        self.flags += headers.flags
        part = Part(headers, body, end, default)
        if not part.boundary:
            if part.typed.value.startswith("multipart/"):
                self.flags.append("mime.boundary")
            return part
        if depth >= self.limits.max_depth:
            self.flags.append("mime.depth")
            return part
        inner = "message/rfc822" if part.typed.value == "multipart/digest" else "text/plain"
        children = tuple(self.part(at, stop, inner, depth + 1) for at, stop in self.between(part))
        if not children:
            self.flags.append("mime.boundary")
        return Part(headers, body, end, default, children)

    def between(self, part: Part) -> Iterator[tuple[int, int]]:
        """Start and end of each part of a multipart. One that is not closed goes on to the end."""
        begun = -1
        for at, behind, last in self._delimiters(part):
            if begun >= 0:
                yield begun, max(begun, at)
            if last:
                return
            if self.parts >= self.limits.max_parts:
                self.flags.append("mime.parts")
                return
            self.parts += 1
            begun = behind
        if begun >= 0:
            self.flags.append("mime.unclosed")
            yield begun, part.end

    def _delimiters(self, part: Part) -> Iterator[tuple[int, int, bool]]:
        """(end of the part before, start of the part behind, whether it is the closing one) of each delimiter line."""
        raw, mark = self.raw, b"--" + part.boundary
        at = raw.find(mark, part.start, part.end)
        while at >= 0:
            line_end = min(
                part.end, at + len(mark) + _LONGEST_TAIL
            )  # a search to the end of the mail would be quadratic
            stop = raw.find(b"\n", at, line_end)
            stop = line_end if stop < 0 else stop + 1
            rest = bytes(raw[at + len(mark) : stop])
            if (at == part.start or raw[at - 1] == 0x0A) and rest.strip() in {b"", b"--"}:
                before = at - 1 if at > part.start else at
                before -= 1 if before > part.start and raw[before - 1] == 0x0D else 0
                yield before, stop, rest.strip() == b"--"
                at = raw.find(mark, stop, part.end)
            else:
                at = raw.find(mark, at + len(mark), part.end)


def read_parts(raw: bytes | bytearray, limits: Limits) -> tuple[Part, tuple[str, ...]]:
    """The mail as a tree, and what was cut or malformed. Never raises for any bytes."""
    walk = _Walk(raw, limits)
    root = walk.part(0, len(raw), "text/plain", 0)
    return root, tuple(dict.fromkeys(walk.flags))
