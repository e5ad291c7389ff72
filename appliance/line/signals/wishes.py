"""The wish for a person, and plain courtesy."""

from __future__ import annotations

import re

from appliance.line.signals.courtesies import foreign_courtesy

_HUMAN = r"(?:human(?:\s+being)?|(?:real|actual|living)\s+(?:person|human|agent|being)|live\s+(?:agent|person|operator)|person)"
_ROLE = r"(?:human\s+agent|agent|representative|rep|operator|advisor|adviser|manager|supervisor|someone|somebody|colleague|staff\s+member|team\s+member|engineer|technician)"
_DESK = r"(?:customer|support|live|help)[\s-](?:service|support|agent|team|staff|rep|desk|chat)"
_PERSON = rf"(?:{_HUMAN}|{_ROLE}|{_DESK})"
_A = r"(?:an?\s+|the\s+|your\s+|another\s+|some\s+)?(?:(?!my\b|our\b|their\b|his\b|her\b)\w+\s+)?"
_THINGS = "role|account|page|tab|field|access|licen[cs]e|seat|user|permission|token|key|id|sample|version|report"
_NOT_A_THING = rf"(?!['’]s\b|\s+(?:{_THINGS}|removed|added|to\s+(?:my|our|the)\b|from\s+(?:my|our|the)\s+(?!support)))"
"""After these the person is a thing of the product (an agent seat), or somebody to be added to it."""
_REACHES = r"(?:look|read|help|check|see|review|get\s+back|contact|call|phone|ring|write|answer|reply|respond|take\s+over|handle|assist|deal)"
_HELPS_ME = r"(?:help|assist|contact|call|phone|ring|write\s+to|answer|reply\s+to|get\s+back\s+to)\s+(?:me|us)"

_WISHES = (
    rf"(?:talk|speak|chat)(?:ing)?\s+(?:to|with)\s+{_A}{_PERSON}\b{_NOT_A_THING}",
    rf"escalate\s+(?:(?:this|it|me|us|my\s+\w+)\s+)?to\s+{_A}{_PERSON}\b",
    rf"(?:connect|transfer|put|pass|forward|hand|switch)\w*\s+(?:me|us|this|it|my\s+\w+)?\s*(?:on|over|through)?\s*(?:to|with)\s+{_A}{_PERSON}\b{_NOT_A_THING}",
    rf"(?:need|want|prefer|demand|(?:give|get)\s+(?:me|us)|i'?d\s+like|would\s+like|let\s+me\s+have|(?:can|could|may)\s+i\s+(?:please\s+)?(?:get|have))\s+(?:to\s+(?:see|have|get|reach|contact|hear\s+from)\s+)?(?:an?\s+|the\s+|your\s+|some\s+)?(?:{_HUMAN}|human\s+agent|agent|representative|operator|manager|supervisor|live\s+(?:chat|support))\b{_NOT_A_THING}",
    r"(?:human|person|live\s+agent|agent|representative|operator|support\s+staff)\s*(?:please|pls|now|!)",
    rf"(?:rather|prefer\s+to|want\s+to|like\s+to)\s+deal\s+with\s+{_A}{_PERSON}\b",
    r"(?:refuse|don['’]?t\s+want|do\s+not\s+want|hate|not\s+going|tired\s+of\s+having)\s+to\s+(?:\w+\s+){1,3}with\s+(?:an?|the|this|your)\s+(?:machine|computer|robot|bot|ai)\b",
    r"not\s+(?:the|an?|your)\s+(?:ai|(?:ro|chat)?bot|machine|automated\s+\w+)\b(?=\W|$)(?!\s+(?:token|integration|account|user))",
    r"get\s+(?:me|us)\s+(?:\w+\s+)?support\s+staff",
    r"mit\s+(?:einem|einer|'nem)\s+(?:echten\s+)?(?:menschen|mitarbeiter(?:in)?|person)\s+(?:sprechen|reden|verbinden)",
    r"parler\s+(?:à|avec|a)\s+(?:un\s+humain|un\s+agent|un\s+conseiller|une\s+personne|quelqu['’]un)",
    r"hablar\s+con\s+(?:una\s+persona|un\s+humano|un\s+agente|alguien)",
    r"met\s+een\s+(?:echt\s+)?(?:mens|medewerker|persoon)\s+(?:praten|spreken)",
    rf"(?:can|could|will|would|have|want|need|get|let)\s+(?:an?\s+|your\s+)?(?:human(?:\s+being)?|real\s+person|real\s+human|actual\s+person)\s+(?:please\s+)?(?:to\s+)?{_REACHES}\b",
    rf"(?:can|could|will|would|have|want|need|get|let)\s+(?:an?\s+|your\s+)?{_PERSON}\s+(?:from\s+\w+(?:\s+\w+)?\s+)?(?:please\s+)?(?:to\s+)?(?:contact|call|phone|ring|get\s+back\s+to|reply\s+to)\s+(?:me|us)\b",
    rf"(?:need|want|like|get|have)\s+(?:someone|somebody|an?\s+\w+)\s+from\s+(?:your|the\s+support|support|customer)\s?\w*\s+(?:team\s+)?to\s+{_HELPS_ME}\b",
    r"(?:someone|somebody)\s+(?:to\s+)?(?:please\s+)?(?:call|phone|ring)\s+me|call\s+me\s+back|hand\s+me\s+over",
    r"is\s+(?:there|anyone|anybody)\s+(?:a\s+)?(?:real\s+)?(?:human|person|there|real)",
    r"(?:don['’]?t|do\s+not)\s+want\s+(?:to\s+\w+\s+(?:to|with)\s+)?(?:a\s+|this\s+|your\s+)?(?:ro)?bot\b(?!\s+(?:to|in|on))",
    r"not\s+an?\s+(?:ro)?(?:bot|machine)\W{1,3}(?:please\W{1,3})?(?:but\s+)?an?\s+(?:real\s+)?(?:person|human)",
    r"(?:stop|no\s+more)\s+(?:the\s+|this\s+)?(?:ro)?bots?\b(?!\s+(?:from|in|on|posting))",
    rf"(?:ticket|case|appointment|call|conversation)\s+with\s+an?\s+(?:{_HUMAN}|human\s+agent)",
    r"who\s+(?:can|could|do|should)\s+(?:i|we)\s+(?:talk|speak)\s+(?:to|with)",
    rf"ask(?:ed|ing)?\s+(?:you\s+)?for\s+an?\s+(?:{_HUMAN}|human\s+agent|agent|representative|operator|manager|supervisor)\b{_NOT_A_THING}",
)
_WISH = re.compile(
    rf"\b(?:{'|'.join(_WISHES)})\b|^\W*(?:human|agent|real\s+person|representative|operator|person)\W*$", re.I
)
_REFUSED = re.compile(
    rf"\b(?:don['’]?t|do\s+not|no|never|without)\s+(?:need(?:ing)?\s+|want\s+|have\s+|having\s+)?(?:to\s+)?(?:\w+ing\s+|\w+\s+)?(?:to\s+|with\s+)?(?:an?\s+|any\s+)?{_PERSON}\b"
    r"|\bdo\s+(?:i|we)\s+(?:have|need)\s+to\s+(?:talk|speak|chat)\s+(?:to|with)\b",
    re.I,
)
_FOR_OTHERS = re.compile(
    r"\b(?:how|where|when|can|could|should|do|does|let|allow)\b[^.?!]{0,120}\b(?:customers?|users?|visitors?|clients?|guests?|my\s+\w+s)\b[^.?!]{0,120}\b(?:talk|speak|chat)",
    re.I,
)
"""The product's own chat and agents, which belong to the customer's customers."""
_THANKS = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|great|perfect|super|cool|nice|awesome|brilliant|lovely|yes|yep|ah|oh|that(?:'s|\s+is)?\s+(?:it|works?|worked|helps?|helped|great|perfect)|it\s+works?(?:\s+now)?|works\s+now|got\s+it|solved"
    r"|all\s+good|much\s+appreciated|thanks?(?:\s*(?:you|so\s+much|a\s+lot|a\s+million|again|very\s+much|for\s+(?:your|the)\s+help))*|thx|ty|cheers|many\s+thanks|appreciated)[\s,.!:)-]*)+$",
    re.I,
)
_GREETING = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hiya|good\s+(?:morning|afternoon|evening|day)|greetings|howdy|moin|hallo)(?:\s+(?:there|all|team|everyone|support))?[\s,.!:)-]*)+$",
    re.I,
)
_NAMED = re.compile(
    r"\b(?:human|person|somebody|someone|agent|representative|operator|machine|(?:ro|chat)?bot|mensch(?:en)?|mitarbeiter(?:in)?|humain|conseiller|persona|humano|agente|medewerker)s?\b",
    re.I,
)
_COURTESY_CHARS = 120


def wants_person(text: str) -> bool:
    """True for an explicit wish for a person. Obeyed at once, so a plain mention of people ("a person in my team") must not count."""
    if _FOR_OTHERS.search(text):
        return False
    refused = [refusal.span() for refusal in _REFUSED.finditer(text)]
    return any(not any(start <= wish.start() < end for start, end in refused) for wish in _WISH.finditer(text))


def names_person(text: str) -> bool:
    """True when the message speaks of people or bots at all. Too weak to be obeyed, strong enough not to be declined."""
    return _NAMED.search(text) is not None


def courtesy(text: str) -> str:
    """``thanks`` or ``greeting`` when the message is nothing else, otherwise empty."""
    if len(text) > _COURTESY_CHARS:
        return ""
    if _THANKS.match(text):
        return "thanks"
    return "greeting" if _GREETING.match(text) else foreign_courtesy(text)[1]
