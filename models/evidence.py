"""The few sentences of a passage that speak to a claim."""

from __future__ import annotations

import re
from collections import Counter

from models.lexical import content_stems, words
from models.sentences import split_sentences

MAX_WORDS = 56
"""Of the evidence together; the first sentence may be longer."""
MAX_SENTENCES = 4
MAX_CHARACTERS = 20_000
"""Of a passage; the knowledge base cuts at 900."""
_EMPHASIS = re.compile(r"[*_`]+")


def unmarked(text: str) -> str:
    """Without emphasis, white space collapsed."""
    return " ".join(_EMPHASIS.sub("", text).split())


def evidence(claim: str, passage: str) -> tuple[str, ...]:
    """The sentences and headings of ``passage`` that share the rarest words with ``claim``, in the passage's order."""
    split = split_sentences(passage[:MAX_CHARACTERS], headings=True)
    sentences = [text for one in split if (text := unmarked(one))]
    stems = [content_stems(words(text)) for text in sentences]
    common = Counter(stem for found in stems for stem in found)
    wanted = content_stems(words(claim))
    worth = [sum(1 / common[stem] ** 0.5 for stem in found & wanted) for found in stems]
    kept: list[int] = []
    length = 0
    for at in sorted(range(len(sentences)), key=lambda at: (-worth[at], at))[:MAX_SENTENCES]:
        size = len(sentences[at].split())
        if not kept or (length + size <= MAX_WORDS and worth[at]):
            kept.append(at)
            length += size
    return tuple(sentences[at] for at in sorted(kept))
