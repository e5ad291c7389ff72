"""Follow-ups: a short message that only makes sense with what was said before ("and for monthly plans?")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from appliance.ticket import Message

_OPENERS = re.compile(
    r"^\W*(?:(?:and|but|or|also|so|then|what about|how about|what if|same for|same question|is that|does that|is it(?! possible| allowed| ok)|does it|do they|can it|ok(?:ay)?[,.]? (?:and|but|so))\b"
    r"|(?:why(?: not)?|how(?: so)?)\W*$|for (?:the |my |our )?\w+(?: \w+){0,3}\?)",
    re.I,
)
_POINTERS = re.compile(
    r"\b(?:it(?! possible| allowed)|its|that|this|those|these|they|them|(?<!is )(?<!are )there(?! is| are)|the same|ones|one(?=\W*$)|instead|either|too|as well)\b",
    re.I,
)
"""Words that point back. ``is there a limit`` and ``one person`` point at nothing."""
_LONG = 12
"""Words. A message longer than this says itself what it is about."""
_KEPT = 3
"""Earlier questions that a chain of follow-ups may reach back over."""


def is_follow_up(text: str) -> bool:
    """True when the message leans on an earlier one."""
    words = re.findall(r"\w+", text)
    if len(words) > _LONG:
        return False
    return bool(_OPENERS.search(text)) or (len(words) <= 8 and bool(_POINTERS.search(text))) or len(words) <= 2


def standalone(text: str, history: Sequence[Message]) -> tuple[str, bool]:
    """(question that stands on its own, whether it was a follow-up).

    A follow-up is joined to the question it leans on, the earlier words first: encoder, full-text search and cross-encoder then all see both.
    """
    if not is_follow_up(text):
        return text, False
    leaned_on: list[str] = []
    for message in reversed(history):
        if message.author != "customer":
            continue
        leaned_on.insert(0, message.text.strip())
        if not is_follow_up(message.text) or len(leaned_on) == _KEPT:
            break
    return ("\n".join([*leaned_on, text]), True) if leaned_on else (text, False)
