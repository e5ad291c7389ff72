"""Labelled messages from a CSV file: text, intent (or category) and, if there is one, urgency."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelRefused
from models.roles import URGENCIES
from models.training.heads import OUT_OF_SCOPE_LABELS
from models.training.texts import csv_rows

_EMPTY = frozenset({"", "nan", "none", "null"})
MAX_ROWS = 200_000
MAX_CHARACTERS = 100_000_000
"""Of all texts of a file together: with ``MAX_ROWS`` it bounds what a file can take of memory at a few hundred MB."""
READ_CHARACTERS = 10_000
"""Of a text; the encoder reads fewer."""
_HEADER = "The header is text,intent,urgency (urgency may be left out)."


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Three parallel sequences; ``urgencies`` is None when the file has no such column, and empty where a row says none."""

    texts: tuple[str, ...]
    intents: tuple[str, ...]
    urgencies: tuple[str, ...] | None

    @property
    def every_urgency(self) -> tuple[str, ...] | None:
        """None unless every row says one."""
        return self.urgencies if self.urgencies and all(self.urgencies) else None

    def take(self, places: Sequence[int]) -> LabelledTexts:
        """The rows at these places, in that order."""
        urgencies = tuple(self.urgencies[at] for at in places) if self.urgencies is not None else None
        return LabelledTexts(
            tuple(self.texts[at] for at in places), tuple(self.intents[at] for at in places), urgencies
        )


def read_rows(path: Path, *, known: Collection[str] | None = None) -> LabelledTexts:
    """All rows of ``path``. ``known`` are the intents of the profile.

    Raises ``ModelRefused`` for a missing column, an empty text or label (naming the row), an intent not ``known`` and a file beyond
    the limits; it stops reading where the limit is passed.
    """
    rows = _read(path)
    if not rows:
        raise ModelRefused(f"{path} has no rows.", remedy="Give a CSV file with the header text,intent,urgency.")
    label = next((name for name in ("intent", "category") if name in rows[0]), None)
    if "text" not in rows[0] or label is None:
        found = ", ".join(sorted(rows[0]))[:100]
        raise ModelRefused(f"{path} lacks the column text or intent; its first row is: {found}.", remedy=_HEADER)
    texts = tuple(row["text"].strip() for row in rows)
    intents = tuple(row.get(label, "").strip() for row in rows)
    urgencies = tuple(_level(row.get("urgency", "")) for row in rows) if "urgency" in rows[0] else None
    _check(path, texts, "text", empty=("",))  # somebody may well have written "null"
    _check(path, intents, label, empty=_EMPTY)
    if urgencies is not None:
        _check_known(
            path, urgencies, ("", *URGENCIES), "urgency", remedy=f"Use {', '.join(URGENCIES)}, or leave it empty."
        )
    if known is not None:
        remedy = "Correct the labels, or add the intents to the profile."
        _check_known(path, intents, {*known, *OUT_OF_SCOPE_LABELS}, "intent", remedy=remedy)
    return LabelledTexts(texts, intents, urgencies)


def _read(path: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    characters = 0
    with closing(csv_rows(path)) as given:
        for row in given:
            if "text" in row:
                row["text"] = row["text"].strip()[:READ_CHARACTERS]
            characters += sum(map(len, row.values()))
            if len(rows) == MAX_ROWS or characters > MAX_CHARACTERS:
                raise ModelRefused(
                    f"{path} has more than {MAX_ROWS:,} rows or {MAX_CHARACTERS:,} characters.",
                    remedy="Draw a sample: some hundred rows an intent are plenty, and more than 15,000 are never fitted.",
                )
            rows.append(row)
    return rows


def _check_known(path: Path, cells: Sequence[str], known: Collection[str], column: str, *, remedy: str) -> None:
    """Names the first row that has each unknown value; at most five of them."""
    unknown: dict[str, int] = {}
    for number, cell in enumerate(cells, start=2):
        if cell not in known:
            unknown.setdefault(cell, number)
    if unknown:
        named = ", ".join(f"{cell[:60]} (row {number})" for cell, number in list(unknown.items())[:5])
        raise ModelRefused(f"{path} has {len(unknown)} unknown values of {column}: {named}.", remedy=remedy)


def _level(cell: str) -> str:
    return "" if cell.strip().lower() in _EMPTY else cell.strip()


def _check(path: Path, cells: Sequence[str], column: str, *, empty: Collection[str]) -> None:
    for number, cell in enumerate(cells, start=2):  # the header is row 1
        if cell.lower() in empty:
            raise ModelRefused(f"{path}, row {number}: {column} is empty.", remedy="Fill it in or remove the row.")
