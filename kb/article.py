"""The values of the knowledge base, and what it asks of whoever keeps its text.

An article's text lives in SQL (an ``ArticleRepository``); its vectors and full-text index live in LanceDB and can always be made anew from SQL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Literal, Protocol

Audience = Literal["public", "customer", "internal"]
"""public: anyone; customer: somebody we have identified; internal: staff only, never quoted to a customer."""
AUDIENCES: tuple[Audience, ...] = ("public", "customer", "internal")


Why = Literal[
    "tag_characters",
    "variation_selectors",
    "zero_width",
    "bidi_override",
    "comment",
    "hidden_element",
    "model_instruction",
    "more",
]
"""Why an article waits for an author. ``model_instruction``: visible text that speaks to a model; the others: text that readers do not see."""

REASONS: Mapping[Why, str] = {
    "tag_characters": "invisible tag characters spell",
    "variation_selectors": "invisible variation selectors spell",
    "zero_width": "invisible zero-width characters hide",
    "bidi_override": "characters that turn the direction of text show another order than",
    "comment": "a comment says",
    "hidden_element": "an element that readers do not see says",
    "model_instruction": "the text speaks to a model",
    "more": "further findings",
}
"""Each reason in words; what was found follows."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What an author has to look at. ``text`` is readable, on one line, and cut; ``digest`` is the SHA-256 of all of it."""

    why: Why
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Article:
    """One help article as its author wrote it. ``text`` is Markdown; dates bound the days on which it may be used (inclusive)."""

    id: str
    title: str
    text: str
    summary: str = ""
    url: str = ""
    intents: tuple[str, ...] = ()
    audience: Audience = "public"
    owner: str = ""
    review_by: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    approved: bool = True
    language: str = ""
    """ISO 639-1, without a region; empty: the language of the profile."""
    source: str = ""
    """Where it was imported from; an import replaces what the same source brought before."""
    held: tuple[Suspicion, ...] = ()
    """What the import found suspicious; the article waits until an author has approved exactly this content."""
    cleared: bool = False
    """An author has approved exactly this content. Only the repository says so, never the file."""

    @property
    def waiting(self) -> bool:
        """Held, and not approved yet."""
        return bool(self.held) and not self.cleared

    @property
    def usable(self) -> bool:
        """May be searched and quoted: neither its author nor the import withholds it."""
        return self.approved and not self.waiting

    def content_hash(self) -> str:
        """Hash of all that a reader or the ranking could notice, and of what was hidden; the same hash means nothing to do."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("source", "cleared")}
        if not self.held:
            del fields["held"]  # as before there was one: nothing changes for the articles of an older data directory
        return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of an article small enough to be read by the models. ``id`` stays the same while its place in the article does."""

    id: str
    article_id: str
    ordinal: int
    heading: str
    text: str

    def searchable(self, title: str) -> str:
        """The text that encoder and reranker read: a passage alone often lacks the word that names its subject."""
        return "\n".join(part for part in (title, self.heading, self.text) if part)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage found for a question, with the signals of the first stage.

    ``vector``: cosine of question and passage, -1..1. ``bm25``: BM25 score divided by the best candidate's, 0..1.
    ``rrf``: reciprocal-rank fusion of both orders (k = 60). ``score``: what the list is ordered by.
    """

    passage: Passage
    title: str
    url: str
    vector: float
    bm25: float
    rrf: float
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who asks and when: applied before ranking, so that what may not be shown cannot influence what is."""

    audiences: frozenset[Audience]
    today: date
    languages: frozenset[str] = frozenset()
    """Codes of the languages that may answer, ``""`` for articles that name none; empty: any."""

    def allows(self, article: Article) -> bool:
        """Usable, meant for one of these audiences, within its dates, and in one of these languages."""
        begun = article.valid_from is None or article.valid_from <= self.today
        ended = article.valid_until is not None and article.valid_until < self.today
        spoken = not self.languages or article.language in self.languages
        return article.usable and article.audience in self.audiences and begun and not ended and spoken


class ArticleRepository(Protocol):
    """Keeps articles and passages in SQL. Each call is one transaction."""

    def hashes(self) -> dict[str, tuple[str, str]]:
        """Article id -> (content hash, source)."""
        ...

    def stamps(self) -> dict[str, str]:
        """Article id -> ``stamp`` of its row in SQL: what the index must have been made of."""
        ...

    def save(self, batch: Sequence[tuple[Article, Sequence[Passage]]]) -> None:
        """Adds or replaces. What an author approved before stays approved, and only that: ``Article.cleared`` is not read."""
        ...

    def approve(self, article_ids: Iterable[str]) -> None:
        """Marks the present content of these articles as approved by an author."""
        ...

    def held(self) -> list[Article]:
        """Every article that waits for an author, by id."""
        ...

    def remove(self, article_ids: Iterable[str]) -> None: ...

    def get(self, article_id: str) -> Article | None: ...

    def several(self, article_ids: Sequence[str]) -> list[tuple[Article, tuple[Passage, ...]]]:
        """These articles with their passages in reading order; unknown ids are left out."""
        ...

    def every(self) -> Iterator[tuple[Article, tuple[Passage, ...]]]: ...

    def passages(self, passage_ids: Sequence[str]) -> dict[str, tuple[Passage, Article]]: ...


def stamp(content_hash: str, *, released: bool) -> str:
    """What the index remembers of the article that its rows were made of. ``released``: it was held, and an author approved it."""
    return f"{content_hash}+approved" if released else content_hash
