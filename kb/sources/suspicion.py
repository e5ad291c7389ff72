"""Holds an article back: what was hidden in its source, and what its visible text says to a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kb.article import Article, Suspicion
from kb.sources.characters import clean
from kb.sources.hidden import Hidden
from kb.sources.instructions import instructions
from kb.sources.outcome import Notice

_LONGEST = 500
"""Characters of one finding that are shown: enough to judge it."""
_MOST = 20
"""Findings of one article that are shown; the rest is counted."""


def suspected(article: Article, hidden: Iterable[Hidden]) -> Article:
    """``article``, held where ``hidden`` or its own words give reason. The summary counts: it is searched, and pages do not show it."""
    found = [(one.why, one.text) for one in hidden if one.holds]
    visible = "\n\n".join((article.title, article.summary, article.text))
    found += [("model_instruction", words) for words in instructions(visible)]
    found = list(dict.fromkeys(found))
    if not found:
        return article
    held = [Suspicion(why, shown(text), _digest(text)) for why, text in found[:_MOST]]
    if rest := found[_MOST:]:
        held.append(Suspicion("more", f"and {len(rest)} more", _digest(repr(rest))))
    return replace(article, held=tuple(held))


def notices(path: str, line: int, hidden: Iterable[Hidden]) -> Iterator[Notice]:
    """What was left out, for the author."""
    for one in hidden:
        yield Notice(path, line, f"hidden text was left out: {shown(one.text)[:200]!r}.")


def shown(text: str) -> str:
    """One line that any terminal can print: nothing invisible, no control sequences, cut to a sane length."""
    line = " ".join(clean(text).text.split())
    safe = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line[:_LONGEST])
    return f"{safe}… ({len(line) - _LONGEST} more characters)" if len(line) > _LONGEST else safe


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
