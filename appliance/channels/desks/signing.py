"""Signatures over the raw body, and the times in them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime


def digest(algorithm: str, secret: bytes, *parts: bytes) -> bytes:
    mac = hmac.new(secret, digestmod=getattr(hashlib, algorithm))
    for part in parts:
        mac.update(part)
    return mac.digest()


def same(given: str, expected: str) -> bool:
    """In constant time, for whatever a stranger may send as a header."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def fresh(signed_at: datetime | None, *, now: datetime, max_age_s: float) -> bool:
    """Neither a replay of long ago nor a time that has not come."""
    return signed_at is not None and abs((now - signed_at).total_seconds()) <= max_age_s


def iso_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def unix_time(text: str) -> datetime | None:
    """Of whole seconds, as digits."""
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
