"""The language of an article: as its author says, else as its text shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kb.article import Article
from models.roles import LanguageDetector

_READ_CHARS = 2_000
_FEWEST_LETTERS = 60
"""Of a text that may be told by its words: a short one is held for the profile's language, in which most articles are."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """Tells the language of articles. ``home`` is the profile's; ``sure`` the confidence from which a text's own words count."""

    detector: LanguageDetector
    home: str
    sure: float

    def shown(self, article: Article) -> str:
        """The code that the text itself shows, empty when it does not do so clearly."""
        text = f"{article.title}\n{article.text[:_READ_CHARS]}"
        if sum(sign.isalpha() for sign in text) < _FEWEST_LETTERS:
            return ""
        found = self.detector.detect(text)
        return found.code if found.confidence >= self.sure else ""

    def named(self, article: Article) -> Article:
        """The article with its language, where its author left that out and it is not the profile's."""
        if article.language:
            return article
        code = self.shown(article)
        return article if code in {"", self.home} else replace(article, language=code)
