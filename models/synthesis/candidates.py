"""Which sentences of a passage can stand alone as an answer: cut, filtered and, where there are too many, pre-chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.roles import PromptPassage
from models.sentences import sentence_spans

MIN_WORDS = 4
MAX_CHARS = 500
"""A longer "sentence" is a paragraph without punctuation: no short answer."""

MAX_GAP = 12
"""Characters between an introduction and its first item: line breaks and the item's marker."""

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_LINK_ONLY = re.compile(r"\W*!?\[[^\]]*\]\([^)]*\)\W*")
_BOILERPLATE = re.compile(
    r"\W*(see\b|please see\b|for (more|further|additional|detailed) |learn more|read more|find out more|more (info|on)\b|click here"
    r"|note:?\W*$|tip:?\W*$|warning:?\W*$|important:?\W*$|related (articles?|topics?|content)|table of contents|back to top"
    r"|was this|share this|this article (explains|describes|shows|covers|will|is about)|these fine people|in this article"
    r"|(next|previous) (article|page)|copyright|all rights reserved)",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\W*(this|these|that|those|it|its|they|them|he|she|such|here|there|however|also|but|and|or|so|then|otherwise|instead"
    r"|therefore|thus|additionally|furthermore|moreover|likewise|similarly|afterwards?|finally|next|in (this|that|such) case"
    r"|if (so|not)|as a result|for example|for instance|dies|diese[rs]?|das|es|sie|ce|cette|cela|elle|il|esto|esta|este)\b",
    re.IGNORECASE,
)

_POINTER = re.compile(
    r"[,;(–-]\s*(please )?see\b|\bsee (also|below|above|the|our)\b|\b(in |to )?(this|the (next|following|previous)) (article|section)\b"
    r"|\bskip to\b|\bas (described|explained|shown) (in|below|above)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slice of a passage. ``passage`` is its index in the request, ``position`` that of the sentence in it."""

    passage: int
    position: int
    n: int
    title: str
    text: str
    dangling: bool
    """It leans on what an answer may not show: the sentence before it ("However ...") or another place (", see ...")."""


def leans(text: str) -> bool:
    """Whether a sentence leans on the one before it ("However …", "It …", "Then …"): without that one it says something else, or nothing."""
    return _DANGLING.match(text) is not None


def candidates(question: str, passages: Sequence[PromptPassage], limit: int) -> list[Candidate]:
    """At most ``limit`` candidates in document order: those that share words with the question, early passages first."""
    found = list(_unique(candidate for index, passage in enumerate(passages) for candidate in _of(index, passage)))
    if len(found) <= limit:
        return found
    asked = _stems(question)
    by_promise = sorted(found, key=lambda c: (c.passage / 2 - len(asked & _stems(c.text)), c.passage, c.position))
    return sorted(by_promise[:limit], key=lambda c: (c.passage, c.position))


def _of(index: int, passage: PromptPassage) -> Iterator[Candidate]:
    spans = sentence_spans(passage.text)
    for position, (start, end) in enumerate(spans):
        following = spans[position + 1] if position + 1 < len(spans) else (end, end)
        joined = _introduces(passage.text[start:end], gap=following[0] - end)
        text = passage.text[start : following[1] if joined else end]
        if _can_stand(text):
            dangling = bool(_DANGLING.match(text) or _POINTER.search(text))
            yield Candidate(index, position, passage.n, passage.title, text, dangling)


def _introduces(text: str, *, gap: int) -> bool:
    """Whether ``text`` is worth nothing without what follows. Across a wide gap (a heading) nothing is joined."""
    return text.endswith((":", "：")) and gap <= MAX_GAP and len(_WORD.findall(text)) >= MIN_WORDS


def _can_stand(text: str) -> bool:
    words = len(_WORD.findall(text)) + len(_UNSPACED.findall(text)) // 2
    if words < MIN_WORDS or len(text) > MAX_CHARS:
        return False
    if text.rstrip("\"'”’»)]*_`").endswith(("?", "？", ":", "：")):
        return False
    return not _BOILERPLATE.match(text) and not _LINK_ONLY.fullmatch(text)


def _unique(found: Iterator[Candidate]) -> Iterator[Candidate]:
    """Overlapping chunks carry the same sentence twice: the first stays."""
    seen: set[str] = set()
    for candidate in found:
        key = " ".join(candidate.text.casefold().split())
        if key not in seen:
            seen.add(key)
            yield candidate


def _stems(text: str) -> set[str]:
    """Beginnings of the longer words: enough to see likeness without knowing the language."""
    return {word[:5] for word in _WORD.findall(text.casefold()) if len(word) > 3}
