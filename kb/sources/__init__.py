"""Where articles come from. A new kind of file is one more module and one more line in ``READERS``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kb.article import Article
from kb.errors import ImportFailed
from kb.sources.html import read_html
from kb.sources.jsonl import read_jsonl
from kb.sources.markdown import read_markdown
from kb.sources.outcome import MAX_ARTICLE_BYTES, Notice, Outcome, Reader, Rejected

__all__ = ["READERS", "Notice", "Outcome", "Rejected", "read", "root_label"]

READERS: Mapping[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
}
_COLLECTIONS = frozenset({".jsonl", ".ndjson"})
"""Files that hold many articles: the size limit is a line's, not the file's."""
_COMPANIONS = frozenset(
    {
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".webp",
        ".ico",
        ".css",
        ".js",
        ".mp4",
        ".webm",
        ".woff",
        ".woff2",
        ".ttf",
    }
)
"""Files that belong to articles without being any; found in a folder they are passed over in silence."""


def read(paths: Sequence[Path], *, label: str = "") -> Iterator[Outcome]:
    """Articles of files and folders (recursive, in name order), and what could not be used. Ids are unique.

    ``label`` names the source instead of its path, for a knowledge base that may move, such as the starter one.
    Raises ``ImportFailed`` for a path that does not exist, before anything is read.
    """
    for path in paths:
        if not path.exists():
            raise ImportFailed(f"{path} does not exist.", remedy="Give a folder, or a .md, .html or .jsonl file.")
    seen: dict[str, str] = {}
    for root in paths:
        for path, source in _files(root, root_label(root, label)):
            for outcome in _outcomes(path, source, explicit=path == root):
                checked = _checked(outcome, seen, str(path)) if isinstance(outcome, Article) else outcome
                yield replace(checked, source=source) if isinstance(checked, Rejected) else checked


def root_label(root: Path, label: str = "") -> str:
    """What the ``source`` of every article under ``root`` starts with."""
    return label or root.resolve().as_posix()


def _files(root: Path, label: str) -> Iterator[tuple[Path, str]]:
    if not root.is_dir():
        yield root, label
        return
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if not path.is_dir() and not any(part.startswith(".") for part in inside.parts):
            yield path, f"{label}/{inside.as_posix()}"


def _outcomes(path: Path, source: str, *, explicit: bool) -> Iterator[Outcome]:
    suffix = path.suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        if explicit or suffix not in _COMPANIONS:
            yield Rejected(str(path), 0, "is not a known kind of file.", f"Known: {', '.join(READERS)}.")
        return
    try:
        if not path.is_file():
            yield Rejected(str(path), 0, "is not a regular file.", "Give a file or a folder.")
        elif suffix not in _COLLECTIONS and path.stat().st_size > MAX_ARTICLE_BYTES:
            yield Rejected(str(path), 0, f"is larger than {MAX_ARTICLE_BYTES // 1_000_000} MB.", "Split the article.")
        else:
            yield from reader(path, source)
    except OSError as error:
        yield Rejected(str(path), 0, f"cannot be read ({error.strerror}).", "Check the file and its permissions.")


def _checked(article: Article, seen: dict[str, str], path: str) -> Article | Rejected:
    if not article.title:
        return Rejected(path, 0, f"article '{article.id}' has no title.", "Add `title:` or a first line `# Title`.")
    if not article.text:
        return Rejected(path, 0, f"article '{article.id}' has no text.", "Write the article or leave it out.")
    if article.id in seen:
        return Rejected(
            path,
            0,
            f"article id '{article.id}' is already used by {seen[article.id]}.",
            "Rename one, or give it `id:`.",
        )
    seen[article.id] = path
    return article
