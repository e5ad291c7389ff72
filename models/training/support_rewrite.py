"""Rewrites a sentence of an article so that the article still says it: the positives of the support checker's training."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from models.training.support_words import COURTESY, NUMBER_WORDS, OPENERS, PARTICIPLES, SAME, SAME_SPAN, SOFT_STARTS

_CONDITION = re.compile(r"^(?P<c>(?:If|When|Once|After|Before|While|As long as) [^,]{6,90}), (?P<m>.{12,})$", re.S)
_BACK = re.compile(r"^(?P<m>[^,]{12,}?),? (?P<c>(?:if|when|once|unless|as long as|until) .{8,})$")
_ASIDE = re.compile(r"\s*\([^()]{2,60}\)|, for example [^,.;]+|, such as [^,.;]+|, (?:because|so that|since) .+$")
_AND = re.compile(r"^(?P<a>[A-Z][^,]{15,}?), (?:and|but) (?P<b>(?:you|it|the|they|a|an|each|all|we|this|no) .{12,})$")
_YOU_CAN = re.compile(r"^You can (?P<v>[a-z]+) (?P<o>(?:the|a|an|your|all|up to|one|any|each) [^,.;]{3,60})\.$")
_CAN_BE = re.compile(r"^(?P<o>[^,.;]{4,60}) can be (?P<p>[a-z]+)(?P<r> [^.;]*)?\.$")
_IMPERATIVE = re.compile(
    r"^(?:Open|Select|Choose|Click|Enter|Type|Restart|Check|Press|Go|Use|Install|Make|Set|Copy|Sign|Close|Remove|Add|Turn|Try|Update|Follow|Run)\b"
)
_VERBS = {participle: verb for verb, participle in PARTICIPLES.items()}


def lower_first(text: str) -> str:
    """Small first letter, unless the word is a name or code."""
    first = text.split(" ", 1)[0]
    return text if first.isupper() or any(c.isupper() for c in first[1:]) else text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def synonyms(text: str, rng: random.Random) -> str | None:
    found = [(old, new) for group in SAME for old in group for new in group if old != new and has(text, old)]
    if not found:
        return None
    for old, new in rng.sample(found, min(len(found), rng.choice((1, 2, 2, 3)))):
        text = swap_phrase(text, old, new)
    return text


def has(text: str, phrase: str) -> bool:
    return re.search(rf"(?<![\w'-]){re.escape(phrase)}(?![\w'-])", text, re.I) is not None


def swap_phrase(text: str, old: str, new: str) -> str:
    """The first place of ``old``, whole words, with a capital where it had one."""

    def put(match: re.Match[str]) -> str:
        return upper_first(new) if match.group()[:1].isupper() and old[:1].islower() else new

    return re.sub(rf"(?<![\w'-]){re.escape(old)}(?![\w'-])", put, text, count=1, flags=re.I)


def number_form(text: str, rng: random.Random) -> str | None:
    spans = [(old, new) for old, new in SAME_SPAN if has(text, old)]
    if spans and rng.random() < 0.6:
        return swap_phrase(text, *rng.choice(spans))
    figures = list(re.finditer(r"(?<![\w.,€$£-])(\d{1,2})(?= [a-z])", text))
    figures = [match for match in figures if int(match.group()) in NUMBER_WORDS]
    if figures:
        match = rng.choice(figures)
        return text[: match.start()] + NUMBER_WORDS[int(match.group())] + text[match.end() :]
    for value, word in NUMBER_WORDS.items():
        if value > 1 and has(text, word):
            return swap_phrase(text, word, str(value))
    return None


def reorder(text: str, rng: random.Random) -> str | None:
    bare = text.rstrip(".")
    if match := _CONDITION.match(bare):
        return f"{upper_first(match['m'])} {lower_first(match['c'])}."
    if (match := _BACK.match(bare)) and not match["c"].startswith(("unless", "until")):
        return f"{upper_first(match['c'])}, {lower_first(match['m'])}."
    return None


def shorten(text: str, rng: random.Random) -> str | None:
    """Without an aside, a reason or one half of "A, and B". Never without a condition."""
    bare = text.rstrip(".")
    if match := _AND.match(bare):
        return f"{upper_first(rng.choice((match['a'], match['b'])))}."
    if len(found := _ASIDE.sub("", bare)) < len(bare) and len(found) > 12:
        return f"{found}."
    return None


def voice(text: str, rng: random.Random) -> str | None:
    if (match := _YOU_CAN.match(text)) and match["v"] in PARTICIPLES:
        return f"{upper_first(match['o'])} can be {PARTICIPLES[match['v']]}."
    if (match := _CAN_BE.match(text)) and match["p"] in _VERBS:
        return f"You can {_VERBS[match['p']]} {lower_first(match['o'])}{match['r'] or ''}."
    return None


def address(text: str, rng: random.Random) -> str | None:
    """As an agent would begin: an opener before a statement, "You can" before an instruction."""
    if _IMPERATIVE.match(text):
        return rng.choice(SOFT_STARTS) + lower_first(text)
    return rng.choice(OPENERS) + lower_first(text)


def courtesy(text: str, rng: random.Random) -> str | None:
    return rng.choice(COURTESY) + text


REWRITES: tuple[Callable[[str, random.Random], str | None], ...] = (
    synonyms,
    synonyms,
    number_form,
    reorder,
    shorten,
    voice,
    address,
)


def rewritten(text: str, rng: random.Random, steps: int = 2) -> str:
    """``text`` after up to ``steps`` of the rewrites that apply."""
    for rewrite in rng.sample(REWRITES, steps + 1):
        text = rewrite(text, rng) or text
    return text
