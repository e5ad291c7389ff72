"""Amounts: money, percentages, durations, sizes, ranges, plain numbers in digits and words."""

from __future__ import annotations

import re
from decimal import Decimal

from appliance.line.literals.numbers import NUMBER, WORDS, canonical, parse_digits, parse_words, scaled

_SYMBOLS = {
    "$": "usd", "€": "eur", "£": "gbp", "¥": "jpy", "us$": "usd", "₹": "inr", "₩": "krw", "₺": "try", "zł": "pln", "kč": "czk",
}  # fmt: skip
_SIGN = r"(?:us\$|[$€£¥₹₩₺])"
_ISO_CODES = "usd|eur|gbp|chf|sek|nok|dkk|jpy|cad|aud|nzd|inr|pln|czk|huf|brl|mxn|zar|sgd|hkd|krw|cny|try|ils|thb"
_NAMES = {
    "dollar": "usd", "dollars": "usd", "usd": "usd", "euro": "eur", "euros": "eur", "eur": "eur", "pound": "gbp", "pounds": "gbp", "gbp": "gbp",
    "pound sterling": "gbp", "chf": "chf", "francs": "chf", "sek": "sek", "nok": "nok", "dkk": "dkk",
    "kronor": "sek", "kroner": "nok", "yen": "jpy", "jpy": "jpy", "rupee": "inr", "rupees": "inr", "cents": "cent", "cent": "cent", "pence": "penny",
}  # fmt: skip
_CURRENCY = rf"(?:{_ISO_CODES}|dollars?|euros?|pounds?|francs|kronor|kroner|yen|rupees?|zł|kč|cents?|pence)"
_VALUE = rf"(?:{NUMBER}|{WORDS})"
_TO = r"(?:(?<=\d)\s?-|\s?[–—]|\s(?:to|and)\s)\s?"  # a hyphen after a word belongs to it: twenty-four
_SCALE = r"(?:\s?(?:k|mn|bn|million|billion|thousand)\b)?+"

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_UNIT_NAMES = {
    "s": "second", "sec": "second", "second": "second", "min": "minute", "minute": "minute",
    "h": "hour", "hr": "hour", "hour": "hour", "d": "day", "day": "day",
    "night": "night", "business day": "business day", "working day": "business day", "work day": "business day", "workday": "business day", "weekday": "business day",
    "business hour": "business hour", "working hour": "business hour", "week": "week", "fortnight": "fortnight", "month": "month",
    "quarter": "quarter", "year": "year", "yr": "year", "decade": "decade",
}  # fmt: skip
_TIME_UNIT = (
    r"(?:(?:business|working|work|calendar)[\s-])?(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|workdays?|weekdays?|weeks?|fortnights?|nights?|months?|quarters?|years?|yrs?|decades?)"
    r"|(?<=\d)\s?[hsd]"
)
_SIZE = (
    r"(?:gb|mb|kb|tb|gib|mib|kib|bytes?|gigabytes?|megabytes?|kilobytes?|terabytes?|px|pixels?|dpi|cm|mm|km|m²|metres?|meters?|kg|grams?|litres?|liters?|watts?|volts?"
    r"|mah|mbps|gbps|ghz|mhz|°c|°f|inch(?:es)?|ft|lbs?)"
)

_SIZE_NAMES = {
    "gigabyte": "gb", "megabyte": "mb", "kilobyte": "kb", "terabyte": "tb", "pixel": "px", "liter": "litre", "meter": "metre", "inche": "inch", "lbs": "lb",
}  # fmt: skip

_MONEY_BEFORE = re.compile(
    rf"(?P<currency>{_SIGN}|\b(?:{_ISO_CODES}))\s?(?P<low>{NUMBER}{_SCALE})(?:{_TO}{_SIGN}?(?P<high>{NUMBER}{_SCALE}))?(?!\s?%|[.,]?\d)",
    re.I,
)
_MONEY_AFTER = re.compile(
    rf"(?<![\w.,])(?:(?P<low>{_VALUE})(?:{_TO}))?(?P<high>{_VALUE}{_SCALE})\s?(?P<currency>{_SIGN}(?!\d)|{_CURRENCY}\b)",
    re.I,
)
_PERCENT = re.compile(
    rf"(?<![\w.,])(?:(?P<low>{_VALUE})\s?%?(?:{_TO}))?(?P<high>{_VALUE})\s?(?:%|per\s?cent\b|percent\b|percentage\s+points?\b)",
    re.I,
)
_DURATION = re.compile(
    rf"(?<![\w.,$€£])(?:(?P<low>{_VALUE}|an?)(?:{_TO}))?(?P<high>{_VALUE}|(?<!\w)an?)[\s-]?(?P<unit>{_TIME_UNIT})\b",
    re.I,
)
_MEASURE = re.compile(
    rf"(?<![\w.,$€£])(?:(?P<low>{_VALUE})(?:{_TO}))?(?P<high>{_VALUE})[\s-]?(?P<unit>{_SIZE})(?![\w])", re.I
)
_RECURRING = re.compile(
    r"\b(?P<word>hourly|daily|nightly|weekly|biweekly|fortnightly|monthly|bimonthly|quarterly|yearly|annually|annual|per\s+annum)\b",
    re.I,
)
_PER = re.compile(
    r"(?:\b(?:per|each|every)\s+|/\s?)(?P<unit>second|minute|hour|day|night|week|month|quarter|year|sec|min|hr|mo|yr)\b",
    re.I,
)
_ORDINAL = re.compile(r"\b(?P<n>\d+)(?:st|nd|rd|th)\b", re.I)
_TIMES = re.compile(rf"(?<![\w.,])(?P<n>{_VALUE})\s?(?:times|x)\b", re.I)
_PLAIN_DIGITS = re.compile(
    rf"(?<![\w.,])[#№]?(?P<n>{NUMBER})(?:\s?(?P<scale>k|mn|bn|million|billion|thousand)\b)?(?![\w])", re.I
)
_ONE = re.compile(
    r"(?<!this )(?<!that )(?<!the )(?<!no )(?<!any )(?<!each )(?<!every )(?<!which )(?<!another )(?<!only )(?<!same )(?<!last )(?<!\w)(?P<n>one)\s(?=\s?"
    r"(?!(?:of|or|and|by|at|in|on|to|for|from|with|who|whom|that|which|is|was|has|can|may|must|will|would|you|they|it|thing|another|more|way|else|if|as|when|where|time)\b))[a-z]+",
    re.I,
)
"""``one`` before its noun. Alone it is mostly a pronoun: this one, one of them."""
_PLAIN_WORDS = re.compile(rf"\b(?!one\b(?![\s-](?:hundred|thousand|million|billion)))(?P<n>{WORDS})\b", re.I)


def values(text: str) -> tuple[Decimal, ...]:
    """All readings of a number in digits or words, with its scale."""
    bare = re.fullmatch(r"(?P<n>.*?)(?:\s?(?P<scale>k|mn|bn|million|billion|thousand))?", text.strip(), re.I | re.S)
    if bare and bare["n"] and bare["n"][0].isdigit():
        return tuple(scaled(value, bare["scale"] or "") for value in parse_digits(bare["n"]))
    if text.strip().lower() in {"a", "an"}:
        return (Decimal(1),)
    number = parse_words(text)
    return () if number is None else (number,)


def _amounts(match: re.Match[str], unit: str) -> frozenset[str]:
    """Readings of one amount, or of a range: its ends, and the range itself."""
    high = [canonical(value) for value in values(match["high"] or match["low"])]
    low = [canonical(value) for value in values(match["low"])] if match["high"] and match["low"] else []
    if low:
        return frozenset(f"{a}..{b} {unit}".strip() for a in low for b in high)
    return frozenset(f"{value} {unit}".strip() for value in high)


def _money(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    name = match["currency"].lower()
    readings = _amounts(match, _SYMBOLS.get(name) or _NAMES.get(name, name))
    return ("money", readings) if readings else None


def _percent(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    readings = _amounts(match, "%")
    return ("percent", readings) if readings else None


def _duration(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    name = re.sub(r"[\s-]+", " ", match["unit"].lower().strip()).removeprefix("calendar ")
    unit = _UNIT_NAMES.get(name) or _UNIT_NAMES.get(name.removesuffix("s"))
    if unit is None or (
        match["high"].strip().lower() in {"a", "an"} and match["low"] is None and unit in {"second", "night"}
    ):
        return None
    seconds = _SECONDS.get(unit)
    if seconds is None:
        factor, base = {
            "year": (12, "month"),
            "quarter": (3, "month"),
            "fortnight": (14 * 86_400, "s"),
            "decade": (120, "month"),
        }.get(unit, (1, unit))
        return "duration", _scaled_amounts(match, factor, base)
    return "duration", _scaled_amounts(match, seconds, "s")


def _scaled_amounts(match: re.Match[str], factor: int, unit: str) -> frozenset[str]:
    high = [canonical(value * factor) for value in values(match["high"])]
    low = [canonical(value * factor) for value in values(match["low"])] if match["low"] else []
    return (
        frozenset(f"{a}..{b} {unit}" for a in low for b in high)
        if low
        else frozenset(f"{value} {unit}" for value in high)
    )


def _measure(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    name = match["unit"].lower()
    singular = name.removesuffix("s") if len(name) > 3 else name
    readings = _amounts(match, _SIZE_NAMES.get(singular, singular))
    return ("quantity", readings) if readings else None


def _per(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    unit = match["unit"].lower()
    unit = {"sec": "second", "min": "minute", "hr": "hour", "mo": "month", "yr": "year"}.get(unit, unit)
    return "recurring", frozenset({{"day": "daily", "night": "nightly"}.get(unit, f"{unit}ly")})


def _recurring(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    word = match["word"].lower()
    return "recurring", frozenset({"yearly" if "annu" in word else word})


def _number(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    groups = match.groupdict()
    readings = frozenset(canonical(scaled(value, groups.get("scale") or "")) for value in values(match["n"]))
    return ("number", readings) if readings else None


PATTERNS = (
    (_MONEY_BEFORE, _money),
    (_MONEY_AFTER, _money),
    (_PERCENT, _percent),
    (_DURATION, _duration),
    (_MEASURE, _measure),
    (_RECURRING, _recurring),
    (_PER, _per),
    (_ORDINAL, _number),
    (_TIMES, _number),
)
PLAIN = ((_PLAIN_DIGITS, _number), (_PLAIN_WORDS, _number), (_ONE, _number))
