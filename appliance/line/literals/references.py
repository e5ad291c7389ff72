"""Things that point somewhere: URLs, e-mail addresses, phone numbers, versions, product and error codes, shortcuts."""

from __future__ import annotations

import re

_TLD = r"(?:com|org|net|io|dev|app|edu|gov|info|biz|co|eu|uk|us|de|fr|nl|se|no|dk|fi|ch|at|es|it|pl|be|ie|ca|au|nz|jp|in|br|ai|me|tv|example|test|local|internal)"
_URL = re.compile(
    rf"(?:https?://|www\.)[^\s<>\"')\]]+|\b(?:about|chrome|mailto|file|ftp|ssh|ms-settings):[^\s<>\"')\],;]+|(?<![@\w.])(?:[a-z0-9-]+\.)+{_TLD}\b(?:/[^\s<>\"')\]]*)?",
    re.I,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.I)
_PHONE = re.compile(
    r"(?<![\w.-])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{1,5}\)[\s.-]?)?\d{2,5}(?:[\s.-]\d{2,8}){1,4}(?![\w-])(?!\.\d)"
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
    r"(?<![\w-])(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*(?![\w-])"
)
_UNIT_GLUED = re.compile(
    r"\d+(?:st|nd|rd|th|s|x|h|hrs?|mins?|min|secs?|ms|px|k|m|am|pm|gb|mb|kb|tb|cm|mm|kg|g|w|v|d)", re.I
)


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
    if _UNIT_GLUED.fullmatch(text):
        return None
    return "code", frozenset({text.lower()})


ADDRESSES = ((_EMAIL, _email), (_URL, _url), (_SHORTCUT, _shortcut))
CODES = ((_VERSION, _version), (_PHONE, _phone), (_CODE, _code))
