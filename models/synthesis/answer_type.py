"""What kind of answer a question asks for, and whether a sentence is of that kind.

A cross-encoder knows what a sentence is about, and less whether it answers: "A password needs 12 characters" is about passwords, but nobody who asks
how to reset one is helped by it.
"""

from __future__ import annotations

import re
from typing import Literal

AnswerType = Literal["steps", "duration", "money", "count", "any"]

_ASKED: tuple[tuple[AnswerType, re.Pattern[str]], ...] = (
    (
        "duration",
        re.compile(
            r"\b(?:how (?:long|soon|often|fast|quickly|late)|when (?:will|do|does|is|are|can)|until when|by when|what time)\b",
            re.I,
        ),
    ),
    (
        "money",
        re.compile(
            r"\b(?:how much (?:does|do|is|are|will|would)|what (?:does|do|will|would) \w+(?: \w+){0,4} cost|price|costs?|fee|how expensive)\b",
            re.I,
        ),
    ),
    ("count", re.compile(r"\b(?:how (?:many|much|big|large|far)|(?:maximum|max|limit|largest|biggest|most))\b", re.I)),
    (
        "steps",
        re.compile(
            r"\b(?:how (?:do|can|could|should|would|may) (?:i|we|you|one)|how to|where (?:do|can|could|should) (?:i|we)|what (?:do|should|can) (?:i|we) do)\b",
            re.I,
        ),
    ),
)
_STEP = re.compile(
    r"^\W*(?:(?:then|first|next|now|finally|to \w+(?: \w+){0,8},|(?:in|on|under|at) [^,]{2,60},|if [^,]{2,80},)\s+)?(?:please\s+)?"
    r"(?:open|select|click|go|enter|choose|press|sign|log|type|tap|turn|set|add|remove|use|install|restart|check|ask|send|download|upload|create|delete|export|import|connect|scan|switch|start|visit|find|contact|call"
    r"|return|print|pack|put|move|drag|copy|paste|save|confirm|pick|plug|hold|wait|change|update|reset|enable|disable|invite|fill|write|reply|report|give|keep|clear|close|run|search|scroll|right-click|double-click)\b",
    re.I,
)
_IS: dict[AnswerType, re.Pattern[str]] = {
    "steps": _STEP,
    "duration": re.compile(
        r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|a|an|each|every|same)\W?(?:to \d+ )?"
        r"(?:second|minute|hour|(?:business |working |calendar )?day|week|month|year|night)s?\b"
        r"|\b\d{1,2}[:.]\d{2}\b|\b(?:at once|immediately|never expires?|monday|friday|midnight)\b",
        re.I,
    ),
    "money": re.compile(r"[€$£]\s?\d|\d\s?(?:€|eur|usd|gbp|dollars?|euros?|pounds?)\b|\bfree\b|\bno (?:charge|fee|extra cost)\b|\d\s?%", re.I),
    "count": re.compile(r"\b\d[\d,.]*\b|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|unlimited|no limit)\b", re.I),
}  # fmt: skip


def asked_for(question: str) -> AnswerType:
    """The kind of answer that the (last line of the) question asks for; ``any`` when it does not say."""
    asked = question.strip().splitlines()[-1] if question.strip() else ""
    return next((kind for kind, pattern in _ASKED if pattern.search(asked)), "any")


def answers(kind: AnswerType, sentence: str) -> bool:
    """Whether the sentence is of that kind; every sentence is of kind ``any``."""
    pattern = _IS.get(kind)
    return pattern is None or pattern.search(sentence) is not None
