"""Readings that imply others: a recurrence and its period, a range and its ends."""

from __future__ import annotations

import re
from collections.abc import Iterable

AS_DURATION = {
    "secondly": "1 s",
    "minutely": "60 s",
    "hourly": "3600 s",
    "daily": "86400 s",
    "weekly": "604800 s",
    "monthly": "1 month",
    "quarterly": "3 month",
    "yearly": "12 month",
}


def with_ends(reading: str) -> Iterable[str]:
    """A range supports itself and each of its ends."""
    yield reading
    if ranged := re.fullmatch(r"([\d.]+?)\.\.([\d.]+)( .*)?", reading):
        unit = ranged[3] or ""
        yield ranged[1] + unit
        yield ranged[2] + unit
