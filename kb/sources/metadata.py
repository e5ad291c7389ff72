"""What an author may say about an article, checked: the same rules for front matter, meta tags and JSON lines."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kb.article import Article, Audience
from kb.sources.characters import clean_line
from models.tags import TAG, primary

MAX_ID_LENGTH = 400


class Metadata(BaseModel):
    """Every key of an article but its text. Unknown keys are refused: a misspelt ``valid_untill`` would publish a stale article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field("", max_length=MAX_ID_LENGTH)
    title: str = Field("", max_length=1_000)
    summary: str = Field("", max_length=10_000)
    url: str = Field("", max_length=2_000)
    intents: tuple[str, ...] = ()
    audience: Audience = "public"
    owner: str = ""
    review_by: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    approved: bool = True
    language: str = ""

    @field_validator("id", "title", "summary", "url", "owner", "language", mode="before")
    @classmethod
    def _one_clean_line(cls, value: object) -> object:
        return "" if value is None else clean_line(value) if isinstance(value, str) else value

    @field_validator("intents", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if value is None:
            return ()
        return (value,) if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        """A link is shown to customers, so ``javascript:`` and friends never get in."""
        if value and not value.startswith(("https://", "http://", "/")):
            raise ValueError("must start with https://, http:// or /")
        return value

    @field_validator("language")
    @classmethod
    def _code(cls, value: str) -> str:
        """Articles are chosen by it, so a word that is no code would hide the article from everybody."""
        if value and not TAG.fullmatch(value):
            raise ValueError("must be a language code such as en or pt-BR")
        return primary(value)

    def article(self, *, id: str, title: str, text: str, source: str) -> Article:
        """The article, with what only its place tells where the author left it out."""
        values = {name: getattr(self, name) for name in Metadata.model_fields}
        values["id"], values["title"] = self.id or id, self.title or title
        return Article(**values, text=text, source=source)


KEYS = ", ".join(Metadata.model_fields)


class JsonArticle(Metadata):
    """One line of a JSONL export. Unknown keys are ignored: real exports carry much of their own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(min_length=1, max_length=MAX_ID_LENGTH)
    text: str

    @field_validator("id", mode="before")
    @classmethod
    def _number_as_id(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def complaint(error: ValidationError) -> str:
    """The first mistake in words that name the key and the value."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "the whole"
    if first["type"] == "extra_forbidden":
        return f"key '{key}' is unknown"
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"key '{key}' {message[:1].lower()}{message[1:]}{_shown(first['input'])}"


def _shown(value: Any) -> str:
    if not isinstance(value, (str, int, float, bool)):
        return ""
    return f" (it is {str(value)[:60]!r})"
