"""How much the customer wants to read. Two sentences and a link, unless more is asked for."""

from __future__ import annotations

import re

_MORE = re.compile(
    r"\b(?:in (?:more |full |greater |some )?detail|more details?|detailed (?:\w+ )?(?:explanation|instructions|steps|answer|description)|step[- ]by[- ]step|all (?:of )?the steps|every step"
    r"|full (?:instructions|explanation|guide|list)|explain (?:\w+ ){0,3}(?:more|further|fully|again)|tell me more|more information|at length|walk me through|elaborate"
    r"|ausführlich(?:er)?|schritt für schritt|genauer|plus de détails|en détail|étape par étape|con más detalle|paso a paso|in dettaglio|passo per passo)\b",
    re.I,
)


def wants_more(text: str) -> bool:
    """True when the customer asks for a long answer in so many words."""
    return _MORE.search(text) is not None
