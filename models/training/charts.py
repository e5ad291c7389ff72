"""Two pictures of intent heads, drawn as SVG: how honest their confidence is, and which intents they take for which.

Every number that a colour shows also stands as text or length; title and description say it in words. Texts go through the library's
text nodes, which escape them; attributes are numbers and names of our own. The same figures give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import drawsvg
import numpy as np
import numpy.typing as npt

from models.roles import Features
from models.training.calibration import Array, expected_calibration_error
from models.training.heads_report import Predicts
from models.training.risk import interval

RELIABILITY, CONFUSION = "reliability.svg", "confusion.svg"
BINS = 10
INK, PALE, BLUE, PAPER = "#1a1a1a", "#6b6b6b", "#0b5394", "#ffffff"
FONT = "system-ui, 'DejaVu Sans', Arial, sans-serif"
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose confidence lies between ``low`` and ``high``."""

    low: float
    high: float
    rows: int
    correct: int
    confidence: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.rows


@dataclass(frozen=True, slots=True)
class _Square:
    """Upper left corner and side of one cell, in pixels."""

    x: float
    y: float
    size: float


def write_charts(folder: Path, heads: Predicts, features: Features, intents: Sequence[str]) -> tuple[Path, ...]:
    """``reliability.svg`` and ``confusion.svg`` of the rows that are in scope; nothing without such rows. Raises ``OSError``."""
    inside = [at for at, name in enumerate(intents) if name in set(heads.intents)]
    if not inside:
        return ()
    true = [intents[at] for at in inside]
    probability = heads.predict(features[inside])[0]
    predicted = [heads.intents[at] for at in probability.argmax(axis=1)]
    correct = np.array([one == other for one, other in zip(true, predicted, strict=True)])
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        RELIABILITY: reliability(probability.max(axis=1), correct),
        CONFUSION: confusion(heads.intents, count(heads.intents, true, predicted)),
    }
    for name, text in pictures.items():
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in pictures)


def bins(confidence: Array, correct: npt.NDArray[np.bool_]) -> list[Bin]:
    """Ten equal parts of 0..1, those without rows left out."""
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return [
        Bin(
            at / BINS,
            (at + 1) / BINS,
            int((place == at).sum()),
            int(correct[place == at].sum()),
            float(confidence[place == at].mean()),
        )
        for at in np.unique(place)
    ]


def count(names: Sequence[str], true: Sequence[str], predicted: Sequence[str]) -> Counts:
    """Rows by true (first axis) and predicted intent."""
    at = {name: place for place, name in enumerate(names)}
    found = np.zeros((len(names), len(names)), dtype=np.int64)
    for one, other in zip(true, predicted, strict=True):
        found[at[one], at[other]] += 1
    return found


def reliability(confidence: Array, correct: npt.NDArray[np.bool_]) -> str:
    """The diagram of Niculescu-Mizil and Caruana (2005): accuracy over confidence, with the exact 95 % interval and the rows of each part."""
    error = expected_calibration_error(confidence, correct)
    parts = bins(confidence, correct)
    said = "; ".join(f"sure {one.confidence:.0%}: right {one.accuracy:.0%} of {one.rows}" for one in parts)
    picture = _picture(
        "reliability", 560, 590, "Reliability diagram", f"Calibration error {error:.3f} on {len(correct)} rows. {said}."
    )
    picture.append(_text("Is it right as often as it is sure?", 16, 80, 30, font_weight="bold"))
    picture.append(_text(f"{len(correct)} rows, expected calibration error {error:.3f}", 12, 80, 50, fill=PALE))
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0):
        picture.append(_line(_x(share), _y(0), _x(share), _y(1), "#e3e3e3"))
        picture.append(_line(_x(0), _y(share), _x(1), _y(share), "#e3e3e3"))
        picture.append(_text(f"{share:.0%}", 12, _x(share), _y(0) + 20, text_anchor="middle"))
        picture.append(_text(f"{share:.0%}", 12, _x(0) - 8, _y(share) + 4, text_anchor="end"))
    picture.append(_line(_x(0), _y(0), _x(1), _y(1), PALE, stroke_dasharray="6 5"))
    picture.append(
        _text("as sure as right", 11, _x(0.1), _y(0.13), fill=PALE, transform=f"rotate(-45 {_x(0.1)} {_y(0.13)})")
    )
    for one in parts:
        _mark(picture, one)
    picture.append(_text("confidence of the classifier", 13, _x(0.5), _y(0) + 46, text_anchor="middle"))
    picture.append(
        _text("share that is right", 13, 24, _y(0.5), text_anchor="middle", transform=f"rotate(-90 24 {_y(0.5)})")
    )
    picture.append(
        _text("Bars: exact 95 % interval. Numbers: rows.", 11, _x(0.5), _y(0) + 66, text_anchor="middle", fill=PALE)
    )
    return _written(picture)


def _mark(picture: Any, one: Bin) -> None:
    x, (low, high) = _x(one.confidence), interval(one.correct, one.rows)
    for y in (low, high):
        picture.append(_line(x - 6, _y(y), x + 6, _y(y), BLUE, stroke_width=2))
    picture.append(_line(x, _y(low), x, _y(high), BLUE, stroke_width=2))
    dot = drawsvg.Circle(x, _y(one.accuracy), 6, fill=BLUE, stroke=PAPER, stroke_width=1.5)
    dot.append_title(f"sure {one.confidence:.1%}, right {one.accuracy:.1%} ({one.correct} of {one.rows})")
    picture.append(dot)
    picture.append(
        _text(str(one.rows), 11, x + 9, _y(one.accuracy) - 8, stroke=PAPER, stroke_width=3, paint_order="stroke")
    )


def confusion(names: Sequence[str], found: Counts) -> str:
    """Rows are true intents, columns predicted ones; numbers are counts, the shade is the share of the row, right ones are framed."""
    size = max(18, min(40, 720 // max(len(names), 1)))
    labels = [_short(name) for name in names]
    left, top = 60 + 7.2 * max(len(label) for label in labels), 110
    width, height = left + size * len(names) + 30, top + size * len(names) + 70
    rows, right = int(found.sum()), int(np.trace(found))
    picture = _picture(
        "confusion",
        max(width, 420),
        height,
        "Confusion matrix",
        f"{right} of {rows} rows are right. {_worst(labels, found)}",
    )
    picture.append(_text("What is taken for what", 16, 20, 30, font_weight="bold"))
    picture.append(
        _text(f"{right} of {rows} rows are right. Rows: true intent; columns: predicted.", 12, 20, 50, fill=PALE)
    )
    for at, label in enumerate(labels):
        middle = top + size * at + size / 2
        picture.append(_text(f"{label}  {at + 1}", 12, left - 8, middle + 4, text_anchor="end"))
        picture.append(_text(str(at + 1), 12, left + size * at + size / 2, top - 8, text_anchor="middle"))
        for to, taken in enumerate(labels):
            square = _Square(left + size * to, top + size * at, size)
            _cell(picture, square, f"{label} taken for {taken}", (found[at, to], found[at].sum()), framed=at == to)
    picture.append(_text("Shade: share of the row. Framed: right. Numbers: rows.", 11, 20, height - 24, fill=PALE))
    return _written(picture)


def _cell(picture: Any, square: _Square, said: str, counts: tuple[int, int], *, framed: bool) -> None:
    (rows, of), (x, y, size) = counts, (square.x, square.y, square.size)
    share = rows / of if of else 0.0
    shade = [round(255 + (end - 255) * share) for end in (11, 83, 148)]
    box = drawsvg.Rectangle(x, y, size, size, fill="#" + "".join(f"{one:02x}" for one in shade), stroke="#d0d0d0")
    picture.append(box)
    if framed:
        picture.append(drawsvg.Rectangle(x + 1.5, y + 1.5, size - 3, size - 3, fill="none", stroke=INK, stroke_width=2))
    if rows:
        box.append_title(f"{said}: {rows} of {of}")
        ink = PAPER if share >= 0.775 else "#000000"  # where both reach a contrast of 4.5 (WCAG 2.2, AA)
        picture.append(
            _text(str(rows), min(13, size * 0.5), x + size / 2, y + size / 2 + 4, text_anchor="middle", fill=ink)
        )


def _worst(labels: Sequence[str], found: Counts) -> str:
    """The five commonest mistakes in words."""
    wrong = found - np.diag(np.diag(found))
    order = [divmod(int(at), len(labels)) for at in np.argsort(-wrong, axis=None, kind="stable")[:5]]
    said = "; ".join(
        f"{labels[true]} taken for {labels[taken]}: {wrong[true, taken]}" for true, taken in order if wrong[true, taken]
    )
    return f"Commonest mistakes: {said}." if said else "There is no mistake."


def _x(share: float) -> float:
    return round(80 + 440 * share, 2)


def _y(share: float) -> float:
    return round(510 - 440 * share, 2)


def _line(x: float, y: float, to_x: float, to_y: float, ink: str, **more: Any) -> Any:
    return drawsvg.Line(round(x, 2), round(y, 2), round(to_x, 2), round(to_y, 2), stroke=ink, **more)


def _text(said: str, size: float, x: float, y: float, **more: Any) -> Any:
    return drawsvg.Text(said, round(size, 2), round(x, 2), round(y, 2), **({"fill": INK} | more))


def _short(name: str) -> str:
    """A label that a picture can hold: no control characters (XML has no way to say them), at most 32 characters."""
    plain = "".join(character for character in name if character.isprintable())
    return plain if len(plain) <= 32 else f"{plain[:31]}…"


def _picture(name: str, width: float, height: float, title: str, description: str) -> Any:
    """An empty sheet that a screen reader can tell of. ``name`` keeps ids apart when both pictures stand in one page."""
    picture = drawsvg.Drawing(
        round(width), round(height), role="img", aria_labelledby=f"{name}-title {name}-desc", font_family=FONT
    )
    desc = type("Desc", (drawsvg.Title,), {"TAG_NAME": "desc"})  # the library has no such element
    picture.append(drawsvg.Title(title, id=f"{name}-title"))
    picture.append(desc(description, id=f"{name}-desc"))
    picture.append(drawsvg.Rectangle(0, 0, round(width), round(height), fill=PAPER))
    return picture


def _written(picture: Any) -> str:
    return str(picture.as_svg()) + "\n"
