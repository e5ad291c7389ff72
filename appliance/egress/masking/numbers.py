"""Numbers that belong to somebody: telephones, cards, accounts. A long number that is nothing else is one too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import phonenumbers
from stdnum import iban, luhn

from appliance.egress.masking.found import Span
from appliance.egress.masking.identity import is_national

_RUN = re.compile(
    r"(?<!\w)(?:\+ ?|00 ?)?\(?\d(?:[ \u00a0\t./()\u2010-\u2015-]{0,3}+\d)*+(?: {0,1}(?:x|ext\.?|extension|durchwahl) {0,1}\d{1,6})?",
    re.I,
)
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|(?:19|20)\d{2}(?:[-/](?:19|20)?\d{2})?)(?:T\d{1,6})?"
)
_GLUED = re.compile(r"(?<=[^\W\d])\d{12,40}+")
"""So many digits behind a letter are a number with a word before it."""
_CODE = re.compile(
    r"\b(?:error|errors|code|codes|kb|build|version|ver|release|errno|hresult|status|exit|rc|article|cve|apar|pid|port|line|bytes?|ms|kb|mb|event id|firmware|driver|fix ?pack)"
    r"(?: (?:is|no\.?|number|id|code))?[ :#=(\"']{0,3}$",
    re.I,
)
_CALLED = re.compile(
    r"\b(?:phone|tel|telephone|mobile|cell|call|called|calling|ring|dial|text|sms|fax|whatsapp|number is|reach|contact|messages? to|hotline|handy|telefon)\b[^\n]{0,30}$",
    re.I,
)
_OWNED = re.compile(
    r"\b(?:zip|post ?code|postal code|plz|account|acct|customer|client|member(?:ship)?|policy|order|invoice|contract"
    r"|employee|personnel|staff|workspace"
    r"|reference|ref|booking|ticket|case|licen[cs]e|passport|ssn|social security|tax|card|ending(?: in| with)?|konto|kunde\w{0,12}|bestell\w{0,12})"
    r"(?: (?:code|number|no\.?|nr\.?|id))?(?: (?:is|was|with|in))?[ :#=.]{0,3}$",
    re.I,
)
_OWNED_CODE = re.compile(
    r"\b(?:order|customer|client|account|invoice|contract|booking|ticket|member(?:ship)?|kunde\w{0,12}|bestell\w{0,12}|rechnung\w{0,12})"
    r"(?:[ -]?(?:code|number|no\.?|nr\.?|id))?(?: (?:is|was|ist))?[ :#=]{1,3}"
    r"(?P<value>(?=(?:[A-Z-]{0,12}\d){3})(?=[\d-]{0,20}[A-Z])[A-Z0-9][A-Z0-9-]{3,30})(?!\w)",
    re.I,
)
"""Letters and digits that the words before call somebody's: order number TB48X213Q. Companies' own forms belong into the profile."""
_MONEY_BEFORE, _MONEY_AFTER = (
    re.compile(r"(?:[$€£¥₹]|\b(?:usd|eur|gbp|chf))\s?$", re.I),
    re.compile(r"[.,]?\d{0,2}\s?(?:[$€£¥₹%]|usd\b|eur\b|gbp\b|euros?\b|dollars?\b|[kmg]i?b\b|ms\b|bytes?\b)", re.I),
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,8}(?:[ -]?[A-Za-z0-9]{1,4})?(?![A-Za-z0-9])"
)
_SOLID = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}[A-Za-z0-9]{9,34}+")
_BETWEEN = r"(?:[^\w\ufffc]|_)"
_SPREAD_CARD = re.compile(
    rf"(?<!\d)(?:\d{{4}}(?:{_BETWEEN}{{1,5}}\d{{4}}){{3}}(?:{_BETWEEN}{{1,5}}\d{{1,3}})?|\d{{4}}{_BETWEEN}{{1,5}}\d{{6}}{_BETWEEN}{{1,5}}\d{{4,5}}"
    rf"|\d(?:{_BETWEEN}{{1,5}}\d){{12,18}})(?!\d)"
)
"""Groups of a card with anything between them: line ends, the > of a quoted mail, commas, bars, several spaces."""
_SPREAD_IBAN = re.compile(
    rf"(?<![^\W_])[A-Z]{{2}}{_BETWEEN}{{0,5}}\d{_BETWEEN}{{0,5}}\d(?:{_BETWEEN}{{0,5}}[A-Z0-9]){{11,30}}+", re.I | re.A
)
_FEWEST, _FEWEST_OWNED = 7, 3
_LEFT = 40


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    start: int
    end: int
    digits: str
    before: str
    after: str


def ibans(text: str) -> Iterator[Span]:
    """By mod 97 where the check holds, else by form: a mistyped account number is somebody's as well."""
    for found in _SOLID.finditer(text):
        if sum(sign.isdigit() for sign in found[0]) >= 6:
            yield "IBAN", found.start(), found.end()
    for found in _IBAN.finditer(text):
        end = _iban_end(found[0])
        if end:
            yield "IBAN", found.start(), found.start() + end


def spread(text: str) -> Iterator[Span]:
    """Cards and accounts whose groups stand apart, in whatever way. Here the check digits have to hold: four years in a row are no card."""
    for found in _SPREAD_CARD.finditer(text):
        if luhn.is_valid(_ascii("".join(sign for sign in found[0] if sign.isdigit()))):
            yield "CARD", found.start(), found.end()
    for found in _SPREAD_IBAN.finditer(text):
        places = [at for at in range(found.start(), found.end()) if text[at].isalnum()]
        signs = "".join(text[at] for at in places).upper()
        if size := next((size for size in range(len(signs), 14, -1) if iban.is_valid(signs[:size])), 0):
            yield "IBAN", found.start(), places[size - 1] + 1


def _iban_end(text: str) -> int:
    """How far an account number goes into a text that may go on with words in capitals; 0 where it is none."""
    ends = [
        at
        for at in range(len(text), 14, -1)
        if at == len(text) or not text[at].isalnum() or text[at - 1].isalnum() != text[at].isalnum()
    ]
    for end in ends:
        if iban.is_valid(text[:end].upper()):
            return end
    groups = re.split(r"([ -])", text)
    end = 0
    for group in groups:
        if group.isalpha() and end > 8:
            break
        end += len(group)
    kept = text[:end].rstrip(" -")
    return len(kept) if sum(sign.isdigit() for sign in kept) >= 8 and len(kept) >= 12 else 0


def numbers(text: str, *, regions: Sequence[str]) -> Iterator[Span]:
    """Runs of digits with the marks that people put between them. Dates, amounts, versions and error codes are left."""
    for found in _RUN.finditer(text):
        for run in _parts(text, found):
            kind = _kind(run, regions)
            if kind:
                yield kind, run.start, run.end
    for found in _OWNED_CODE.finditer(text):
        yield "NUMBER", found.start("value"), found.end("value")
    for found in _GLUED.finditer(text):
        yield "CARD", found.start(), found.end()


def _parts(text: str, found: re.Match[str]) -> Iterator[_Run]:
    """The run without the dates in it. A bracket that was opened belongs to the number."""
    at, pieces = found.start(), []
    for piece in re.split(r"( +)", found[0]):
        pieces.append((piece, at))
        at += len(piece)
    start = None
    end = found.start()
    for piece, place in pieces:
        if piece.isspace() or not piece:
            continue
        if _DATE.fullmatch(piece.strip("().,-/")):
            if start is not None:
                yield _run(text, start, end)
            start = None
            continue
        start = place if start is None else start
        end = place + len(piece)
    if start is not None:
        yield _run(text, start, end)


def _run(text: str, start: int, end: int) -> _Run:
    part = text[start:end]
    core = re.split(r"x|e", part, maxsplit=1, flags=re.I)[0]
    digits = "".join(sign for sign in core if sign.isdigit())
    return _Run(part, start, end, digits, text[max(0, start - _LEFT) : start], text[end : end + 12])


def _kind(run: _Run, regions: Sequence[str]) -> str | None:
    count = len(run.digits)
    if count < 12 and _joined_to_word(run):
        return None
    if count < _FEWEST:
        return _short(run)
    return None if _is_told(run) else _sort(run, regions)


def _is_told(run: _Run) -> bool:
    """An amount, a version or an error code, by what stands around it."""
    count = len(run.digits)
    if count <= 13 and _amount(run):
        return True
    if count <= 8 and run.digits.startswith("0000"):  # a dump of memory
        return True
    if _version(run.text) and not _CALLED.search(run.before):
        return True
    plain = run.text.isdigit() and not run.text.startswith("00")
    return plain and count <= 12 and bool(_CODE.search(run.before))


def _sort(run: _Run, regions: Sequence[str]) -> str:
    count, digits = len(run.digits), _ascii(run.digits)
    if 12 <= count <= 19 and luhn.is_valid(digits):
        return "CARD"
    if is_national(run.text, digits):
        return "NATIONAL_ID"
    if _is_phone(run, regions):
        return "PHONE"
    if count < 13:
        return "PHONE"
    return "CARD" if count <= 19 else "NUMBER"


def _short(run: _Run) -> str | None:
    """Fewer digits are somebody's only if the words before say so."""
    if len(run.digits) >= _FEWEST_OWNED and _OWNED.search(run.before):
        return "NUMBER"
    if len(run.digits) >= 5 and _CALLED.search(run.before):
        return "PHONE"
    return None


def _is_phone(run: _Run, regions: Sequence[str]) -> bool:
    if len(run.digits) > 17:
        return False
    for region in (None, *regions) if run.text.startswith("+") else regions:
        try:
            if phonenumbers.is_possible_number(phonenumbers.parse(run.text, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _joined_to_word(run: _Run) -> bool:
    """A part of a code: A-1234567, 1234567b."""
    return (
        run.after[:1].isalpha()
        or run.after[:1] == "_"
        or (run.before[-1:] in {"-", "/", "_"} and run.before[-2:-1].isalnum())
    )


def _amount(run: _Run) -> bool:
    return bool(_MONEY_BEFORE.search(run.before) or _MONEY_AFTER.match(run.after)) and not run.text.startswith("+")


def _version(text: str) -> bool:
    """Groups between dots alone, not grouped as telephone numbers are."""
    groups = text.split(".")
    if len(groups) < 3 or not all(group.isdigit() for group in groups):
        return False
    sizes = [len(group) for group in groups]
    return not (sizes == [3, 3, 4] or all(size == 2 for size in sizes))


def _ascii(digits: str) -> str:
    return "".join(str(int(sign)) for sign in digits)
