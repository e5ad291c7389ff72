"""What a reply adds: quoted text, the other mail's header lines and the signature taken off with the patterns of mail-parser-reply.

The library's patterns find where the old mail and the signature begin, in thirteen languages; cutting is done here, because the library's own
reading takes every line that begins with "Thanks," or a hyphen, and all below it, for a signature. Rather a signature too many than a word lost.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mailparser_reply import EmailMessage

_OLD_MAIL = ("en", "de", "fr", "es", "it", "nl", "cs", "da", "sv", "ja", "ko", "zh", "david")
"""Without Polish: one line "Data: …" or "Do: …" is its header of an old mail, and an ordinary line in others."""
_SIGNATURES = ("en", "de", "fr", "es", "it", "nl", "cs", "ko", "zh")
"""Without Danish and Swedish: "Tak" takes "Takes ages to load", and "/etc" is a name after a slash."""
_WINDOW = 20_000
"""Characters that the patterns look at; they take quadratic time on some texts, and what is new stands first."""
_MOST_SIGNATURE_LINES = 12
_MOST_SIGNATURE_CHARS = 600
_MOST_CLOSING_WORDS = 6
_DELIMITER = re.compile(r"\A\s*(?:>\s?)*(?:[-_]{2,}|[-_]{2} ?)\s*(?:\n|\Z)")
_RULED_OFF = re.compile(r"(?:\n\s*[-_=*]{5,}\s*)+\Z")
"""The line that programs draw above the old mail."""
_QUOTED = re.compile(r"[ \t]*>")


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    old = EmailMessage("", languages=list(_OLD_MAIL), keep_hyphen_lists=True).HEADER_REGEX
    signature = EmailMessage("", languages=list(_SIGNATURES), keep_hyphen_lists=True).SIGNATURE_REGEX
    return old, signature


def new_text(text: str) -> str:
    """``text`` without what was quoted and signed; all of it when nothing would be left.

    An answer below or between lines quoted with ``>`` is kept. A quoted mail without such marks is cut with all below it.
    """
    seen = text.rfind("\n", 0, _WINDOW) if len(text) > _WINDOW else len(text)
    seen = _WINDOW if seen < 0 else seen
    window = "\n".join(line.strip() for line in text[:seen].split("\n"))
    old = _patterns()[0].search(window)
    if not old:
        # longer than any mail whose signature matters, when there is more than was looked at
        return without_quotes(text) if seen < len(text) else _answer(window) or text.strip()
    above, rest = _answer(window[: old.start()]), window[old.end() :]
    below = _below(rest + text[seen:], signed=bool(above)) if _QUOTED.match(rest.lstrip("\n")) else ""
    return "\n\n".join(filter(None, (above, below))) or text.strip()


def _below(rest: str, *, signed: bool) -> str:
    """What was written below or between the quoted lines, up to the next old mail. ``signed``: it may be nothing but a signature."""
    own = _unquoted(rest)
    older = _patterns()[0].search(own[:_WINDOW])
    return _answer("\n\n" + (own[: older.start()] if older else own), bare=signed)


def without_quotes(text: str) -> str:
    """The same without any pattern: only lines that begin with ``>`` go. For texts that keep the patterns busy too long."""
    return _unquoted(text).strip() or text.strip()


def _unquoted(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _QUOTED.match(line))


def _answer(text: str, *, bare: bool = False) -> str:
    """Without signature; ``bare``: also when nothing else is left."""
    own = _unquoted(text)
    signature = _patterns()[1].search(own[-_WINDOW:])
    if signature and _is_signature(signature.group()):
        shorter = own[: max(0, len(own) - _WINDOW) + signature.start()].strip()
        own = shorter if bare else shorter or own
    return _RULED_OFF.sub("", own.strip())


def _is_signature(found: str) -> bool:
    """A short block at the end, behind a line of hyphens or a few closing words; it asks nothing."""
    lines = [line for line in found.strip().split("\n") if line.strip()]
    if not lines:
        return False
    if _DELIMITER.match(found.lstrip("\n")):
        return len(lines) <= _MOST_SIGNATURE_LINES * 3
    short = len(lines) <= _MOST_SIGNATURE_LINES and len(found) <= _MOST_SIGNATURE_CHARS
    return short and "?" not in found and len(lines[0].split()) <= _MOST_CLOSING_WORDS
