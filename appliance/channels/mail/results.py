"""Authentication-Results (RFC 8601), read by its grammar: quoted strings, nested comments, versions, methods and properties.

A pattern would do for honest headers. But parts of them are the sender's words (an envelope address, a reason), and those must not be taken for results.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|([;=/.])|([^\s\";=/.()\\]+)", re.S)
_MOST_RESULTS = 50


@dataclass(frozen=True, slots=True)
class Result:
    """``dmarc=pass header.from=example.org``. A property that is given twice has the value None."""

    method: str
    result: str
    properties: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Results:
    """``authserv_id``: who says so, in lower case."""

    authserv_id: str
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    sign: bool = False
    spaced: bool = False
    """White space or a comment stands before it."""


def authentication_results(value: str) -> Results | None:
    """None when any part of it does not fit the grammar, or its version is not 1."""
    bare = _without_comments(value)
    pieces = None if bare is None else _pieces(bare)
    if not pieces:
        return None
    sections = _sections(pieces)
    head = _values(sections[0])
    if not head or len(head) > 2 or (len(head) == 2 and head[1] != "1"):
        return None
    results: list[Result] = []
    for section in sections[1 : _MOST_RESULTS + 1]:
        if not section or [one.text.lower() for one in section] == ["none"]:
            continue
        result = _result(section)
        if result is None:
            return None
        results.append(result)
    return Results(head[0].lower().rstrip("."), tuple(results)) if len(sections) <= _MOST_RESULTS + 1 else None


def _without_comments(value: str) -> str | None:
    """Each comment a space; None when a comment or a quoted string is not closed."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for sign in value:
        if escaped:
            escaped = False
        elif sign == "\\" and (depth or quoted):
            escaped = True
        elif sign == '"' and not depth:
            quoted = not quoted
        elif sign == "(" and not quoted:
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
            kept.append(" ")
            continue
        if not depth:
            kept.append(sign)
    return None if depth or quoted or escaped else "".join(kept)


def _pieces(text: str) -> list[_Piece] | None:
    pieces: list[_Piece] = []
    at = 0
    for token in _TOKEN.finditer(text):
        between = text[at : token.start()]
        if between.strip():
            return None
        quoted, sign, word = token.groups()
        plain = re.sub(r"\\(.)", r"\1", quoted, flags=re.S) if quoted is not None else sign or word
        pieces.append(_Piece(plain, sign is not None, bool(between)))
        at = token.end()
    return None if text[at:].strip() else pieces


def _sections(pieces: list[_Piece]) -> list[list[_Piece]]:
    sections: list[list[_Piece]] = [[]]
    for piece in pieces:
        if piece.sign and piece.text == ";":
            sections.append([])
        else:
            sections[-1].append(piece)
    return sections


def _values(section: list[_Piece]) -> list[str]:
    """The words of a section, each put together from what stands without a space between."""
    words: list[str] = []
    for piece in section:
        if piece.spaced or not words:
            words.append(piece.text)
        else:
            words[-1] += piece.text
    return words


def _result(section: list[_Piece]) -> Result | None:
    """``method[/version]=result [reason=…] *(type.property=value)``, with spaces wherever the grammar allows them."""
    pairs = _pairs(section)
    if not pairs:
        return None
    (method, result), *rest = pairs
    name, _, version = method.lower().partition("/")
    if version not in {"", "1"} or "." in name:
        return None
    properties: dict[str, str | None] = {}
    for key, value in rest:
        known = key.lower()
        properties[known] = None if known in properties else value
    return Result(name, result.lower(), properties)


def _pairs(section: list[_Piece]) -> list[tuple[str, str]] | None:
    """Names and values around each ``=``: a name is a word with what ``.`` and ``/`` tie to it, a value goes on to the next space."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(section):
        name = ""
        while at < len(section) and not (section[at].sign and section[at].text == "="):
            joins = (section[at].sign and section[at].text in "./") or name == "" or name[-1] in "./"
            if not joins:
                return None
            name += section[at].text
            at += 1
        at += 1
        if not name or at >= len(section):
            return None
        value = section[at].text
        at += 1
        while at < len(section) and not section[at].spaced:
            value += section[at].text
            at += 1
        pairs.append((name, value))
    return pairs
