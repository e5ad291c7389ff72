"""JSON lines: one article a line, ``{"id", "title", "text"}`` and any key of the front matter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from kb.sources.characters import clean
from kb.sources.hidden import Hidden
from kb.sources.markdown_visible import without_hidden
from kb.sources.metadata import JsonArticle, complaint
from kb.sources.outcome import MAX_ARTICLE_BYTES, Outcome, Rejected
from kb.sources.suspicion import notices, suspected

_EXAMPLE = 'Write one object a line, like {"id": "a1", "title": "How to …", "text": "…"}.'


def read_jsonl(path: Path, source: str) -> Iterator[Outcome]:
    """Every line by itself, so that one damaged line costs one article. Blank lines are skipped."""
    with path.open("rb") as file:
        for number, line in _lines(file):
            place = str(path)
            if len(line) > MAX_ARTICLE_BYTES:
                yield Rejected(
                    place, number, f"is longer than {MAX_ARTICLE_BYTES // 1_000_000} MB.", "Split the article."
                )
            elif line.strip():
                yield from _article(place, number, line, source)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, none held beyond the limit: a file without line ends must not fill the memory."""
    number = 0
    while line := file.readline(MAX_ARTICLE_BYTES + 1):
        number += 1
        rest = line
        while len(rest) > MAX_ARTICLE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_ARTICLE_BYTES + 1)
        yield number, line


def _article(place: str, number: int, line: bytes, source: str) -> Iterator[Outcome]:
    try:
        values = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        article = JsonArticle.model_validate(values)
    except UnicodeDecodeError as error:
        yield Rejected(place, number, f"is not UTF-8 (byte {error.start + 1}).", "Save the file as UTF-8.")
    except ValidationError as error:
        yield Rejected(place, number, f"{complaint(error)}.", _EXAMPLE)
    except (ValueError, RecursionError) as error:
        yield Rejected(place, number, f"is not valid JSON ({str(error)[:120]}).", _EXAMPLE)
    else:
        cleaned = clean(article.text)
        text, hidden = without_hidden(cleaned.text)
        found = (*_beside_text(values), *cleaned.hidden, *hidden)
        yield from notices(place, number, found)
        yield suspected(article.article(id=article.id, title=article.title, text=text.strip(), source=source), found)


def _beside_text(values: dict[str, object]) -> Iterator[Hidden]:
    """What is hidden in the other keys that are used."""
    for name in JsonArticle.model_fields:
        value = values.get(name)
        if name != "text" and isinstance(value, str):
            yield from clean(value).hidden
