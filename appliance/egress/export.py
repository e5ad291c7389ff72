"""The ledger as a file for somebody else: every row with its hashes, in a form that can be checked without the appliance."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from appliance.errors import InputInvalid
from appliance.store.ledger import Link

COLUMNS = ("sequence", "previous", "hash", "body")
"""``body`` is the exact text that was hashed, and says everything; the rest is the chain."""


def export(links: Iterable[Link], file: Path) -> int:
    """Write ``file`` (.jsonl or .csv) whole or not at all; returns how many rows. Raises ``InputInvalid`` for another suffix."""
    write = _FORMS.get(file.suffix.lower())
    if write is None:
        raise InputInvalid(f"{file} is neither .jsonl nor .csv.", remedy="Name the file so.")
    beside = file.with_name(f".{file.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as lines:
            written = write(links, lines)
            lines.flush()
            os.fsync(lines.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return written


def _jsonl(links: Iterable[Link], lines: TextIO) -> int:
    return sum(1 for link in links if lines.write(json.dumps(_row(link)) + "\n"))


def _csv(links: Iterable[Link], lines: TextIO) -> int:
    rows = csv.DictWriter(lines, COLUMNS)
    rows.writeheader()
    return sum(1 for link in links if rows.writerow(_row(link)))


def _row(link: Link) -> dict[str, object]:
    return {name: getattr(link, name) for name in COLUMNS}


_FORMS: dict[str, Callable[[Iterable[Link], TextIO], int]] = {".jsonl": _jsonl, ".csv": _csv}
