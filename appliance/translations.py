"""What customers read in a language that is not the profile's, as far as we have the words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

CODE = r"^[a-z]{2,3}$"


class Translation(BaseModel):
    """The words of one language. An empty text leaves the shipped one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = Field(pattern=CODE)
    handed_over: str = ""
    not_in_language: str = ""
    more_in: str = ""
    thanks: str = ""
    greeting: str = ""

    def over(self, shipped: Translation | None) -> Translation:
        """These words, and the shipped ones where there are none."""
        if shipped is None:
            return self
        own = {name: text for name, text in self.model_dump().items() if text}
        return shipped.model_copy(update=own)


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    """The shipped file; read once."""
    text = (resources.files("appliance") / "translations.toml").read_text("utf-8")
    return tomllib.loads(text)


def shipped_translation(code: str) -> Translation | None:
    """The words that come with the appliance, or None."""
    table = _tables().get(code)
    if table is None:
        return None
    return Translation(language=code, **{name: text for name, text in table.items() if name != "name"})


def language_name(code: str) -> str:
    """The English name, for notes and reasons that agents read; the code itself where we have no name."""
    table = _tables().get(code)
    return f"{table['name']} ({code})" if table else f"the language {code!r}"


def translated_languages() -> tuple[str, ...]:
    return tuple(_tables())
