"""Which texts say the same but for what a form letter fills in: numbers, links, names in the greeting and below the signature.

If one such text is fitted and its twin held out, the head is judged on what it knows by heart. If both are held out, one row counts twice.
Twins therefore go to the same side together, and only one of them is judged.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from math import ceil

NEAR = 0.75
"""Share of common word pairs (Jaccard) from which two texts are twins: one word of twenty may differ. Short texts must be equal."""
_READ_WORDS = 120
"""Of a text: it bounds memory and time, and what comes later is quoted mail more often than not."""
_READ_CHARACTERS = 2_000
"""More than the encoder reads of a text."""
_NAMES = r"(?:[\w'.-]{1,20}[ \t]?){0,3}"
_CLOSING = r"(?:many |kind |best |warm )?(?:thanks(?: again| in advance| a lot)?|thank you|regards|wishes|cheers|sincerely|viele grüße|mit freundlichen grüßen)"
_SENT_FROM = r"--|sent from my"
_GREETING = re.compile(
    rf"^\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|hallo|guten tag|sehr geehrte\w?)\b[ \t]?{_NAMES}[,!.:\n]"
)
_SIGNATURE = re.compile(
    rf"\n[ \t]*(?:(?:{_SENT_FROM})[^\n]*|{_CLOSING}[,.!]*[ \t]?{_NAMES})[ \t]*(?:\n[^\n]{{0,80}}){{0,6}}$"
)
_AT_THE_END = re.compile(rf"[.!?,;] {_CLOSING}[,.!]*[ \t]?{_NAMES}$")
_FILLED_IN = (
    (re.compile(r"(?:https?://|www\.)\S+"), " url "),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]+"), " address "),
    (re.compile(r"[\w#-]*\d[\w-]*"), " 0 "),
)


def words_of(text: str) -> list[str]:
    """The words that are the sender's own, folded."""
    said = "\n".join(line.strip() for line in text[:_READ_CHARACTERS].casefold().splitlines()).strip()
    for pattern in (_SIGNATURE, _AT_THE_END, _GREETING):
        said = pattern.sub("", said).strip() or said
    for pattern, instead in _FILLED_IN:
        said = pattern.sub(instead, said)
    return re.findall(r"\w+", said)


def content_hash(text: str) -> str:
    """The same for texts that differ in nothing but what is filled in; it depends on the text alone."""
    said = " ".join(words_of(text)) or " ".join(text.casefold().split())
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def groups(texts: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """For each text the name of its group: the hash of one of its texts, near to which all the others are. The order does not matter."""
    once = dict(zip(hashes, texts, strict=True))
    pairs = {name: _pairs(text) for name, text in sorted(once.items())}
    common = Counter(pair for found in pairs.values() for pair in found)
    leaders: defaultdict[int, list[str]] = defaultdict(list)
    led: dict[str, str] = {}
    for name, own in pairs.items():
        rare = sorted(own, key=lambda pair: (common[pair], pair))[: len(own) - ceil(NEAR * len(own)) + 1]
        near = (other for pair in rare for other in leaders[pair] if _alike(own, pairs[other]))
        led[name] = next(near, name)
        if led[name] == name:
            for pair in rare:
                leaders[pair].append(name)
    return [led[name] for name in hashes]


def _pairs(text: str) -> frozenset[int]:
    words = words_of(text)[:_READ_WORDS]
    return frozenset(zlib.crc32(f"{one} {other}".encode()) for one, other in pairwise(words))


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    shared = len(one & other)
    return shared >= NEAR * (len(one) + len(other) - shared)
