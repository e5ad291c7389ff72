"""Cuts articles into passages for training, in the same form as the knowledge base: title, heading, text.

``models`` must not import ``kb``, so this is a plain heading splitter of its own; the reranker only needs passages of
about the same length and form as those that it will read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PASSAGE_CHARACTERS = 900
_HEADING = re.compile(r"^#{1,6}\s+(.*)$")


@dataclass(frozen=True, slots=True)
class Section:
    """One passage of article number ``article``."""

    article: int
    title: str
    heading: str
    text: str

    def passage(self, *, title: bool = True, heading: bool = True) -> str:
        """The text that is embedded and reranked; parts are left out so that a pseudo-question cannot just be found."""
        return f"{self.title if title else ''}\n{self.heading if heading else ''}\n{self.text}"


def split_articles(articles: Sequence[Mapping[str, Any]]) -> list[Section]:
    """All passages of all articles, in order; an article without text becomes one passage of its title."""
    return [section for number, article in enumerate(articles) for section in _split(number, article)]


def _split(number: int, article: Mapping[str, Any]) -> list[Section]:
    title, heading, lines = str(article["title"]), "", []
    found: list[Section] = []
    for line in [*str(article["text"]).split("\n"), "# "]:
        match = _HEADING.match(line)
        if match is None:
            lines.append(line)
            continue
        found += [Section(number, title, heading, piece) for piece in pieces("\n".join(lines))]
        heading, lines = match.group(1).strip(), []
    return found or [Section(number, title, "", title)]


def pieces(text: str, size: int = PASSAGE_CHARACTERS) -> list[str]:
    """Parts of at most ``size`` characters, cut at a line end, else a sentence end, else a space, else anywhere."""
    parts: list[str] = []
    rest = text.strip()
    while len(rest) > size:
        cuts = (
            rest.rfind("\n", size // 2, size),
            rest.rfind(". ", size // 2, size) + 1,
            rest.rfind(" ", size // 2, size),
        )
        cut = next((at for at in cuts if at > 0), size)
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*parts, rest] if rest else parts
