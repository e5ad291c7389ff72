"""Dates, times of day and weekdays. An ambiguous day/month order keeps both readings."""

from __future__ import annotations

import re

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_NUMBER = (
    {name: number for number, name in enumerate(_MONTHS, 1)}
    | {name[:3]: number for number, name in enumerate(_MONTHS, 1)}
    | {"sept": 9}
)
_MONTH = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|(?-i:Mar|MAR)(?:ch)?|apr(?:il)?|(?-i:May|MAY)|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
"""``march`` and ``may`` in small letters are verbs: up to 5 may join."""
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})"

_ISO = re.compile(r"\b(?P<year>(?:19|20)\d{2})-(?P<month>\d{2})-(?P<day>\d{2})\b")
_SLASHED = re.compile(
    r"\b(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>(?:19|20)?\d{2})\b|\b(?P<a2>\d{1,2})\.(?P<b2>\d{1,2})\.(?P<year2>(?:19|20)\d{2})\b"
)
"""With points only before a year of four digits: 1.2.30 is a version."""
_DAY_MONTH = re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR})?\b", re.I)
_MONTH_DAY = re.compile(rf"\b{_MONTH}\s+{_DAY}\b(?:,?\s+{_YEAR}\b)?", re.I)
_MONTH_YEAR = re.compile(rf"\b{_MONTH}\s+{_YEAR}\b", re.I)
_MONTH_ALONE = re.compile(
    r"\b(?P<month>January|February|(?<=[a-z,] )March|April|(?<=\b(?:in|by|of|to) )May|June|July|August|September|October|November|December)\b"
)
_WEEKDAY = re.compile(
    r"\b(?:(?P<name>monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekend)s?|(?P<short>(?-i:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)))\b",
    re.I,
)
_WEEKDAYS = {name[:3]: name for name in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")}
_CLOCK = re.compile(
    r"\b(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:\s?(?P<half>[ap])\.?m\b\.?)?(?![\d%]|\.\d)|\b(?P<hour2>\d{1,2})\s?(?P<half2>[ap])\.?m\b\.?|\b(?P<word>noon|midnight)\b",
    re.I,
)


def _readings(year: str | None, month: int, day: int | None) -> frozenset[str]:
    exact = f"{year if len(year) == 4 else '20' + year}-" if year else "*-"
    return frozenset({f"{exact}{month:02d}-{day:02d}" if day else f"{exact}{month:02d}"})


def _iso(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    return "date", _readings(match["year"], int(match["month"]), int(match["day"]))


def _slashed(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    first, second = int(match["a"] or match["a2"]), int(match["b"] or match["b2"])
    readings: set[str] = set()
    for day, month in ((first, second), (second, first)):
        if 1 <= month <= 12 and 1 <= day <= 31:
            readings |= _readings(match["year"] or match["year2"], month, day)
    return ("date", frozenset(readings)) if readings else None


def _named(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    groups = match.groupdict()
    day = groups.get("day")
    if day and not 1 <= int(day) <= 31:
        return None
    return "date", _readings(groups.get("year"), _MONTH_NUMBER[match["month"].lower()[:3]], int(day) if day else None)


def _weekday(match: re.Match[str]) -> tuple[str, frozenset[str]]:
    return "weekday", frozenset({match["name"].lower() if match["name"] else _WEEKDAYS[match["short"][:3].lower()]})


def _clock(match: re.Match[str]) -> tuple[str, frozenset[str]] | None:
    if match["word"]:
        return "time", frozenset({"12:00" if match["word"].lower() == "noon" else "00:00"})
    hour, minute = int(match["hour"] or match["hour2"]), int(match["minute"] or 0)
    half = (match["half"] or match["half2"] or "").lower()
    if hour > 23 or minute > 59 or (not half and "." in match.group()):
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return "time", frozenset({f"{hour:02d}:{minute:02d}"})


PATTERNS = (
    (_ISO, _iso),
    (_SLASHED, _slashed),
    (_DAY_MONTH, _named),
    (_MONTH_DAY, _named),
    (_MONTH_YEAR, _named),
    (_MONTH_ALONE, _named),
    (_WEEKDAY, _weekday),
    (_CLOCK, _clock),
)
