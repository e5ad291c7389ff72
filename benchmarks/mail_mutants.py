"""Mutants of mails: the same seed gives the same bytes. Each is one honest mail after one to three harms."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

_CHARSETS = (
    b"utf-8",
    b"utf-16",
    b"utf-7",
    b"iso-2022-jp",
    b"ks_c_5601-1987",
    b"x-unknown",
    b"zlib",
    b"punycode",
    b"us-ascii",
    b"",
)
_ENCODINGS = (b"base64", b"quoted-printable", b"x-uuencode", b"8bit", b"binary", b"gzip", b"")
_TYPES = (
    b"text/html",
    b"text/plain",
    b"multipart/mixed",
    b"multipart/alternative",
    b"message/rfc822",
    b"multipart/report",
    b"nonsense",
    b"",
)
_FIELDS = (
    b"From",
    b"To",
    b"Message-ID",
    b"References",
    b"Subject",
    b"Content-Type",
    b"Return-Path",
    b"Authentication-Results",
    b"Date",
)
_ODD = (
    b"\0",
    b"\r",
    b"\n",
    b"\xff",
    b"\xed\xa0\x80",
    b"=?utf-8?b?",
    b"?=",
    b"(",
    b'"',
    b"<",
    b"=",
    b"\xe2\x80\xae",
    b"--",
    b"%",
)

Random = random.Random
Harm = Callable[[bytes, Random], bytes]


def _place(raw: bytes, chance: Random) -> int:
    return chance.randrange(len(raw) + 1)


def flip_bits(raw: bytes, chance: Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 30) if changed else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(raw: bytes, chance: Random) -> bytes:
    return raw[: _place(raw, chance)]


def lose_a_piece(raw: bytes, chance: Random) -> bytes:
    at = _place(raw, chance)
    return raw[:at] + raw[at + chance.randint(1, 400) :]


def repeat_a_piece(raw: bytes, chance: Random) -> bytes:
    at = _place(raw, chance)
    piece = raw[at : at + chance.randint(1, 400)]
    return raw[:at] + piece * chance.choice((2, 10, 500)) + raw[at:]


def put_odd_bytes(raw: bytes, chance: Random) -> bytes:
    at = _place(raw, chance)
    return raw[:at] + chance.choice(_ODD) * chance.choice((1, 3, 2_000)) + raw[at:]


def double_a_header(raw: bytes, chance: Random) -> bytes:
    name = chance.choice(_FIELDS)
    found = re.search(rb"(?im)^" + name + rb":[^\n]*\n", raw)
    line = found[0] if found else name + b": <a@b.example>\n"
    return line * chance.choice((1, 2, 300)) + raw


def empty_a_header(raw: bytes, chance: Random) -> bytes:
    return re.sub(rb"(?im)^(" + chance.choice(_FIELDS) + rb":)[^\n]*\n", rb"\1 \n", raw, count=1)


def swap_charset(raw: bytes, chance: Random) -> bytes:
    return re.sub(rb'(?i)charset="?[\w.-]*"?', b"charset=" + chance.choice(_CHARSETS), raw)


def swap_encoding(raw: bytes, chance: Random) -> bytes:
    return re.sub(rb"(?im)^(content-transfer-encoding:)[^\r\n]*", rb"\1 " + chance.choice(_ENCODINGS), raw)


def swap_type(raw: bytes, chance: Random) -> bytes:
    return re.sub(
        rb"(?im)^(content-type:)\s*[\w/.+-]*", rb"\1 " + chance.choice(_TYPES), raw, count=chance.choice((0, 1))
    )


def play_with_boundaries(raw: bytes, chance: Random) -> bytes:
    found = re.search(rb'(?i)boundary="?([^"\r\n;]+)', raw)
    if not found:
        return b"Content-Type: multipart/mixed; boundary=b\n" + raw + b"\n--b\n\nx\n--b"
    mark = b"--" + found[1]
    other = chance.choice((b"", mark + b"--", mark + b" ", mark[:-1], mark + mark, mark.upper(), (mark + b"\n") * 300))
    return raw.replace(mark, other, chance.choice((1, -1)))


def nest(raw: bytes, chance: Random) -> bytes:
    head = raw.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
    depth = chance.choice((3, 19, 25, 400))
    inner = b"".join(b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (n, n) for n in range(depth))
    kept = b"\n".join(line for line in head.split(b"\n") if not line.lower().startswith(b"content-type"))
    return kept.rstrip() + b"\n" + inner + b"\n" + raw


def turn_line_ends(raw: bytes, chance: Random) -> bytes:
    plain = raw.replace(b"\r\n", b"\n")
    return plain.replace(b"\n", chance.choice((b"\r", b"\r\n", b"\n\r", b"\r\r\n")))


HARMS: tuple[Harm, ...] = (
    flip_bits,
    cut,
    lose_a_piece,
    repeat_a_piece,
    put_odd_bytes,
    double_a_header,
    empty_a_header,
    swap_charset,
    swap_encoding,
    swap_type,
    play_with_boundaries,
    nest,
    turn_line_ends,
)


def mutants(mails: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` of them, going round the mails."""
    for number in range(count):
        chance = Random(f"{seed}:{number}")
        raw = mails[number % len(mails)]
        for harm in chance.choices(HARMS, k=chance.randint(1, 3)):
            raw = harm(raw, chance)
        yield raw
