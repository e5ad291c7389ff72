"""Reads the files that measuring works on. Whatever is wrong is said with file, line and remedy, before any model is asked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import InputInvalid, InputTooLarge, explain

MAX_FILE_BYTES = 256_000_000
MAX_TEXT_CHARS = 100_000
"""Of one question, draft or row: longer is a file in the wrong format, not a text that somebody wrote."""

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]


class _Row(BaseModel):
    """Keys beyond ours are welcome: data sets carry their own."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Question(_Row):
    """A question with the articles that answer it. ``unanswerable``: it is known that none does."""

    id: Annotated[str, Field(min_length=1)] = ""
    title: Text = ""
    question: Text = ""
    gold_ids: list[str] = Field(default_factory=list)
    unanswerable: bool = False
    answerable: bool = True

    @model_validator(mode="after")
    def _asks(self) -> Question:
        if not self.text.strip():
            raise ValueError("question and title are both missing or empty")
        return self

    @property
    def text(self) -> str:
        """What the encoder reads: title and question, as the line reads subject and message."""
        return "\n".join(part.strip() for part in (self.title, self.question) if part.strip())

    @property
    def without_answer(self) -> bool:
        return self.unanswerable or not self.answerable or not self.gold_ids


class GuardPassage(_Row):
    text: Text
    title: Text = ""


class GuardCase(_Row):
    """A draft and the passages it may draw on; ``supported``: a careful reader says that they bear it out."""

    passages: list[Text | GuardPassage]
    draft: Text
    supported: bool
    id: str = ""
    kind: str = ""


class Labelled(_Row):
    """Texts and the category of each, in the order of the file."""

    texts: list[str]
    categories: list[str]


Row = TypeVar("Row", bound=_Row)


def read_questions(path: Path) -> list[Question]:
    """JSON lines ``{"id", "question"[, "title"], "gold_ids": […]}``. Raises ``InputInvalid``."""
    rows = _rows(Question, path, 'Write one object a line, such as {"id": "q1", "question": "…", "gold_ids": ["a1"]}.')
    return [row if row.id else row.model_copy(update={"id": str(number)}) for number, row in enumerate(rows, 1)]


def read_guard_cases(path: Path) -> list[GuardCase]:
    """JSON lines ``{"passages": […], "draft": "…", "supported": true|false}``. Raises ``InputInvalid``."""
    return _rows(
        GuardCase, path, 'Write one object a line, such as {"passages": ["…"], "draft": "…", "supported": true}.'
    )


def read_labelled(path: Path, *, several: bool = True) -> Labelled:
    """CSV with the header ``text,category``. ``several``: at least two categories must occur. Raises ``InputInvalid``."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    header = 'Begin the file with the line "text,category"; quote texts that hold commas or line ends.'
    if missing := {"text", "category"} - set(_header(reader, path)):
        _refuse(f"{path} has no column {' and '.join(sorted(missing))}.", header)
    texts, categories = [], []
    for line, text, category in _csv_rows(reader, path):
        if not text or not category:
            _refuse(
                f"{path}, line {line}: {'text' if not text else 'category'} is empty.",
                "Fill it in, or delete the line.",
            )
        if len(text) > MAX_TEXT_CHARS:
            _refuse(
                f"{path}, line {line}: the text has {len(text):,} characters.",
                "Check the quotes: one is probably never closed.",
            )
        texts.append(text)
        categories.append(category)
    if not texts:
        _refuse(f"{path} holds a header and nothing else.", "Add rows of text and category.")
    if several and len(set(categories)) < 2:
        _refuse(f"{path} knows one category only ({categories[0]!r}).", "Give texts of at least two categories.")
    return Labelled(texts=texts, categories=categories)


def _rows(kind: type[Row], path: Path, example: str) -> list[Row]:
    found = [
        _row(kind, path, number, line, example)
        for number, line in enumerate(read_text(path).split("\n"), 1)
        if line.strip()
    ]
    if not found:
        _refuse(f"{path} is empty.", example)
    return found


def _row(kind: type[Row], path: Path, number: int, line: str, example: str) -> Row:
    place = f"{path}, line {number}"
    try:
        return kind.model_validate(json.loads(line, parse_constant=_no_constant))
    except ValidationError as error:
        raise InputInvalid(f"{place}: {explain(error)}.", remedy=example) from None
    except (ValueError, RecursionError) as error:
        raise InputInvalid(f"{place} is not valid JSON ({str(error)[:120]}).", remedy=example) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")


def read_text(path: Path) -> str:
    """The whole file, without a byte order mark."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputTooLarge(
                f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB.", remedy="Measure on a part of it."
            )
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputInvalid(f"{path} is not UTF-8 text (byte {error.start + 1}).", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise InputInvalid(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the path and its permissions."
        ) from error


def _header(reader: csv.DictReader[str], path: Path) -> list[str]:
    try:
        return list(reader.fieldnames or ())
    except csv.Error as error:
        raise InputInvalid(f"{path}, line 1 is not valid CSV ({error}).", remedy="Check the quotes.") from None


def _csv_rows(reader: csv.DictReader[str], path: Path) -> Iterator[tuple[int, str, str]]:
    """(line, text, category)."""
    try:
        for row in reader:
            yield reader.line_num, (row["text"] or "").strip(), (row["category"] or "").strip()
    except csv.Error as error:
        raise InputInvalid(
            f"{path}, line {reader.line_num} is not valid CSV ({error}).", remedy="Check the quotes near that line."
        ) from None


def _refuse(message: str, remedy: str) -> NoReturn:
    raise InputInvalid(message, remedy=remedy)
