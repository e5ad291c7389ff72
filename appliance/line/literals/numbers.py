"""Numbers as people write them: digits with separators, words, ordinals, fractions. All become one ``Decimal``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_ALONE: dict[str, int | Decimal] = {
    "dozen": 12,
    "twice": 2,
    "thrice": 3,
    "half": Decimal("0.5"),
    "once": 1,
    "couple": 2,
}
_SUFFIXES = {"k": 1_000, "m": 1_000_000, "mn": 1_000_000, "bn": 1_000_000_000}

# Every repetition below is bounded or atomic: open ones read a page of "one and one and …" in cubic time.
_GAP = r"(?:\s{1,3}|-)"
_ONES = "|".join(sorted(_UNITS, key=len, reverse=True))
_SMALL = rf"(?:(?:{'|'.join(_TENS)})(?:{_GAP}(?:{_ONES})\b)?|(?:{_ONES}))"
_SCALE_WORD = rf"(?:{'|'.join(_SCALES)})\b"
_LARGE = rf"(?:(?:{_SMALL}|an?){_GAP})?{_SCALE_WORD}(?:(?:\s{{1,3}}and)?{_GAP}{_SMALL}\b)?(?:{_GAP}{_SCALE_WORD}(?:(?:\s{{1,3}}and)?{_GAP}{_SMALL}\b)?){{0,4}}"
WORDS = rf"(?>{_LARGE}|{_SMALL}\b|half\s{{1,3}}(?:an?\s{{1,3}})?(?=hour|day|year|minute)|an?\s{{1,3}}half|an?\s{{1,3}}couple\s{{1,3}}of|dozen|twice|thrice)"
"""A number in words. ``and`` joins only what follows a hundred or more: ``two and three`` are two numbers."""
NUMBER = r"(?>\d{1,3}(?:[,’'\u00a0\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d+(?:[.,]\d+)?)"
"""A number in digits, with thousands separators or a decimal part."""


def parse_digits(text: str) -> tuple[Decimal, ...]:
    """Every reading of a number in digits: ``1.234`` is either; the sentence must match one of them.

    >>> parse_digits("1,000")
    (Decimal('1000'),)
    """
    plain = re.sub(r"[’'\u00a0\u202f\s]", "", text)
    readings: list[str]
    if "," in plain and "." in plain:
        readings = [
            plain.replace(",", "") if plain.rfind(".") > plain.rfind(",") else plain.replace(".", "").replace(",", ".")
        ]
    elif re.fullmatch(r"\d{1,3}(?:,\d{3})+", plain):
        readings = [plain.replace(",", "")]
    elif "," in plain:
        readings = [plain.replace(",", ".")]
    elif re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", plain):
        readings = [plain, plain.replace(".", "")]
    else:
        readings = [plain]
    return tuple(dict.fromkeys(value for value in map(_decimal, readings) if value is not None))


def parse_words(text: str) -> Decimal | None:
    """``twenty-four`` -> 24, ``a hundred and five`` -> 105; None when it is no number."""
    words = [word for word in re.split(r"[\s-]+", text.lower()) if word and word not in {"and", "a", "an", "of"}]
    if len(words) == 1 and words[0] in _ALONE:
        return Decimal(_ALONE[words[0]])
    total = current = 0
    for word in words:
        if word in _UNITS:
            current += _UNITS[word]
        elif word in _TENS:
            current += _TENS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
        else:
            return None
    return Decimal(total + current)


def scaled(value: Decimal, suffix: str) -> Decimal:
    """``10`` and ``k`` -> 10000; words such as ``million`` as well."""
    suffix = suffix.lower().strip()
    factor = _SUFFIXES.get(suffix) or _SCALES.get(suffix)
    return value * factor if factor else value


def canonical(value: Decimal) -> str:
    """One spelling a value: no trailing zeros, no exponent. Not by ``normalize``, which rounds to 28 digits: two long account numbers became one."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
