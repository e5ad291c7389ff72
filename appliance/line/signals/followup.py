"""Follow-ups: a short message that only makes sense with what was said before ("and for monthly plans?")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from appliance.ticket import Message

_OPENERS = re.compile(
    r"^\W*(?:and|but|or|also|so|then|what about|how about|what if|same for|same question|is that|does that|is it|does it|do they|can it|why(?: not)?\??$|how(?: so)?\??$|ok(?:ay)?[,.]? (?:and|but|so)|for (?:the |my |our )?\w+(?: \w+){0,3}\?)\b",
    re.I,
)
_POINTERS = re.compile(
    r"\b(?:it|its|that|this|those|these|they|them|there|the same|one|ones|instead|either|too|as well)\b", re.I
)
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
