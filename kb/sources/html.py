"""HTML pages: the main content as Markdown, without anything that a browser would not show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector
from pydantic import ValidationError

from kb.sources.characters import clean, clean_line
from kb.sources.html_text import to_markdown
from kb.sources.html_visible import remove_unseen
from kb.sources.metadata import KEYS, Metadata, complaint
from kb.sources.outcome import Outcome, Rejected
from kb.sources.suspicion import notices, suspected

_META_PREFIX = "kb-"
"""``<meta name="kb-audience" content="internal">`` says what front matter says in Markdown."""


def read_html(path: Path, source: str) -> Iterator[Outcome]:
    """One article, or why not."""
    markup = _decoded(path.read_bytes())
    if markup is None:
        yield Rejected(
            str(path), 0, "is neither UTF-8 nor in the encoding that it declares.", "Save the file as UTF-8."
        )
        return
    cleaned = clean(markup)
    soup = BeautifulSoup(cleaned.text, "lxml")
    try:
        metadata = _metadata(soup)
    except ValidationError as error:
        yield Rejected(str(path), 0, f"meta tags: {complaint(error)}.", f"Known: {_META_PREFIX}… with {KEYS}.")
        return
    page_title = _words(soup, "title")
    unseen = remove_unseen(soup)
    title = _words(soup, "h1") or page_title  # the page title often adds the name of the site
    main = soup.find("main") or soup.find(None, {"role": "main"}) or soup.find("article") or soup.body or soup
    text = clean(to_markdown(main))  # once more: character references were not characters before
    found = (*cleaned.hidden, *unseen, *text.hidden)
    yield from notices(str(path), 0, found)
    yield suspected(metadata.article(id=path.stem, title=title, text=text.text.strip(), source=source), found)


def _decoded(data: bytes) -> str | None:
    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    for encoding in ("utf-8-sig", declared):
        try:
            return data.decode(encoding) if encoding else None
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def _metadata(soup: BeautifulSoup) -> Metadata:
    """Values of the ``kb-`` meta tags; the usual description stands in for the summary."""
    values: dict[str, object] = {}
    for tag in soup.find_all("meta"):
        name, content = str(tag.get("name") or "").lower(), str(tag.get("content") or "")
        if name.startswith(_META_PREFIX):
            values[name.removeprefix(_META_PREFIX)] = content
        elif name == "description":
            values.setdefault("summary", content[:10_000])
    if isinstance(values.get("intents"), str):
        values["intents"] = [part.strip() for part in str(values["intents"]).split(",") if part.strip()]
    return Metadata.model_validate(values)


def _words(soup: BeautifulSoup, name: str) -> str:
    tag = soup.find(name)
    return clean_line(tag.get_text(" "))[:1_000] if tag else ""
