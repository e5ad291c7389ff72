"""What comes out of reading a source besides articles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kb.article import Article

MAX_ARTICLE_BYTES = 10_000_000
"""No help article is larger; a larger file is a database dump or an attack, and would hold the import for hours."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One article that could not be used, why, and what to do. ``line`` counts from 1; 0 means the whole file."""

    path: str
    line: int
    reason: str
    remedy: str
    source: str = ""
    """Label of the source, as in ``Article.source``: what it brought before stays, since this part of it is unknown."""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.reason} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the author should look at in an article that was used, such as hidden text that was left out."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


Outcome = Article | Rejected | Notice
Reader = Callable[[Path, str], Iterator[Outcome]]
"""Reads one file: (path, source label) -> outcomes. May raise OSError for the file and nothing else.
A notice comes before the article that it is about."""
