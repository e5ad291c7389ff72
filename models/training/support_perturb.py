"""Perturbs a sentence of an article so that the article no longer says it: the negatives of the support checker's training."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from models.training.support_rewrite import has, lower_first, swap_phrase, upper_first
from models.training.support_words import INVENTED, OPPOSITE, ROLES

_DENIED = (
    ("cannot", "can"), ("can't", "can"), ("do not", ""), ("does not", "also does"), ("is not", "is"), ("are not", "are"), ("will not", "will"),
    ("must not", "may"), ("should not", "should"), ("no longer", "still"), ("never", "always"), ("without", "with"), ("not", ""), ("no", "a"),
    ("nobody", "everybody"), ("don't", ""), ("isn't", "is"), ("won't", "will"),
)  # fmt: skip
_MODAL = re.compile(r"\b(can|is|are|will|must|should|was|were|has|have|may)\b(?! not\b|n't|not\b)")
_IMPERATIVE = re.compile(
    r"^(?:Open|Select|Choose|Click|Enter|Type|Restart|Check|Press|Go|Use|Install|Set|Copy|Sign|Close|Remove|Add|Turn|Try|Update|Run|Keep|Call)\b"
)
_NUMBER = re.compile(r"(?<![\w.,:/#-])(?P<n>\d{1,5})(?P<rest>[.,]\d+)?(?![\w:/]|[.,]\d)")
_CODE = re.compile(r"\b[A-Z]{1,4}-?\d[\w-]*\b|\*\*[^*]{3,40}\*\*")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w-]+(?: [A-Z][\w-]+)?")
_CONDITIONS = (
    re.compile(r"^(?:If|When|Once|Unless|As long as|After|While) [^,]{6,100}, (?P<m>.{12,})$"),
    re.compile(
        r"^(?P<m>.{12,}?),? (?:if|when|unless|once|as long as|provided that|until|except|after|before|within|only if) .{6,}$"
    ),
    re.compile(
        r"^(?P<m>.{10,}?) (?:only )?(?:on|for|in|with|from) the [A-Z][^,.]{2,40} (?:plans?|version|shop|edition)s?(?: only)?$"
    ),
)
_ONLY = re.compile(r"\b[Oo]nly (?=\w)| only\b")
_PREDICATE = re.compile(
    r"^(?P<s>[A-Z][^,;:]{2,60}?) (?P<p>(?:can|cannot|is|are|will|must|needs?|costs?|lasts?|expires?|means?|has|have|gets?|works?|takes?|starts?|ends?|"
    r"does not|do not|may|should|shows?|lets?|allows?|includes?|requires?|receives?|contains?|applies|appears?|comes?|stays?)\b .{6,})$"
)

_NOUN = re.compile(
    r"\b(?:the|a|an|your|this|each|every|all|no|any|by|of|in|with|to) (?P<n>[a-z][a-z-]{3,})"
    r"(?= (?:is|are|was|can|cannot|must|will|has|have|and|or|in|on|to|for|from|with|of|by|at|you|it|that|which|does|do)\b|[.,;:)]|$)"
)
_SCOPES = [
    (re.compile(r"\b[Ss]ome\b"), "all"),
    (re.compile(r"\b(?:usually|often|sometimes|normally|mostly)\b"), "always"),
    (
        re.compile(r"\b(?:[Oo]nly (?:the |an? )?)(?P<who>[A-Z]\w+|owner|administrator|admin)s?\b"),
        "everyone, not just the \\g<who>,",
    ),
    (
        re.compile(
            r"\b(?:[Aa]n?|[Tt]he) (?P<who>(?:Owner|Admin|Billing admin|Manager|administrator|owner|manager))\b(?! of)"
        ),
        "anyone",
    ),
    (re.compile(r"\b(?:[Mm]ost|[Mm]any|[Ss]everal|[Cc]ertain) (?P<what>\w+s)\b"), "all \\g<what>"),
    (
        re.compile(
            r"\b(?:on|for|in|with) the (?P<what>[A-Z]\w+)(?P<more>(?:,| and| or) (?:[A-Z]\w+,? )*(?:and |or )?[A-Z]?\w*)? (?P<kind>plan|version|edition|shop|region)s?\b"
        ),
        "on all \\g<kind>s",
    ),
]
_MODALS = (
    ("can", ("must", "have to")), ("may", ("must", "will always")), ("must", ("may", "can")), ("should", ("must", "need not")),
    ("have to", ("can", "do not have to")), ("has to", ("can", "may")), ("need to", ("can", "do not need to")), ("might", ("will", "will always")),
    ("could", ("will", "must")), ("is recommended", ("is required",)), ("is required", ("is recommended",)), ("optional", ("mandatory",)),
    ("mandatory", ("optional",)), ("is planned", ("is available",)), ("we recommend", ("we require",)), ("try to", ("always",)),
)  # fmt: skip
_WHEN = re.compile(
    r"^(?P<c>(?:If|When|Once|After|Before|While|As long as|On the|In the|With the|For an?|For the) [^,]{4,90}), (?P<m>.{12,})$"
)
_THEN = re.compile(r"^(?P<a>[A-Z][^,;]{8,80})(?P<t>,? (?:and then|then|before|before you) )(?P<b>[^,;]{8,80})$")


class Around(NamedTuple):
    """What else the article says: its other sentences, from which numbers, names and predicates are taken."""

    sentences: Sequence[str]
    near: Sequence[str] = ()
    """Those of the same passage, in order."""
    place: int = 0
    """Of the sentence itself among ``near``."""


def negation(text: str, rng: random.Random, around: Around) -> str | None:
    denied = [(old, new) for old, new in _DENIED if has(text, old)]
    if denied:
        old, new = denied[0]
        return upper_first(" ".join(swap_phrase(text, old, new).split()))
    if _IMPERATIVE.match(text):
        return rng.choice(("Do not ", "Never ", "Don't ")) + lower_first(text)
    found = list(_MODAL.finditer(text))
    if not found:
        return None
    one = found[0]
    word = rng.choice((f"{one.group()} not", f"{one.group()} never")) if one.group() != "can" else "cannot"
    return text[: one.start()] + word + text[one.end() :]


def quantity(text: str, rng: random.Random, around: Around) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    one = rng.choice(found)
    others = [m.group() for other in around.sentences for m in _NUMBER.finditer(other)]
    value = int(one["n"])
    made = [str(value * 2), str(value + rng.choice((1, 5, 10))), str(max(1, value // 2)), str(value * 10)]
    new = rng.choice([other for other in (*others, *made) if other != one.group()])
    return text[: one.start()] + new + text[one.end() :]


def opposite(text: str, rng: random.Random, around: Around) -> str | None:
    found = [(a, b) for one, other in OPPOSITE for a, b in ((one, other), (other, one)) if has(text, a)]
    return swap_phrase(text, *rng.choice(found)) if found else None


def role(text: str, rng: random.Random, around: Around) -> str | None:
    found = [(one, other) for kind in ROLES for one in kind for other in kind if one != other and has_case(text, one)]
    if not found:
        return None
    old, new = rng.choice(found)
    return re.sub(rf"\b{re.escape(old)}\b", new, text, count=1)


def has_case(text: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", text) is not None


def name(text: str, rng: random.Random, around: Around) -> str | None:
    """A code, a menu or a name of the article in the place of another."""
    for pattern in rng.sample((_CODE, _NAME), 2):
        own = pattern.findall(text)
        others = [found for other in around.sentences for found in pattern.findall(other) if found not in own]
        if own and others:
            return text.replace(rng.choice(own), rng.choice(others), 1)
    return None


def condition(text: str, rng: random.Random, around: Around) -> str | None:
    """The main clause alone, or with "only" taken away, or with the condition turned round."""
    bare = text.rstrip(".")
    if _ONLY.search(bare) and rng.random() < 0.6:
        return upper_first(" ".join(_ONLY.sub(" ", bare, count=1).split())) + "."
    for pattern in _CONDITIONS:
        if match := pattern.match(bare):
            if rng.random() < 0.25:
                for old, new in (("unless", "if"), ("if", "even if"), ("when", "even when"), ("until", "even after")):
                    if has(bare, old):
                        return swap_phrase(bare, old, new) + "."
            return upper_first(match["m"]) + "."
    return None


def mixture(text: str, rng: random.Random, around: Around) -> str | None:
    """The subject of this sentence with what the article says of another, or the other way round."""
    own = _PREDICATE.match(text)
    if not own:
        return None
    others = [
        match
        for other in around.sentences
        if (match := _PREDICATE.match(other)) and match["s"] != own["s"] and match["p"] != own["p"]
    ]
    if not others:
        return None
    other = rng.choice(others)
    return f"{own['s']} {other['p']}" if rng.random() < 0.5 else f"{other['s']} {own['p']}"


def invention(text: str, rng: random.Random, around: Around) -> str | None:
    said = " ".join(around.sentences)
    free = [clause for clause in INVENTED if clause.strip(" ,") not in said]
    return text.rstrip(".") + rng.choice(free) + "."


def thing(text: str, rng: random.Random, around: Around) -> str | None:
    """A noun of another sentence of the passage in the place of one of this sentence: the facts of neighbours, mixed."""
    own = list(_NOUN.finditer(text))
    others = [match for other in around.near for match in _NOUN.finditer(other)]
    if not own:
        return None
    one = rng.choice(own)
    fitting = [
        match["n"]
        for match in others
        if match["n"].endswith("s") == one["n"].endswith("s") and match["n"].lower() not in text.lower()
    ]
    return text[: one.start("n")] + rng.choice(fitting) + text[one.end("n") :] if fitting else None


def scope(text: str, rng: random.Random, around: Around) -> str | None:
    """Wider than it was said: all for some, always, everybody, or "you can" for those who may."""
    for pattern, new in rng.sample(_SCOPES, len(_SCOPES)):
        if match := pattern.search(text):
            said = match.expand(new)
            return upper_first(text[: match.start()] + said + text[match.end() :])
    return None


def modality(text: str, rng: random.Random, around: Around) -> str | None:
    found = [(old, new) for old, news in _MODALS for new in news if has(text, old) and not has(text, f"{old} not")]
    return swap_phrase(text, *rng.choice(found)) if found else None


def consequence(text: str, rng: random.Random, around: Around) -> str | None:
    """The condition of this sentence with the consequence of another of the passage."""
    bare = text.rstrip(".")
    own = _WHEN.match(bare)
    if not own:
        return None
    others = [match["m"] for other in around.near if (match := _WHEN.match(other.rstrip(".")))]
    others += [lower_first(other.rstrip(".")) for other in around.near if _PREDICATE.match(other) and len(other) < 120]
    return f"{own['c']}, {rng.choice(others)}." if others else None


def order(text: str, rng: random.Random, around: Around) -> str | None:
    """Two steps, or two halves, the other way round."""
    if match := _THEN.match(text.rstrip(".")):
        return f"{upper_first(match['b'])}{match['t']}{lower_first(match['a'])}."
    steps = [other for other in around.near if _IMPERATIVE.match(other)]
    if _IMPERATIVE.match(text) and steps:
        at = list(around.near)
        before = [other for other in steps if at.index(other) < around.place]
        if before:
            return f"{text.rstrip('.')}, then {lower_first(rng.choice(before).rstrip('.'))}."
    return None


PERTURBATIONS = (
    negation,
    negation,
    quantity,
    opposite,
    opposite,
    role,
    name,
    condition,
    condition,
    mixture,
    mixture,
    invention,
    thing,
    thing,
    scope,
    modality,
    consequence,
    order,
)
REVERSIBLE = frozenset((negation, quantity, opposite, role, name, mixture, thing, modality))
"""Where the changed sentence stands in the passage instead, it is the original that is unsupported."""
