"""Urgency and frustration: the words in which the customer shows them, so that a reader can see the evidence."""

from __future__ import annotations

import re

_URGENT = re.compile(
    r"\b(?:urgent(?:ly)?|asap|as soon as possible|immediately|right now|emergency|critical|deadline|by (?:today|tonight|tomorrow|noon|end of (?:the )?day|eod)|due (?:today|tomorrow)"
    r"|(?:can(?:no|['’])?t|cannot|unable to) work|blocked|nobody can|no one can|everyone is"
    r"|all (?:our )?(?:users|customers|staff|employees|colleagues)|whole (?:team|office|company|department)|production(?: is)? down|outage|is down|data loss"
    r"|lost (?:all|my|our)|hacked|stolen|breach(?:ed)?|phish(?:ing|ed)|ransomware|fraud|losing (?:money|customers|sales)|legal|lawyer|waiting (?:for )?(?:\w+ )?(?:days|weeks|hours))\b",
    re.I,
)
_FRUSTRATED = re.compile(
    r"\b(?:ridiculous|unacceptable|terrible|awful|useless|worst|fed up|sick of|angry|furious|disappointed|frustrat\w+|annoy\w+|joke|waste of|how many times"
    r"|still not|again and again|third time|second time|fourth time|already (?:told|said|tried|asked)|never works?|not helpful|does(?: not|n['’]t) help|wtf|damn|crap|bullshit|scam)\b",
    re.I,
)
_SHOUTING = re.compile(r"\b[A-Z]{4,}(?:\W+[A-Z]{2,}){3,}|[!?]{3,}")


def urgency_words(text: str) -> tuple[str, ...]:
    """The phrases of ``text`` that show urgency, in order, each once."""
    return tuple(dict.fromkeys(match.group().lower() for match in _URGENT.finditer(text)))


def frustration(texts: list[str]) -> int:
    """How many messages of the conversation show frustration."""
    return sum(bool(_FRUSTRATED.search(text) or _SHOUTING.search(text)) for text in texts)
