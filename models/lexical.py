"""What the words of a sentence commit it to: content words, and the small words that turn its meaning round."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_STOP_WORDS = """a an the this that these those and or but if then than so as at by for from in into of on onto out over to
under up with within about after before during between through is are was were be been being am do does did doing done
have has had having i you he she it we they me him her us them my your his its our their mine yours who whom whose which
what when where why how can could will would shall should may might must need there here also just very too please
thank thanks hello hi more most some any each every all both such own same other yes"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_NEGATIONS = frozenset(("not", "no", "never", "cannot", "none", "nothing", "nobody", "neither", "nor", "without"))
_NEGATING = frozenset(("unable", "impossible", "unavailable", "unsupported", "fails", "failed", "refuse", "refuses"))
_LIMITS = frozenset(("unless", "except", "excluding", "only", "until"))
_CONDITION = re.compile(r"\b(?:if|when|whenever)\b|\bprovided (?:that|you|your|the|it|they)\b")
_ALSO_CONDITIONS = frozenset(("once", "after", "upon", "while", "for"))
_ON_PLAN = re.compile(r"\b(?:on|for|with|in) (?:the |our |your |an? )(?P<name>\w+) plans?\b")
_OPTIONAL = frozenset(("may", "might", "could", "sometimes", "usually", "often", "perhaps", "possibly", "optional"))
_BINDING = frozenset(("must", "always", "required", "guaranteed", "guarantee", "guarantees", "mandatory"))

_OPPOSITES = """enable:disable enabled:disabled on:off allow:block allow:deny allowed:blocked increase:decrease add:remove
before:after minimum:maximum min:max include:exclude included:excluded free:paid open:close open:closed start:stop
first:last accept:reject accepted:rejected approve:reject monthly:yearly monthly:annual daily:weekly weekly:monthly
upgrade:downgrade lock:unlock locked:unlocked public:private refundable:non-refundable internal:external
install:uninstall mute:unmute show:hide check:uncheck select:deselect buyer:seller sender:recipient"""
OPPOSITES = tuple((left, right) for left, right in (pair.split(":") for pair in _OPPOSITES.split()))

_SUFFIXES = (
    "ization",
    "ational",
    "ements",
    "ations",
    "ement",
    "ation",
    "ments",
    "ingly",
    "ment",
    "ings",
    "ions",
    "edly",
)
_SHORT_SUFFIXES = ("ing", "ies", "ion", "ed", "es", "ly", "al", "er", "or", "s", "e", "y")


def words(text: str) -> list[str]:
    """Lower-case words in order; numbers, versions and contractions stay whole."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def stem(word: str) -> str:
    """A light stem: enough to match "refunds", "refunded" and "refund"; words with digits stay as they are."""
    if any(char.isdigit() for char in word):
        return word
    endings = (suffix for suffix in (*_SUFFIXES, *_SHORT_SUFFIXES) if word.endswith(suffix))
    ending = next((suffix for suffix in endings if len(word) - len(suffix) >= 3), "")
    base = word.removesuffix(ending)
    return base[:-1] if len(base) > 3 and base[-1] == base[-2] else base  # cancel, cancelled; install, installation


def content_stems(found: Iterable[str]) -> frozenset[str]:
    """Stems of the words that carry content; possessives and the parts of contractions left out."""
    bare = (word.removesuffix("'s") for word in found)
    return frozenset(stem(word) for word in bare if word not in STOP_WORDS and not is_negation(word) and len(word) > 1)


def is_negation(word: str) -> bool:
    """Whether the word negates: not, never, can't, ..."""
    return word in _NEGATIONS or word.endswith("n't")


def denials(found: Iterable[str]) -> int:
    """How often one sentence of these words denies. "never without" affirms, and "nor" only goes on with a denial."""
    said = [word for word in found if is_negation(word) or word in _NEGATING]
    others = [word for word in said if word not in {"without", "nor"}]
    if not others:
        return min(len(said), 1)
    return len(others) - (1 if "without" in said else 0)


def negated(found: Iterable[str]) -> bool:
    """Whether a sentence of these words denies something."""
    return denials(found) > 0


def denial_differs(one: int, other: int) -> bool:
    """Whether two counts of ``denials`` disagree: one side denies and the other does not, or denies once more."""
    return (one > 0) != (other > 0) or one % 2 != other % 2


def limits(found: Iterable[str]) -> frozenset[str]:
    """Exceptions and conditions that narrow what is said: unless, except, only, ...; ``if`` for if, when and provided;
    ``plan free`` for "on the Free plan"."""
    text = " ".join(found)
    narrowing = set(_LIMITS.intersection(text.split()))
    if _CONDITION.search(text):
        narrowing.add("if")
    return frozenset(narrowing | {f"plan {match['name']}" for match in _ON_PLAN.finditer(text)})


def unsaid_limits(claim: Iterable[str], source: Iterable[str]) -> frozenset[str]:
    """The limits of the source that the claim leaves out. Naming the plan or saying "after" keeps one as well."""
    claim = tuple(claim)
    kept = limits(claim) | {f"plan {word}" for word in claim}
    if not _ALSO_CONDITIONS.isdisjoint(claim):
        kept |= {"if"}
    return limits(source) - kept


def strength(found: Iterable[str]) -> int:
    """How binding the sentence is: -1 optional, 0 plain, 1 must or always."""
    present = frozenset(found)
    return int(bool(_BINDING & present)) - int(bool(_OPTIONAL & present))


def contradicting(claim: frozenset[str], source: frozenset[str]) -> bool:
    """Whether one side has a word and the other has its opposite instead (enable/disable, before/after, ...)."""
    pairs = (*OPPOSITES, *((right, left) for left, right in OPPOSITES))
    return any(left in claim and right in source and left not in source and right not in claim for left, right in pairs)
