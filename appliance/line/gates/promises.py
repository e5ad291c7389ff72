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
_AUXILIARY = r"['’](?:ll|ve|m|re)|\s+(?:will|shall|can|could|am|are|is|have|has|had|going to|promise to|would be (?:happy|glad) to)"
_GIFTS = r"(?:refund|replacement|credit|voucher|reset (?:link|e-?mail)|confirmation|ticket|technician|discount)"
_CLAIMS = (
    # I have reset, we will send, our team is looking into
    rf"\b(?:{_US})(?:{_AUXILIARY})\s+{_SOON}(?:be\s+|been\s+|going to\s+|able to\s+|happy to\s+){{0,2}}{_SOON}(?:{_ACTS})\w*",
    rf"\b(?:i|we)\s+{_SOON}(?:{_WAS_DONE}|looked|promise|guarantee|assure)\b",
    # your order has been shipped, is on its way
    rf"\byour\s+(?:[\w'’-]+\s+){{1,4}}(?:(?:has|have|had|will)\s+{_SOON}(?:been|be)|(?:was|were)|(?:is|are)\s+(?:now\s+)?(?:being|now|on))\s+{_SOON}(?:{_WAS_DONE}|its way|the way)\b",
    rf"\b(?:a|the|your)\s+(?:full\s+|partial\s+)?{_GIFTS}\s+(?:(?:has been|was|is being|is now)\s+{_SOON}(?:{_WAS_DONE})|is on (?:its|the) way)\b",
    r"\b(?:consider it|it(?:'s| is| has been)|all|that(?:'s| is))\s+(?:done|sorted|taken care of|fixed|resolved)\b",
    # you will hear from us, you'll receive a full refund
    r"\byou(?:['’]ll|\s+will|\s+should)\s+(?:now\s+|soon\s+|shortly\s+)?(?:hear (?:back )?from|be (?:contacted|called|notified) by|get a (?:call|refund|reply|replacement))\b",
    rf"\byou(?:['’]ll|\s+will|\s+should)\s+(?:now\s+|soon\s+|shortly\s+)?receive (?:an?|your|the)\s+(?:[\w-]+\s+){{0,2}}(?:{_GIFTS}|call|reply|compensation)\b",
    # what nobody has looked up
    r"\b(?:according to|looking at|based on)\s+(?:your|our)\s+(?:account|order|record|profile|history|file|system|data)\w*\b",
    r"\bi (?:can )?see (?:that|in|from) (?:your|you)\b|\bi(?:'ve| have)? (?:just )?(?:checked|looked)\b",
    r"\bon behalf of (?:the|our)\b|\byou have my word\b",
)
_CLAIM = re.compile("|".join(_CLAIMS), re.I)


def promised(text: str, sources: Sequence[str], results: Sequence[str] = ()) -> str:
    """The claim of an action in ``text`` that neither a result of an action nor the very words of a source bear out; empty when there is none."""
    claim = _CLAIM.search(text)
    if claim is None or any(verbatim(text, source) for source in (*sources, *results)):
        return ""
    return claim.group()
