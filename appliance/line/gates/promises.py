"""Promises: a claim that something was, is being or will be done for this customer, or was looked up about them.

The company is bound by what its assistant says. Such a sentence may leave only when a row of the action ledger bears it out (a result of a
tool, given as ``results``), or when an article says the very words to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.support import verbatim

_US = "|".join(
    (
        r"i|we|our (?:team|staff|colleagues?|agents?|engineers?|support(?: team)?)|the (?:support )?team",
        r"a colleague|an agent|somebody|someone",
    )
)
_SOON = r"(?:(?:now|just|already|also|gladly|personally|immediately|successfully|certainly|of course|hereby|then|at once)\s+){0,2}"
_ACTS = "|".join(
    (
        r"refund|reimburse|credit|cancel|reset|unlock|upgrad|downgrad|chang|updat|delet|remov|add|activat|deactivat|enabl|disabl",
        r"approv|process|escalat|forward|open|creat|file|log|send|sent|e-?mail|mail|ship|dispatch|replac|exchang|extend|renew|waiv",
        r"grant|giv|gave|appl|transfer|correct|fix|repair|restor|resolv|solv|schedul|book|arrang|contact|call|phone|notif|inform",
        r"check|look|investigat|review|verif|confirm|follow|get back|reach|mak|made|tak|took|handl|issu|pay|paid|start|initiat",
        r"complet|submit|report|rais|plac|ensur|guarante|offer|provid|compensat|reserv|assign|reopen|writ|wrote|transferr|pass",
    )
)
"""Beginnings of what somebody in support does for a customer."""
_WAS_DONE = "|".join(
    (
        r"refunded|reset|cancell?ed|unlocked|upgraded|downgraded|changed|updated|deleted|removed|sent|escalated|forwarded|approved",
        r"processed|credited|activated|deactivated|shipped|dispatched|replaced|extended|renewed|waived|granted|applied|resolved|solved",
        r"fixed|corrected|restored|confirmed|scheduled|booked|issued|paid|received|logged|registered|submitted|transferred|checked",
        r"created|opened|added|notified",
    )
)
_AUXILIARY = r"['’](?:ll|ve|m|re|d)|\s+(?:will|shall|can|could|may|might|would|am|are|is|have|has|had|going to|promise to|(?:would|am|are) (?:be )?(?:happy|glad|able) to)"
_GIFTS = (
    r"(?:refund|replacement|credit|voucher|reset (?:link|e-?mail)|confirmation|ticket|technician|discount|compensation)"
)
_THINGS = r"(?:accounts?|orders?|plans?|subscriptions?|passwords?|parcels?|tickets?|cases?|requests?|fees?|charges?|payments?|invoices?|refunds?|issues?|problems?|replacements?|bookings?|cards?)"
_WHO = rf"(?:{_US}|support|engineering|billing|customer (?:service|care)|(?:the |our )?[\w-]+ (?:team|department)|(?:one|some|all) of our [\w-]+|our (?:specialists?|experts?|technicians?|managers?))"
_STATE = rf"(?:{_WAS_DONE}|reimbursed|reversed|active again|back to normal|guaranteed|on (?:its|the) way)"
_CLAIMS = (
    # I have reset, we will send, I'd be happy to refund, our team is looking into
    rf"\b(?:{_WHO})(?:{_AUXILIARY})\s+{_SOON}(?:be\s+|been\s+|going to\s+|able to\s+|happy to\s+|glad to\s+){{0,2}}{_SOON}(?:{_ACTS})\w*",
    rf"\b(?:i|we)\s+{_SOON}(?:{_WAS_DONE}|reimbursed|looked|noticed|had a look|promise|guarantee|assure|went ahead|took care|made an exception|make an exception)\b",
    rf"\b(?:i|we)\s+(?:hereby |can )?confirm (?:that |your )|\bi\s+{_SOON}(?:waive|refund|cancel|reset|unlock|approve)\b|\bwe owe you\b",
    rf"\b(?:{_WHO})\s+{_SOON}(?:refunded|reimbursed|cancell?ed|reset|unlocked|upgraded|waived|approved|escalated)\s+(?:you|your|it|this|the)\b",
    rf"\b(?:{_WHO})(?:['’](?:ll|s|re|m)|\s+(?:will|is|are|am))\s+{_SOON}(?:be in touch|get (?:this|that|it) (?:sorted|fixed|done)|have (?:this|that|it) (?:sorted|fixed|done)|on it|sort\b"
    rf"|see to it)",
    r"\b(?:leave (?:it|this|that) (?:with|to) (?:me|us)|i['’]?(?:m| am) on it|i['’]ve got you covered|let (?:me|us) (?:check|look|see|refund|handle|fix|cancel|reset|sort|take care)|allow (?:me|us) to"
    r"|(?:while|when|as) i (?:check|look)|having (?:checked|looked)|(?:shall|may|should) (?:i|we) (?:refund|cancel|reset|unlock|change|send|check)|would you like (?:me|us) to)\b",
    # your order has been shipped, is on its way, has shipped, is cancelled now
    rf"\byour\s+(?:[\w'’-]+\s+){{1,4}}(?:(?:has|have|had|will)\s+{_SOON}(?:been|be)|(?:was|were)|(?:is|are)\s+(?:now\s+)?(?:being|now|on))\s+{_SOON}(?:{_WAS_DONE}|its way|the way)\b",
    rf"\byour\s+(?:[\w'’-]+\s+){{0,2}}{_THINGS}\s+(?:for [\w ]{{1,40}}\s)?(?:has\s+{_SOON}(?:shipped|arrived|left)|(?:was|were)\s+{_SOON}{_STATE}|(?:ships|arrives)\s+(?:today|tomorrow"
    rf"|now|soon)|(?:is|are)\s+(?:now\s+)?{_STATE}\s+now\b|(?:is|are)\s+now\s+{_STATE})",
    rf"\byour\s+(?:[\w'’-]+\s+){{0,2}}{_THINGS}\s+(?:for [\w ]{{1,40}}\s)?(?:is|are)\s+(?:cancell?ed|reset|unlocked|upgraded|approved|refunded|waived|resolved|fixed)(?=\s*[.!]?$|\s+and\b)",
    rf"\b(?:a|the|your)\s+(?:full\s+|partial\s+)?{_GIFTS}\s+(?:(?:has been|was|is being|is now)\s+{_SOON}(?:{_WAS_DONE})|is on (?:its|the) way)\b",
    r"\b(?:consider it|it(?:['’]s| is| has been|['’]s been)|all|that(?:['’]s| is))\s+(?:done|sorted|handled|taken care of|fixed|resolved)\b",
    rf"\bconsider\s+(?:it|this|that|your(?:\s+[\w-]+){{1,3}})\s+{_STATE}",
    rf"\b(?:this|it|that|the (?:issue|problem|error|ticket|case|charge|fee|matter))\s+(?:has\s+{_SOON}been|was)\s+{_SOON}(?:escalated|fixed|resolved|solved|refunded|reversed|forwarded"
    rf"|logged)\b(?! (?:by|when|if|in version|with version))",
    rf"\b(?:the|your) (?:{_THINGS}) (?:is|are|will be) (?:waived|reversed|refunded)(?: for you|(?=\s*[.!]?$))|\ban exception (?:was|has been|is) made\b",
    rf"^(?:all set\b|done\b(?=[,.!:])|{_THINGS}\s+{_STATE}(?=\s*[.!]?$)|(?:cancell?ed|refunded|reset|unlocked) as requested)|\byou['’]re all set\b",
    # you will hear from us, you'll receive a full refund, you have been refunded
    r"\byou(?:['’]ll|\s+will|\s+should)\s+(?:now\s+|soon\s+|shortly\s+)?(?:hear (?:back )?from|be (?:contacted|called|notified) by|get a (?:call|refund|reply|replacement))\b",
    rf"\byou(?:['’]ll|\s+will|\s+should)\s+(?:now\s+|soon\s+|shortly\s+)?receive (?:an?|your|the)\s+(?:[\w-]+\s+){{0,2}}(?:{_GIFTS}|call|reply|compensation)\b",
    rf"(?<!after )(?<!once )(?<!when )(?<!if )(?<!until )(?<!before )(?<!since )\byou(?:['’]ve| have| had)?\s+(?:(?:just|already|now)\s+)?(?:been|were|are now)\s+{_SOON}(?:refunded"
    rf"|reimbursed|upgraded|downgraded|unlocked|added|credited|compensated|approved|charged twice)\b(?! (?:if|when|unless))",
    rf"\byou(?:['’]re| are)\s+(?:getting|going to (?:get|receive))\s+(?:an?|your|the)\s+(?:[\w-]+\s+){{0,2}}{_GIFTS}",
    rf"\bexpect\s+(?:an?|your|the)\s+(?:[\w-]+\s+){{0,2}}(?:{_GIFTS}|call|reply)\b|\byou (?:are (?:entitled to|eligible for)"
    rf"|qualify for)\s+(?:an?\s+)?(?:[\w-]+\s+){{0,2}}{_GIFTS}(?![^.]*\b(?:if|when|unless|within|provided)\b)",
    # what nobody has looked up
    r"\b(?:according to|looking at|based on)\s+(?:your|our)\s+(?:account|order|record|profile|history|file|system|data)\w*\b",
    r"\bi (?:can )?see (?:that|in|from) (?:your|you)\b|\bi(?:'ve|’ve| have)? (?:just )?(?:checked|looked)\b",
    r"\byour (?:account|records?|profile|history|file) (?:shows?|says?|indicates?)\b|\bit (?:looks like|seems(?: that)?|appears that) your (?:account|order|payment|card|plan)\b",
    r"\bon behalf of (?:the|our)\b|\b(?:you have )?(?:my|our) word\b(?: on|\.|$)",
    # the same in the languages that replies are most often written in
    r"\b(?:ich|wir) (?:habe|haben|werde|werden) (?:\w+ ){0,6}?(?:storniert|erstattet|entsperrt|zurückgesetzt|gelöscht|geändert|weitergeleitet|geprüft|stornieren|erstatten|entsperren"
    r"|prüfen|weiterleiten)\b",
    r"\bihre? (?:\w+ ){1,3}(?:wurde|wurden|ist worden) (?:\w+ ){0,3}?(?:storniert|genehmigt|erstattet|entsperrt|zurückgesetzt|bestätigt|versandt)\b",
    r"\b(?:nous avons|j['’]ai|nous allons|je vais) (?:\w+ ){0,2}?(?:rembours|annul|débloqu|réinitialis|modifi|transmis|transmettre|vérifi)\w*",
    r"\bvotre (?:\w+ ){1,3}?a été (?:\w+ )?(?:approuvé|remboursé|annulé|débloqué|réinitialisé|confirmé|expédié)",
    r"\b(?:hemos|he|vamos a|voy a) (?:\w+ ){0,2}?(?:reembols|cancel|desbloque|restablec|cambi|revis|enviad|comprobad)\w*",
    r"\bsu (?:\w+ ){1,3}?ha sido (?:\w+ )?(?:aprobad|reembolsad|cancelad|desbloquead|restablecid|confirmad|enviad)[oa]",
)
_CLAIM = re.compile("|".join(_CLAIMS), re.I)


def promised(text: str, sources: Sequence[str], results: Sequence[str] = ()) -> str:
    """The claim of an action in ``text`` that neither a result of an action nor the very words of a source bear out; empty when there is none."""
    claim = _CLAIM.search(text)
    if claim is None or any(verbatim(text, source) for source in (*sources, *results)):
        return ""
    return claim.group()
