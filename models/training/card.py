"""The model card of weights that were trained: what they are, from which data, how good, where their limits are, how to go back.

It holds labels, counts and figures, never a text of the data. The layout is ``model_card.txt``, filled by name; values are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CARD = "MODEL_CARD.md"
NO_FIGURE = "–"
Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """One file of labelled data. ``origin`` says in words where its texts come from."""

    name: str
    sha256: str
    rows: int
    origin: str
    rows_per_label: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of the model that was in use and of this one, on the same rows; None where there is none."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Details:
    """A table of parts (intents, sources, ...) under a heading, with a sentence that says how to read it."""

    heading: str
    note: str
    header: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card says."""

    title: str
    what: str
    purpose: str
    revision: str
    created: str
    encoder_revision: str
    licence: str
    data: Sequence[DataFacts]
    method: str
    figures_on: str
    figures: Sequence[FigureRow]
    rollback: str
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    calibration: Mapping[str, Value] = field(default_factory=dict)
    details: Sequence[Details] = ()
    limits: Sequence[str] = ()
    pictures: Sequence[tuple[str, str]] = ()
    """(file beside the card, what it shows)."""


def write_card(folder: Path, facts: CardFacts) -> Path:
    """``MODEL_CARD.md`` in ``folder``, whole or not at all. Raises ``OSError``."""
    with TemporaryDirectory(dir=folder) as scratch:
        beside = Path(scratch) / CARD
        beside.write_text(render(facts), encoding="utf-8")
        return beside.replace(folder / CARD)


def render(facts: CardFacts) -> str:
    """The card as Markdown."""
    layout = (resources.files("models.training") / "model_card.txt").read_text("utf-8")
    return layout.format(
        title=facts.title,
        what=facts.what,
        purpose=facts.purpose,
        revision=facts.revision,
        created=facts.created,
        encoder_revision=facts.encoder_revision,
        licence=facts.licence,
        data="\n".join(map(_data, facts.data)),
        method=facts.method,
        hyperparameters=_pairs(facts.hyperparameters) or "No hyperparameters were chosen.",
        calibration=_pairs(facts.calibration) or "none",
        figures_on=facts.figures_on,
        figures=table(("figure", "before", "after"), [(row.name, row.before, row.after) for row in facts.figures]),
        details="\n\n".join([*map(_details, facts.details), *(f"![{said}]({file})" for file, said in facts.pictures)]),
        limits="\n".join(f"- {limit}" for limit in facts.limits) or "- None are known.",
        rollback=facts.rollback,
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """A Markdown table; numbers to four places, what is missing as a dash."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def figure_rows(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[FigureRow, ...]:
    """Every plain figure of ``after`` beside that of ``before``; nested ones are left to tables of their own."""
    old = before or {}
    return tuple(
        FigureRow(name, old.get(name), value)
        for name, value in after.items()
        if value is None or isinstance(value, int | float | str)
    )


def _data(one: DataFacts) -> str:
    labels = ", ".join(f"{_cell(label)} {count}" for label, count in one.rows_per_label.items())
    counted = f"\n  Rows a label: {labels}." if labels else ""
    return f"- `{one.name}`, {one.rows} rows, {one.origin}\n  sha256 `{one.sha256}`{counted}"


def _details(one: Details) -> str:
    return f"### {one.heading}\n\n{one.note}\n\n{table(one.header, one.rows)}"


def _pairs(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_cell(value)}" for name, value in values.items())


def _cell(value: Value) -> str:
    """Line ends and bars would break the table."""
    if value is None:
        return NO_FIGURE
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(str(value).split()).replace("|", "\\|")
