"""Postal addresses by their form; the tagger knows more of them by their words. What follows an address without a word between belongs to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from appliance.egress.masking.found import Span

_WORD = r"[^\W\d_][\w'’.-]{0,30}"
_STREET = (
    r"(?:street|st|road|rd|avenue|ave|av|boulevard|blvd|lane|ln|drive|dr|court|ct|square|sq|place|pl|terrace|ter|way|parkway|pkwy|close|crescent|circle|cir|highway|hwy|trail|loop"
    r"|alley|row|mews|grove|gardens|heights|hill|plaza|quay|walk)"
)
_ENGLISH = re.compile(rf"(?<![\w.,])\d{{1,6}}[A-Za-z]?,? {{1,2}}(?:{_WORD} ){{1,4}}{_STREET}\b\.?", re.I)
_COMPOUND = re.compile(
    r"(?<!\w)[^\W\d_][\w'’.-]{1,30}(?:stra(?:ß|ss)e|str\.|weg|allee|platz|gasse|gade|gata|gatan|vej|vegen|veien|väg|vägen|laan|straat|plein|dijk|katu|tie|kuja|utca|ulica)"
    r" {1,2}\d{1,5} ?[a-z]?(?!\w)",
    re.I,
)
_LEADING = re.compile(
    rf"(?<!\w)(?:rue|avenue|boulevard|chemin|place|quai|impasse|via|viale|piazza|corso|calle|avenida|paseo|plaza|rua|travessa|praça|largo|ul\.|ulica|al\.|aleja|strada|str\.|odos|λεωφόρος|οδός"
    rf"|carrer|camino)(?: {_WORD}){{1,5}},? {{1,2}}\d{{1,5}}(?!\w)",
    re.I,
)
_BOX = re.compile(
    r"(?<!\w)(?:p\.? ?o\.? ?box|postfach|apartado|postbus|bo[iî]te postale|psc \d{1,5},? box|unit \d{1,5} box|box)\s?#?\s?\d{1,6}(?!\w)",
    re.I,
)
_MILITARY = re.compile(r"(?<!\w)(?:[AFD]PO) (?:A[AEP])(?: \d{5}(?:-\d{4})?)?(?!\w)")
_UNIT = re.compile(r"(?<!\w)(?:apt|apartment|suite|ste|flat|appartement)\.? ?#?\d{1,5}[a-z]?(?!\w)", re.I)
_CODE = re.compile(
    r"\b(?:zip|post|postal|plz)(?: ?code)?(?: is| to|:)?\s{1,2}(?P<value>(?=[A-Z0-9]{0,4}\d)[A-Z0-9]{2,5}(?:[ -][A-Z0-9]{2,4})?)(?!\w)",
    re.I,
)
_UK_CODE = re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)")

_GAP = re.compile(r"[\s,;/#-]{0,8}(?:(?:and|nan|near|in|at)\s{1,2})?")
_TAIL = re.compile(r"[\s,]{1,8}(?:[A-Z]{2}[\s,]{1,4})?(?:[A-Z]{1,2}-)?\d{3,6}(?:-\d{3,4})?(?![\w-])")
_CORNER = re.compile(r"\bthe corner of (?:[^\W\d_]{1,20}\.? )?$", re.I)
_HEAD = re.compile(r"(?<![\w.,-])\d{1,5}[A-Za-z]?(?:[ ,]{1,2}\d{1,5})?,?\s{1,2}$")


def addresses(text: str) -> Iterator[Span]:
    for pattern in (_ENGLISH, _COMPOUND, _LEADING, _BOX, _MILITARY, _UNIT, _UK_CODE):
        for found in pattern.finditer(text):
            yield "ADDRESS", found.start(), found.end()
    for found in _CODE.finditer(text):
        yield "ADDRESS", found.start("value"), found.end("value")


def whole(spans: Sequence[Span], text: str) -> list[Span]:
    """Pieces of one address as one: what lies between is marks and line ends, and a house number or postcode at its ends belongs to it.

    ``spans`` may hold places (LOCATION), which belong to the address that they touch, and numbers.
    """
    made: list[Span] = []
    for kind, start, end in sorted(spans, key=lambda span: (span[1], -span[2])):
        if made and _touches(made[-1], (kind, start, end), text):
            made[-1] = ("ADDRESS", made[-1][1], max(end, made[-1][2]))
        else:
            made.append((kind, start, end))
    return [_complete(span, text) if span[0] == "ADDRESS" else span for span in made]


def _touches(before: Span, span: Span, text: str) -> bool:
    kinds = {before[0], span[0]}
    if "ADDRESS" not in kinds:
        return False
    if "PERSON" in kinds:  # streets are named after people: Ann and Long Road
        return text[before[2] : span[1]] == " and "
    return kinds <= {"ADDRESS", "LOCATION", "NUMBER"} and _near(before, span, text)


def _near(before: Span, span: Span, text: str) -> bool:
    return span[1] <= before[2] or _GAP.fullmatch(text, before[2], span[1]) is not None


def _complete(span: Span, text: str) -> Span:
    kind, start, end = span
    if head := _HEAD.search(text, max(0, start - 16), start):
        start = head.start()
    if corner := _CORNER.search(text, max(0, start - 40), start):
        start = corner.start()
    while tail := _TAIL.match(text, end):
        end = tail.end()
    return kind, start, end
