"""Markdown with YAML front matter: one article a file; the file's stem is its id unless the front matter says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kb.sources.characters import clean
from kb.sources.markdown_visible import without_hidden
from kb.sources.metadata import KEYS, Metadata, complaint
from kb.sources.outcome import Outcome, Rejected
from kb.sources.suspicion import notices, suspected

_FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)
_MAX_FRONT_MATTER = 65_536
_FIRST_HEADING = re.compile(r"\A\s*#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


class _FrontMatter(yaml.SafeLoader):
    """YAML in which an impossible date stays text, so that the check of the keys can name its key and line."""

    def construct_date(self, node: yaml.ScalarNode) -> object:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return self.construct_scalar(node)


_FrontMatter.add_constructor("tag:yaml.org,2002:timestamp", _FrontMatter.construct_date)


class _BrokenError(Exception):
    """Front matter that cannot be used; never leaves this file."""

    def __init__(self, line: int, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.remedy = remedy


def read_markdown(path: Path, source: str) -> Iterator[Outcome]:
    """One article, or why not."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Rejected(str(path), 0, f"is not UTF-8 (byte {error.start + 1}).", "Save the file as UTF-8.")
        return
    cleaned = clean(text)
    try:
        front, body = _split(cleaned.text)
        metadata = _validated(front)
    except _BrokenError as broken:
        yield Rejected(str(path), broken.line, broken.reason, broken.remedy)
        return
    body, hidden = without_hidden(body)
    found = (*cleaned.hidden, *hidden)
    yield from notices(str(path), 0, found)
    heading = _FIRST_HEADING.match(body)
    title = heading.group(1).strip() if heading else ""
    article = metadata.article(id=path.stem, title=title, text=body.strip(), source=source)
    yield suspected(article, found)


def _split(text: str) -> tuple[str, str]:
    """(front matter, body). A file without front matter is all body."""
    opening = _FENCE.match(text)
    if not opening:
        return "", text
    closing = _FENCE.search(text, opening.end())
    if not closing:
        raise _BrokenError(1, "the front matter is not closed.", "Put a line --- after the last key.")
    if closing.start() > _MAX_FRONT_MATTER:
        raise _BrokenError(1, "the front matter is longer than 64 KiB.", "Move the text below the second line ---.")
    return text[opening.end() : closing.start()], text[closing.end() :]


def _validated(front: str) -> Metadata:
    try:
        values: Any = _FrontMatter(front).get_single_data() or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "unreadable"
        raise _BrokenError(
            line, f"the front matter is not valid YAML: {problem}.", "Quote values that hold ': ' or '#'."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _BrokenError(
            1, f"the front matter is not valid YAML: {str(error)[:120]}.", "Write plain `key: value` lines."
        ) from error
    if not isinstance(values, dict):
        raise _BrokenError(
            1, "the front matter is not a list of `key: value` lines.", "Write for example `title: How to …`."
        )
    try:
        return Metadata.model_validate({str(key): value for key, value in values.items()})
    except ValidationError as error:
        key = str(error.errors(include_url=False)[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        raise _BrokenError(
            _line_of(front, key), f"front matter: {complaint(error)}.", f"Known keys: {KEYS}."
        ) from error


def _line_of(front: str, key: str) -> int:
    match = re.search(rf"^{re.escape(key)}[ \t]*:", front, re.MULTILINE)
    return front.count("\n", 0, match.start()) + 1 if match else 1
