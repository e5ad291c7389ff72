"""Keys, tokens and passwords."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator

from appliance.egress.masking.found import Span
from appliance.egress.masking.words import word_list

_FORMS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"A(?:KIA|SIA|ROA|IDA)[0-9A-Z]{12,40}"
    r"|gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_[A-Za-z0-9_]{20,255}|glpat-[\w-]{16,64}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{8,255}|xapp-[A-Za-z0-9-]{8,255}"
    r"|(?:sk|pk|rk)[-_](?:live|test|proj|ant|svcacct|or)?[-_]?[A-Za-z0-9_-]{16,255}"
    r"|AIza[\w-]{30,45}|ya29\.[\w-]{20,255}|npm_[A-Za-z0-9]{30,60}|pypi-[\w-]{40,255}|SG\.[\w-]{16,32}\.[\w-]{30,64}|hf_[A-Za-z0-9]{20,60}|dop_v1_[a-f0-9]{40,70}"
    r"|(?=[a-f]{0,128}\d)(?=\d{0,128}[a-f])[a-f0-9]{32,128}(?![A-Za-z0-9])"
    r"|(?=[A-F]{0,128}\d)(?=\d{0,128}[A-F])[A-F0-9]{32,128}(?![A-Za-z0-9])"
    r"|(?<![\w-])(?=[\d-]{0,40}[A-Z])(?:[A-Z0-9]{5}(?:-[A-Z0-9]{5}){3,7}|[A-Z0-9]{4}(?:-[A-Z0-9]{4}){3,7})(?![\w-])"
    r"|(?<![\w-])eyJ[\w-]{8,4000}+\.[\w-]{4,4000}+(?:\.[\w-]{0,4000}+)?"
    r")"
)
_HEADER = re.compile(r"\b(?:bearer|basic|digest|token)[ :]{1,3}(?P<value>[\w.~+/=-]{12,4000})", re.I)
_SAID = re.compile(
    r"\b(?:pass ?words?|pass ?phrase|passwd|pwd|pw|pass ?code|kennwort|passwort|mot de passe|contrase(?:ñ|n)a|wachtwoord|senha|hasło|secret(?: key)?|api[ _-]?key|access[ _-]?key"
    r"|auth[ _-]?token|access[ _-]?token|client[ _-]?secret|cvv|cvc|cvv2|pin(?: code)?|otp|one[- ]time (?:code|password)|verification code|recovery key)"
    r"(?P<link> ?(?:[:=]|->|=>) ?| (?:is|was|are|ist|war|lautet|est|es|to|will be)(?: now| set to)?:? )"
    r"(?P<value>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|[^\s\ufffc]{3,200})",
    re.I,
)
_DIGITS = re.compile(r"\b(?:cvv2?|cvc2?|pin|otp)(?: code)? {1,2}(?P<value>\d{3,8})(?!\w)", re.I)
_LONG = re.compile(r"[A-Za-z0-9+/=_-]{20,}+")
_BEGIN = re.compile(r"-{5}BEGIN [A-Z0-9 ]{3,40}-{5}")
_END = re.compile(r"-{5}END [A-Z0-9 ]{3,40}-{5}")
_ENTROPY = 3.5
_LONG_KEY, _DENSE = 36, 4.5


def secrets(text: str) -> Iterator[Span]:
    for found in _FORMS.finditer(text):
        yield "SECRET", found.start(), found.end()
    for found in _HEADER.finditer(text):
        if any(sign.isdigit() for sign in found["value"]):
            yield "SECRET", found.start("value"), found.end("value")
    for found in _SAID.finditer(text):
        start, end = found.span("value")
        end -= len(found["value"]) - len(found["value"].rstrip(".,;:!?)"))
        if _is_value(text[start:end], found["link"]):
            yield "SECRET", start, end
    for found in _DIGITS.finditer(text):
        yield "SECRET", found.start("value"), found.end("value")
    for found in _LONG.finditer(text):
        if _random(found[0]):
            yield "SECRET", found.start(), found.end()
    yield from _keys(text)


def _keys(text: str) -> Iterator[Span]:
    """PEM blocks; one that is cut off goes on to the end of the text."""
    at = 0
    while found := _BEGIN.search(text, at):
        closing = _END.search(text, found.end())
        at = closing.end() if closing else len(text)
        yield "SECRET", found.start(), at


def _is_value(value: str, link: str) -> bool:
    plain = value.strip("\"'").lower()
    if len(plain) < 3 or plain.startswith("["):
        return False
    return plain not in word_list("no_secret") or value[0] in "\"'"


def _random(text: str) -> bool:
    """Letters and digits in a disorder that no word, path or product has."""
    digits = sum(sign.isdigit() for sign in text)
    if digits and len(text) >= _LONG_KEY and _disorder(text) >= _DENSE and not text.islower():
        return True  # the keys of a cloud: 40 signs, few of them digits
    if digits < 3 or digits == len(text) or not any(sign.isalpha() for sign in text):
        return False
    turns = sum(
        left.isdigit() != right.isdigit()
        for left, right in itertools.pairwise(text)
        if left.isalnum() and right.isalnum()
    )
    if turns < 4:
        return False
    return _disorder(text) >= min(_ENTROPY, math.log2(len(text)) * 0.75)


def _disorder(text: str) -> float:
    """Shannon's entropy in bits a character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
