"""Form: a sentence of plain words. Markup that a page or a mail program might follow is refused, emphasis is only taken off.

Replies are shown as text, and the only address that can be followed is that of a cited article. So nothing here has to be rendered; what
looks like markup was meant for somebody else.
"""

from __future__ import annotations

import re

_MAX_CHARS = 600
_SAYS = re.compile(r"\w")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.I)
_MARKUP = re.compile(
    r"<[a-z/!][^>]*>|^\s*#{1,6}\s|```|~~~|!\[|\[[^\]\n]{0,200}\][(\[]|^\s*\[[^\]\n]{1,200}\]:|^\s*(?:>|\|.*\|)|\{\s*\"|\{\{|\{%|\$\(|&#?\w{1,8};"
    r"|\b(?:javascript|data|vbscript|file|blob)\s?:(?!\s)",
    re.I | re.M,
)
"""Tags, headings, fences, images, links with words of their own (they can say one address and lead to another), tables, templates, entities, schemes that run."""
_ITSELF = re.compile(
    "|".join(
        (
            r"\b(?:passage|source|document|context)s?\s*\[?\d|\b(?:the|provided|given) passages?\b",
            r"\bas an? (?:ai|language model|assistant)\b|\bI(?: am|'m) an? (?:ai|language model|chat ?bot|robot)\b|\bai injection\b",
            r"\b(?:system|initial) (?:prompt|message)\b|\b(?:my|previous|above|initial|hidden|secret) (?:instructions|guidelines|prompts?)\b",
            r"\b(?:ignore|disregard|forget) (?:all |any |the |your |previous |prior |above ){1,3}(?:instructions|rules|prompts?|guidelines)\b",
            r"<\||\|>|\[/?INST\]|^(?:customer|assistant|system|human|ai)\s?:\s",
        )
    ),
    re.I,
)
"""Talk about the prompt, or a turn of a conversation that nobody had."""
_UNSEEN = re.compile(
    r"[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e0fff\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\uf8ff]"
)
_DISGUISED = re.compile(
    r"[a-z0-9][\u2024\u3002\uff0e\uff61\ufe52](?=[a-z0-9])|[\u2044\u2215\u29f8\uff0f]{2}|:[\u2044\u2215\u29f8\uff0f/]\s?[\u2044\u2215\u29f8\uff0f]|\w[\uff20\ufe6b]\w"
    r"|\bhxxps?\b|\bhttps?\s+:|\bhttps?\s?:\s+/|\bwww\s",
    re.I,
)
"""Dots, slashes and at signs that only look like some: an address that no check of addresses reads."""
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]{1,30}_\d{1,4}\]")
"""What a masked value was replaced by; one that could not be restored says nothing to a customer."""


_FORBIDDEN = (
    ("markup", _MARKUP),
    ("talk about itself", _ITSELF),
    ("a disguised address", _DISGUISED),
    ("a placeholder", _PLACEHOLDER),
)


def malformed(text: str) -> str:
    """Why ``text`` is not a sentence in plain words; empty when it is."""
    if not _SAYS.search(_ADDRESS.sub("", text)):
        return "an address and no words" if _SAYS.search(text) else "empty"
    if len(text) > _MAX_CHARS:
        return f"longer than {_MAX_CHARS} characters"
    if _UNSEEN.search(text):
        return "characters that nobody sees"
    found = ((name, pattern.search(text)) for name, pattern in _FORBIDDEN)
    return next((f"{name}: {match.group()[:40]!r}" for name, match in found if match), "")
