"""Thanks and greetings in other languages than English, and messages of pictures alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

_CHARS = 120
_BETWEEN = re.compile(r"[^\w'’·]+|_+")
_NEUTRAL = frozenset(("ok", "okay"))
_THANKFUL = frozenset("👍🙏❤💚💙🎉👌🤝🥰")
Words = Mapping[str, str]
"""What is said -> ``thanks`` or ``greeting``."""


def foreign_courtesy(text: str, home: str = "") -> tuple[str, str]:
    """(language, ``thanks`` or ``greeting``) of a message that is nothing else; both empty otherwise.

    The first language of the table that has all the words, ``home`` before the others. Pictures have no language: a thumb thanks, any other is met with the question what we can do.
    """
    if not text.strip() or len(text) > _CHARS:
        return "", ""
    if not re.search(r"[\w?]", text):
        return "", "thanks" if _THANKFUL & set(text) else "greeting"
    said = [word for word in _BETWEEN.sub(" ", text.lower().replace("’", "'")).split() if word not in _NEUTRAL]
    tables = _tables()
    for code in sorted(tables, key=lambda one: one != home):
        if kinds := _all_of(tables[code], said):
            return code, "thanks" if "thanks" in kinds else "greeting"
    return "", ""


def courtesy_language(text: str, home: str = "") -> str:
    """The language of a message that is nothing but a courtesy in it; empty otherwise."""
    return foreign_courtesy(text, home)[0]


def _all_of(known: Words, said: list[str]) -> list[str]:
    """The kinds of the phrases that make up the whole message, longest phrases first; none when a word is left."""
    kinds = []
    while said:
        length = next((n for n in range(min(4, len(said)), 0, -1) if " ".join(said[:n]) in known), 0)
        if not length:
            return []
        kinds.append(known[" ".join(said[:length])])
        said = said[length:]
    return kinds


@cache
def _tables() -> Mapping[str, Words]:
    """The shipped file; read once."""
    text = (resources.files("appliance.line.signals") / "courtesies.toml").read_text("utf-8")
    return {
        code: {phrase: kind for kind in ("greeting", "thanks") for phrase in table[kind]}
        for code, table in tomllib.loads(text).items()
    }
