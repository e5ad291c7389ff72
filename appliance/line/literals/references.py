"""Things that point somewhere: URLs, e-mail addresses, phone numbers, versions, product and error codes, shortcuts."""

from __future__ import annotations

import re

_REST = r"[^\s<>\"')\]]"
_URL = re.compile(
    rf"(?:\b[a-z][a-z0-9+.-]{{1,20}}://|www\.){_REST}+|\b(?:about|chrome|mailto|tel|javascript|data|file|ftp|ssh|ms-settings):[^\s<>\"')\],;]+"
    rf"|(?<![@\w./-])\w[\w-]{{1,62}}(?:\.[\w-]{{2,63}}){{0,8}}\.[^\W\d_]{{2,24}}\b(?:/{_REST}*)?|(?<![\w:/])//\w{_REST}*",
    re.I,
)
"""Scheme and host, or a bare name with a point in it: a host under any top-level domain, or a file, which may be invented just the same."""
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)*", re.I)
_HANDLE = re.compile(r"(?<![\w.@])@[a-z]\w{2,40}", re.I)
_PHONE = re.compile(
    r"(?<![\w.-])(?:\+\d{7,15}|(?:\+\d{1,3}[\s.-]?)?(?:\(\d{1,5}\)[\s.-]?)?\d{2,5}(?:[\s.-]\d{2,8}){1,4})(?![\w-])(?!\.\d)"
)
_SHORTCUT = re.compile(
    r"\b(?:ctrl|control|cmd|command|alt|option|shift|win|fn|esc)(?:\s?\+\s?(?:ctrl|control|cmd|command|alt|option|shift|win|fn|f\d{1,2}|[a-z0-9]|delete|del|enter|tab|esc|space|home|end|backspace)\b)+",
    re.I,
)
_VERSION = re.compile(
    r"\bv(?:ersion\s+)?\d+(?:\.\d+)*\b|\b\d+\.\d+(?:\.\d+)+\b|\b(?:version|release|firmware|build)\s+\d+(?:\.\d+)*[a-z]?\b",
    re.I,
)
_CODE = re.compile(
    r"(?<![\w-])(?:(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9]++(?:[-_][A-Za-z0-9]++)*+|[A-Z]{2,}+(?:[-_][A-Z]{2,}+)++)(?![\w-])"
)
_SCALED = re.compile(r"\d+(?:k|mn|bn)", re.I)
_DIGIT = r"[\d²³¼-¾⅐-ↈ①-⒛]"
_TOKEN_WITH_DIGITS = re.compile(rf"(?<![^\W_])(?=[^\W\d_]*{_DIGIT})[^\W_]++")
_DIGITS_LEFT = re.compile(rf"{_DIGIT}+")
"""Digits that no pattern has read: they are compared as they stand, so that none can slip through."""


def _url(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    return "url", frozenset({normal_url(match.group())})


def normal_url(text: str) -> str:
    """Scheme, ``www.``, case of the host, trailing punctuation and slash do not tell two addresses apart."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", text.rstrip(".,;:!?*_`’'\""), flags=re.I).rstrip("/")
    host, slash, path = bare.partition("/")
    return host.lower() + slash + path


def _email(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    return "email", frozenset({match.group().rstrip(".").lower()})


def _phone(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    text = match.group()
    digits = re.sub(r"\D", "", text)
    grouped_thousands = re.fullmatch(r"\d{1,3}(?:[ .]\d{3})+", text)
    if len(digits) < 7 or (grouped_thousands and not text.startswith("+")) or re.search(r"\d{4}-\d\d-\d\d", text):
        return None
    return "phone", frozenset({digits})


def _shortcut(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    keys = re.sub(r"\s", "", match.group().lower()).replace("control", "ctrl").replace("command", "cmd")
    return "code", frozenset({keys})


def _version(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    number = re.sub(r"^(?:version|release|firmware|build|v)\s*", "", match.group().lower())
    return "version", frozenset({number})


def _code(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    text = match.group()
    return None if _SCALED.fullmatch(text) else ("code", frozenset({text.lower()}))


def _as_it_stands(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    return "number", frozenset({match.group().lower()})


ADDRESSES = ((_EMAIL, _email), (_HANDLE, _email), (_URL, _url), (_SHORTCUT, _shortcut))
CODES = ((_VERSION, _version), (_PHONE, _phone), (_CODE, _code))
REST = ((_TOKEN_WITH_DIGITS, _as_it_stands),)
LEFT = (_DIGITS_LEFT, _as_it_stands)
