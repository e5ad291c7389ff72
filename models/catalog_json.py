"""JSON from a folder that nobody has vouched for: bounded in size and depth, and broken ones are a ``ValueError``."""

from __future__ import annotations

import json
from pathlib import Path

LIMIT = 10_000_000
"""Bytes. The index of a model of a thousand tensors has a tenth of this; more would only fill the memory."""


def parsed(content: bytes) -> object:
    """Raises ``ValueError``, also for nesting that the parser's stack cannot hold."""
    try:
        found: object = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def document(path: Path) -> object:
    """Raises ``ValueError`` for what is no JSON or above ``LIMIT``, and ``OSError``."""
    with path.open("rb") as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise ValueError(f"it has more than {LIMIT} bytes")
    return parsed(content)
