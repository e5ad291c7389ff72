"""Whom a client wants to reach, by the first bytes that it sends: the server name of a TLS ClientHello (RFC 6066), or HTTP's Host."""

from __future__ import annotations

import re

from deploy.egress_proof.dns import printable

_LONGEST = 255
_REQUEST = re.compile(rb"[A-Z]{3,10} \S+ HTTP/1\.[01]\r?\n")
_HOST = re.compile(rb"\r?\nhost:[ \t]*([^\r\n]*)", re.I)


def wanted(data: bytes) -> str:
    """``tls NAME`` or ``http NAME``, ``tls``/``http`` where no name is told, else nothing. Any bytes may come."""
    if data[:1] == b"\x16":
        return f"tls {_shown(_server_name(data))}".strip()
    if _REQUEST.match(data):
        found = _HOST.search(data)
        return f"http {_shown(found[1].strip() if found else b'')}".strip()
    return ""


def _shown(name: bytes) -> str:
    return printable(name[:_LONGEST])


class _Short(Exception):
    """The message ends before what it announces."""


class _Reader:
    """Takes fields off the front; raises ``_Short`` at the end, so that no length is believed."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        if count > len(self.data):
            raise _Short
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def counted(self, size: int) -> _Reader:
        """A field that begins with its length, which is ``size`` bytes long."""
        return _Reader(self.take(self.number(size)))


def _server_name(data: bytes) -> bytes:
    """Of the first record; empty when it cannot be read, or names none."""
    try:
        return _extension(_Reader(data[5:]))
    except _Short:
        return b""


def _extension(hello: _Reader) -> bytes:
    if hello.number(1) != 1:
        return b""
    hello.take(3 + 2 + 32)  # length, version, random; the record may be cut, so its length is not asked
    hello.counted(1)  # session
    hello.counted(2)  # cipher suites
    hello.counted(1)  # compression
    hello.take(2)
    while hello.data:
        kind, body = hello.number(2), hello.counted(2)
        if kind == 0:
            names = body.counted(2)
            return names.counted(2).data if names.number(1) == 0 else b""
    return b""
