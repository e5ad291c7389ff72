"""The words of a question that can tell one article from another."""

from __future__ import annotations

import re
from collections import Counter

MAX_TERMS = 64
_MAX_READ = 20_000
"""Characters of a question that are looked at: beyond, it is a pasted log, and its first part is as telling as the rest."""
_WORD = re.compile(r"\w[\w'’.\-]*\w|\w")
_STOP_WORDS = """
    a about after again all also am an and any anyone are as at be because been before being but by can cannot could did
    do does doing done dont for from get got had has have having he hello help her here hi him his how i i'd i'll i'm
    i've if in into is isn't it it's its just know like me more my need no not now of off on one only or other our out
    over please so some still such than thank thanks that that's the their them then there these they this those to too
    tried try trying up us use using very want was way we well were what when where which while who why will with would
    you your
"""
_STOP = frozenset(_STOP_WORDS.split())


def content_terms(text: str) -> list[str]:
    """Lower-case words of ``text`` in order of first appearance, without stop words, each once."""
    words = (match.group().lower().replace("’", "'") for match in _WORD.finditer(text[:_MAX_READ]))
    return [word for word in dict.fromkeys(words) if word not in _STOP]


def telling_words(text: str, limit: int = MAX_TERMS) -> str:
    """At most ``limit`` content words for full-text search, in their order.

    A long e-mail keeps its rarest-looking words: those with digits (codes, versions), long ones, repeated ones.
    """
    terms = content_terms(text)
    if len(terms) > limit:
        counts = Counter(match.group().lower() for match in _WORD.finditer(text[:_MAX_READ]))
        ranked = sorted(terms, key=lambda term: -_weight(term, counts[term]))
        kept = set(ranked[:limit])
        terms = [term for term in terms if term in kept]
    return " ".join(term[:80] for term in terms)


def _weight(term: str, count: int) -> float:
    return min(len(term), 12) / 4 + (2.0 if any(map(str.isdigit, term)) else 0.0) + min(count, 4)
