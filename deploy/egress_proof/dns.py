"""As much of DNS (RFC 1035) as a server needs that has one answer to everything."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

HEADER_BYTES = 12
_LONGEST_NAME = 255
_TYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    64: "SVCB",
    65: "HTTPS",
    255: "ANY",
}
_ANSWERED = 0x8180
"""Flags of an answer: response, recursion desired and available, no error."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. ``raw`` is the question section as it came, which an answer repeats."""

    id: int
    name: str
    kind: str
    raw: bytes


def question(message: bytes) -> Question | None:
    """The first question of a message; None when it is none. Bytes that are not printable come as backslash escapes."""
    if len(message) < HEADER_BYTES:
        return None
    number, flags, count = struct.unpack_from("!HHH", message)
    if flags & 0x8000 or not count:
        return None
    labels, at = [], HEADER_BYTES
    while at < len(message) and message[at]:
        length = message[at]
        if length > 63 or at - HEADER_BYTES + length > _LONGEST_NAME:  # pointers too: a question has none
            return None
        labels.append(message[at + 1 : at + 1 + length])
        at += 1 + length
    end = at + 5
    if end > len(message):
        return None
    [kind] = struct.unpack_from("!H", message, at + 1)
    name = ".".join(printable(label) for label in labels) or "."
    return Question(number, name, _TYPES.get(kind, f"TYPE{kind}"), message[HEADER_BYTES:end])


def answer(asked: Question, v4: str, v6: str) -> bytes:
    """Addresses for those who ask for addresses, and no record for the others."""
    address = {"A": v4, "AAAA": v6}.get(asked.kind)
    head = struct.pack("!HHHHHH", asked.id, _ANSWERED, 1, 1 if address else 0, 0, 0)
    if not address:
        return head + asked.raw
    packed = ipaddress.ip_address(address).packed
    record = struct.pack("!HHHIH", 0xC00C, 1 if len(packed) == 4 else 28, 1, 1, len(packed))
    return head + asked.raw + record + packed


def printable(raw: bytes) -> str:
    """ASCII, with everything that could mislead a terminal or a log as an escape."""
    return "".join(chr(byte) if 0x20 < byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in raw)
