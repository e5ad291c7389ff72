"""The wish for a person, and plain courtesy."""

from __future__ import annotations

import re

_PERSON = r"(?:human(?:\s+being)?|real\s+(?:person|human|agent)|live\s+(?:agent|person|chat|support|operator)|(?:actual|living)\s+(?:person|human)|person|agent|representative|rep|operator|advisor|adviser|manager|supervisor|someone|somebody|colleague|(?:customer|support)\s+(?:service|agent|team|staff|rep)|staff\s+member|team\s+member|engineer|technician)"
_REACH = r"(?:talk|speak|chat|connect(?:ed)?|transfer(?:red)?|put|pass|escalate|forward(?:ed)?|get|reach|contact|need|want|prefer|give|hand|let|have|like)"
_WISH = re.compile(
    rf"\b(?:talk|speak|chat|escalate)(?:ing)?\s+(?:to|with)\s+(?:an?\s+|the\s+|your\s+|another\s+|some\s+)?(?:\w+\s+)?{_PERSON}\b(?!\s+(?:page|tab|field|role|account|id))"
    rf"|\b(?:connect|transfer|put|pass|forward|hand|switch)\w*\s+(?:me|us|this|it|my\s+\w+)?\s*(?:on|over|through)?\s*(?:to|with)\s+(?:an?\s+|the\s+|your\s+)?(?:\w+\s+)?{_PERSON}\b"
    rf"|\b(?:need|want|prefer|give\s+me|get\s+me|i'?d\s+like|would\s+like|let\s+me\s+have|can\s+i\s+(?:get|have)|could\s+i\s+(?:get|have))\s+(?:to\s+\w+\s+)?(?:an?\s+|the\s+|your\s+|some\s+)?(?:human(?:\s+being)?|real\s+(?:person|human|agent)|live\s+\w+|person|agent|representative|operator|manager|supervisor)\b(?!\s+(?:role|account|page|access|licen[cs]e|seat|user|permission))"
    r"|\b(?:human|real\s+person|live\s+agent|agent|representative|operator)\s*(?:please|pls|now|!)|^\W*(?:human|agent|real\s+person|representative|operator|person)\W*$"
    r"|\bis\s+(?:there|anyone|anybody)\s+(?:a\s+)?(?:real\s+)?(?:human|person|there|real)\b|\b(?:don'?t|do\s+not)\s+want\s+(?:to\s+\w+\s+(?:to|with)\s+)?(?:a\s+|this\s+|your\s+)?(?:ro)?bot\b"
    r"|\b(?:stop|no\s+more)\s+(?:the\s+)?bots?\b|\b(?:someone|somebody)\s+(?:to\s+)?(?:call|phone|ring)\s+me\b|\bcall\s+me\s+back\b|\bhand\s+me\s+over\b",
    re.I,
)
_NO_WISH = re.compile(
    rf"\b(?:don'?t|do\s+not|no|never|without)\s+(?:need(?:ing)?|want|have|having)?\s*(?:to\s+)?{_REACH}?(?:ing)?\s*(?:to|with)?\s*(?:an?\s+|any\s+)?{_PERSON}\b|\bhow\s+(?:do|can|does|to)\b[^.?!]*\b(?:customers?|users?|visitors?|clients?|guests?|my\s+\w+s)\b[^.?!]*\b(?:talk|speak|chat)",
    re.I,
)
_THANKS = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|great|perfect|super|cool|nice|awesome|brilliant|lovely|yes|yep|ah|oh|that(?:'s| is)?\s+(?:it|works?|worked|helps?|helped|great|perfect)|it\s+works?(?:\s+now)?|works\s+now|got\s+it|solved|all\s+good|much\s+appreciated|thanks?(?:\s*(?:you|so\s+much|a\s+lot|a\s+million|again|very\s+much|for\s+(?:your|the)\s+help))*|thx|ty|cheers|many\s+thanks|appreciated)[\s,.!:)-]*)+$",
    re.I,
)
_GREETING = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hiya|good\s+(?:morning|afternoon|evening|day)|greetings|howdy|moin|hallo)(?:\s+(?:there|all|team|everyone|support))?[\s,.!:)-]*)+$",
    re.I,
)


def wants_person(text: str) -> bool:
    """True for an explicit wish for a person. Obeyed at once, so a plain mention of people ("a person in my team") must not count."""
    match = _WISH.search(text)
    if not match:
        return False
    refusal = _NO_WISH.search(text)
    return not (refusal and refusal.start() <= match.start() < refusal.end())


def courtesy(text: str) -> str:
    """``thanks`` or ``greeting`` when the message is nothing else, otherwise empty."""
    if len(text) > 120:
        return ""
    if _THANKS.match(text):
        return "thanks"
    return "greeting" if _GREETING.match(text) else ""
