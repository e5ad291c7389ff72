"""Labelled messages from a CSV file: text, intent (or category) and, if there is one, urgency."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelRefused
from models.training.heads import OUT_OF_SCOPE_LABELS
from models.training.texts import read_csv

_EMPTY = frozenset({"", "nan", "none", "null"})


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Three parallel sequences; ``urgencies`` is None when the file has no such column."""

    texts: tuple[str, ...]
    intents: tuple[str, ...]
    urgencies: tuple[str, ...] | None


def read_rows(path: Path, *, known: Collection[str] | None = None) -> LabelledTexts:
    """All rows of ``path``. ``known`` are the intents of the profile.

    Raises ``ModelRefused`` for a missing column, an empty text or label (naming the row) and an intent not ``known``.
    """
    rows = read_csv(path)
    if not rows:
        raise ModelRefused(f"{path} has no rows.", remedy="Give a CSV file with the header text,intent,urgency.")
    label = next((name for name in ("intent", "category") if name in rows[0]), None)
    if "text" not in rows[0] or label is None:
        raise ModelRefused(f"{path} lacks the column text or intent.", remedy="The header is text,intent,urgency.")
    texts = tuple(row["text"].strip() for row in rows)
    intents = tuple(row.get(label, "").strip() for row in rows)
    urgencies = tuple(row.get("urgency", "").strip() for row in rows) if "urgency" in rows[0] else None
    _check(path, texts, "text")
    _check(path, intents, label)
    if urgencies is not None:
        _check(path, urgencies, "urgency")
    if known is not None and (unknown := sorted(set(intents) - set(known) - OUT_OF_SCOPE_LABELS)):
        raise ModelRefused(
            f"{path} names intents that the profile has not: {', '.join(unknown)}.",
            remedy="Correct the labels, or add the intents to the profile.",
        )
    return LabelledTexts(texts, intents, urgencies)


def _check(path: Path, cells: Sequence[str], column: str) -> None:
    for number, cell in enumerate(cells, start=2):  # the header is row 1
        if cell.lower() in _EMPTY:
            raise ModelRefused(f"{path}, row {number}: {column} is empty.", remedy="Fill it in or remove the row.")
