"""A second, independent look at what left: every literal of a reply must stand in the articles that it cites.

This shares no code with the guard of the line on purpose: a guard that is measured by its own reading of a number finds
no mistake in it. It is simpler and compares with the whole articles, not with the passages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_URL = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]\"']+", re.I)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATES = (
    re.compile(rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b", re.I),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?{_MONTH}(?![a-z])", re.I),
)
_PRICE = re.compile(
    r"(?P<sign>[$€£¥])\s?(?P<amount>\d[\d.,]*)|(?P<amount2>\d[\d.,]*)\s?(?P<sign2>[$€£¥]|(?:usd|eur|gbp|dollars?|euros?|pounds?)\b)",
    re.I,
)
_SIGNS = {
    "usd": "$",
    "dollar": "$",
    "dollars": "$",
    "eur": "€",
    "euro": "€",
    "euros": "€",
    "gbp": "£",
    "pound": "£",
    "pounds": "£",
}
_PERCENT = re.compile(r"(\d[\d.,]*)\s?(?:%|percent\b|per cent\b)", re.I)
_UNIT = re.compile(
    r"(?:(\d[\d.,]*) ?(?:-|to|or|and) ?)?(\d[\d.,]*)[ -]?(second|minute|hour|day|week|month|year|[kmgt]i?b)s?\b", re.I
)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")


def unsupported_literals(reply: str, sources: Sequence[str]) -> tuple[str, ...]:
    """The literals of ``reply``, as ``kind value``, that stand in none of ``sources``; each once."""
    known = {literal for source in sources for literal in literals(source)}
    parts = {part for kind, value in known if kind == "number" for part in re.split(r"[/-]", value)}
    return tuple(
        f"{kind} {value}"
        for kind, value in dict.fromkeys(literals(reply))
        if (kind, value) not in known and not (kind == "number" and value in parts)
    )


def literals(text: str) -> Iterator[tuple[str, str]]:
    """(kind, plain form) of everything in ``text`` that could be invented."""
    plain = _plain(text)
    for match in _URL.finditer(plain):
        yield "url", match.group().rstrip(".,;:!?*_").casefold()
    without_urls = _URL.sub(" ", plain)
    for match in _EMAIL.finditer(without_urls):
        yield "email", match.group().rstrip(".").casefold()
    yield from _marked(_EMAIL.sub(" ", without_urls))


def _marked(text: str) -> Iterator[tuple[str, str]]:
    for pattern in _DATES:
        for match in pattern.finditer(text):
            yield "date", f"{match['month'][:3].lower()} {int(match['day'])}"
    for match in _PRICE.finditer(text):
        sign = (match["sign"] or match["sign2"]).lower()
        yield "price", f"{_SIGNS.get(sign, sign)}{_amount(match['amount'] or match['amount2'])}"
    for match in _PERCENT.finditer(text):
        yield "percent", f"{_amount(match[1])}%"
    for match in _UNIT.finditer(text):
        yield from (("duration", f"{_amount(end)} {match[3].lower()}") for end in (match[1], match[2]) if end)
    for match in _NUMBER.finditer(text):
        yield "number", _amount(match.group())


def _amount(digits: str) -> str:
    """``1,000`` and ``1000``, ``10.00`` and ``10`` are the same amount; a full stop that ends the sentence is none of it."""
    bare = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", digits.rstrip(".,"))
    return re.sub(r"(?<=\d)\.00$", "", bare)


def _plain(text: str) -> str:
    """One kind of space, dash and digit, without Markdown emphasis."""
    folded = unicodedata.normalize("NFKC", text)
    folded = re.sub(r"[\u2010-\u2015\u2212]", "-", folded)
    return re.sub(r"\s+", " ", re.sub(r"[*`]+", "", folded))
