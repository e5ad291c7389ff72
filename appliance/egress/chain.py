"""The chain: each row's hash covers its canonical JSON and the hash of the row before (``docs/egress.md`` says how to check it without us)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from appliance.store.ledger import Link

GENESIS = "0" * 64
"""What the first row continues."""
_OWN = ("sequence", "kind", "settles", "at", "budget_day", "money_micros", "tokens")
"""Columns that stand in the body too."""


def canonical(document: Mapping[str, Any]) -> str:
    """Keys sorted, no white space, ASCII: the same document is always the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def link_hash(previous: str, body: str) -> str:
    """SHA-256, in hexadecimal, of the previous hash, a line feed and the body."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def next_link(
    last: Link | None,
    kind: str,
    facts: Mapping[str, Any],
    *,
    at: datetime,
    settles: int | None = None,
    budget_day: str = "",
    money_micros: int = 0,
    tokens: int = 0,
) -> Link:
    """The row that continues ``last``. ``facts`` are what it says besides its own columns."""
    sequence = last.sequence + 1 if last else 1
    previous = last.hash if last else GENESIS
    own = (sequence, kind, settles, instant(at), budget_day, money_micros, tokens)
    body = canonical({**facts, **dict(zip(_OWN, own, strict=True))})
    return Link(
        sequence, kind, settles, at, budget_day, money_micros, tokens, body, previous, link_hash(previous, body)
    )


def facts(link: Link) -> dict[str, Any]:
    """All that the row says. Raises ``ValueError`` when its body is no JSON object."""
    found = json.loads(link.body)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - to callers it is text that is no row, like text that is no JSON
    return found


def as_written(link: Link) -> bool:
    """Whether the row by itself is what was hashed. Of its place in the chain this says nothing."""
    return link.body.isascii() and link_hash(link.previous, link.body) == link.hash and columns_agree(link)


def columns_agree(link: Link) -> bool:
    """Whether the columns, which queries and budgets go by, say what the hashed body says."""
    try:
        said = facts(link)
    except ValueError:
        return False
    own = (link.sequence, link.kind, link.settles, instant(link.at), link.budget_day, link.money_micros, link.tokens)
    return all(name in said and said[name] == value for name, value in zip(_OWN, own, strict=True))
