"""What of a message is language: the words, without addresses, codes, logs, quoted lines and what a screen said."""

from __future__ import annotations

import re

READ_CHARS = 4_000
"""Enough to know a language by, and a bound on the work that one message can ask for."""
_NOT_LANGUAGE = re.compile(
    r"(?P<fence>```|~~~).*?(?:(?P=fence)|\Z)"
    r"|`[^`\n]{1,300}`"
    r"|^[ \t]*[>|][^\n]*$"
    r"|(?:https?://|www\.)[^\s、。]+"
    r"|[!-?A-~]{1,64}+@[!-~]{1,255}"
    r"|(?:\b[A-Za-z]:)?[\\/][A-Za-z0-9_.\\/-]{2,}"
    r"|(?<![\w-])[\w-]{1,200}+\.(?:csv|pdf|py|js|html?|xlsx?|docx?|png|jpe?g|exe|zip|txt|log|json|xml|toml|ya?ml)\b",
    re.S | re.M,
)
"""Fenced and inline code, quoted lines, web and mail addresses, paths, file names. Nothing here may be tried again from every letter of a long token: one message would hold up all others."""
_TOKEN = re.compile(r"[!-~]++")
_SIGN = re.compile(r"[\d_@#=<>{}\[\]\\|^~$*+]", re.A)
_CODES = re.compile(
    r"\b[A-Z]{2,20}(?:-[A-Z]{1,20}){0,5}\b"
    r"|\b[A-Za-z]{0,40}[a-z][A-Z][A-Za-z]{0,40}\b"
)
"""Abbreviations and names in camel case. Like tokens with digits or signs they are ASCII only: Japanese and Chinese set no spaces around them."""
_SAID = re.compile(r"[\"“„«»”「]([^\"“”„«»」\n]{2,200})[\"“”«»」]")
"""Words in quotation marks: an error message as the screen showed it, in the screen's language."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_ENOUGH_WORDS = 3


def prose(text: str) -> str:
    """The words of ``text`` on one line; empty when there are none."""
    kept = _NOT_LANGUAGE.sub(" ", text[:READ_CHARS])
    if _shouts(kept):
        kept = kept.lower()  # capitals would be taken for abbreviations
    kept = _CODES.sub(" ", _TOKEN.sub(_without_signs, kept))
    own = _SAID.sub(" ", kept)
    return " ".join((own if len(_WORD.findall(own)) >= _ENOUGH_WORDS else kept).split())


def _without_signs(token: re.Match[str]) -> str:
    return " " if _SIGN.search(token[0]) else token[0]


def _shouts(text: str) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    return len(letters) > 8 and sum(sign.isupper() for sign in letters) > 0.6 * len(letters)
