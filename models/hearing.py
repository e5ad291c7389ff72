"""What language a message is in, for a desk that has a language of its own: in doubt it is that one.

A customer who writes in the desk's language and is taken for a foreigner loses the answer, so names, quoted words and short texts must not decide.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources

from models.prose import READ_CHARS, prose
from models.roles import UNKNOWN, Language
from models.sentences import split_sentences

_SHORT_WORDS = 8
_SHORT = 0.5
"""Weight of the confidence in a plain ASCII text of fewer words without a telling one: "log in via Google" looks Dutch."""
_FEW_WORDS = 3
_LETTERS = 4
_TOLD = 0.8
"""Confidence in a text of one or two words of which one of at least ``_LETTERS`` letters is telling."""
_SENTENCE_WORDS = 4
_CLEAR = 0.7
"""A sentence of so many words that is, with this confidence, in the desk's language keeps the whole message in it."""
_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"(?<=[^.!?:\s] )[A-Z\u00c0-\u00de\u0100-\u017f][\w'’-]*")
"""A capital within a sentence: a name, or a German noun; without it both still read as what they are."""

Detect = Callable[[str], Language]


def hear(detect: Detect, text: str, home: str) -> Language:
    """The likeliest language of ``text``, with the confidence lowered where the evidence is thin. ``home`` is the desk's own (ISO 639-1)."""
    found = detect(text)
    if found.code in {"", UNKNOWN}:
        return found
    words = prose(text)
    telling = _telling(words, found.code, home)
    if len(words.split()) < _FEW_WORDS and (named := _telling(words, found.code, home, letters=_LETTERS)):
        return Language(named, max(_TOLD, found.confidence))
    if found.code == home:
        return found
    if _says_home(detect, text, home):
        return Language(home, _CLEAR)
    if not telling and words.isascii() and len(words.split()) < _SHORT_WORDS:
        return replace(found, confidence=found.confidence * _SHORT)
    return found


def _says_home(detect: Detect, text: str, home: str) -> bool:
    """A whole sentence is in it, or all that is left without the names."""
    for sentence in split_sentences(text[:READ_CHARS]):
        if len(prose(sentence).split()) >= _SENTENCE_WORDS:
            found = detect(sentence)
            if found.code == home and found.confidence >= _CLEAR:
                return True
    words = prose(text)
    plain = " ".join(_NAME.sub(" ", words).split())
    return plain != words and len(plain.split()) > 1 and detect(plain).code == home


def _telling(words: str, likely: str, home: str, *, letters: int = 1) -> str:
    """A language that has one of the words, the likely one first; empty when they tell nothing, or are the desk's own."""
    said = {word.lower() for word in _WORD.findall(_NAME.sub(" ", words)) if len(word) >= letters}
    codes = [code for code, known in _telling_words().items() if said & known]
    if home in codes:
        return ""
    return likely if likely in codes else next(iter(codes), "")


@cache
def _telling_words() -> Mapping[str, frozenset[str]]:
    """The shipped file; read once."""
    text = (resources.files("models") / "telling_words.toml").read_text("utf-8")
    return {code: frozenset(str(words).split()) for code, words in tomllib.loads(text).items()}
