"""Numbers that a state gives a person, by the check digits that ``stdnum`` knows, by form, and by the words before them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stdnum.be import nn
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.pt import cc
from stdnum.se import personnummer
from stdnum.us import itin, ssn

from appliance.egress.masking.found import Span

_DIGITS: dict[int, tuple[Callable[[str], bool], ...]] = {
    9: (bsn.is_valid,),
    10: (nhs.is_valid, rc.is_valid, cpr.is_valid, personnummer.is_valid),
    11: (idnr.is_valid, pesel.is_valid, nn.is_valid),
    12: (personnummer.is_valid,),
    15: (nir.is_valid,),
}
_LETTERS = (dni.is_valid, nie.is_valid, codicefiscale.is_valid, hetu.is_valid, cc.is_valid, nir.is_valid)

_US = re.compile(r"\d{3}[- ]\d{2}[- ]\d{4}")
_MIXED = re.compile(r"(?<![\w-])(?=[A-Z0-9+-]{0,15}\d)[A-Z0-9]{1,16}(?:[-+][A-Z0-9]{1,8})?(?![\w-])", re.I)
_NINO = re.compile(r"(?<!\w)[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)", re.I)
_FISCAL = re.compile(r"(?<!\w)[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z](?!\w)", re.I)
_NAMED = re.compile(
    r"\b(?:passport|pass(?:nummer)?|ssn|social security|national (?:id|identity|insurance)|ni number|nino|nhs|identity card|id card|identity number|tax (?:id|number|file)|tin|itin|ein"
    r"|steuer-?(?:id|nummer)|steueridentifikationsnummer|ausweis\w{0,8}|personalausweis|dni|nie|nif|nir|s[ée]curit[ée] sociale|codice fiscale|carta d'identit[àa]|bsn|burgerservicenummer"
    r"|pesel|personnummer|cpr|henkil[öo]tunnus|aadhaar|pan card|cpf|curp|sin number|medicare|driv(?:er|ing)'?s?'? ?licen[cs]e|dl|licen[cs]e plate|f[üu]hrerschein\w{0,8}|permis de conduire)"
    r"(?: (?:card|number|no\.?|nr\.?|num|id|code|#))?['’]?(?: (?:is|was|ist|est|es|reads))?[ :#=.\"(]{1,4}(?P<value>[A-Z0-9](?:[ -]?[A-Z0-9]){3,24}+)",
    re.I,
)
_MIN_DIGITS = 3


def national_ids(text: str) -> Iterator[Span]:
    """Ids that have letters in them, and whatever is called an id; those of digits alone are found among the numbers."""
    for pattern in (_NINO, _FISCAL):
        for found in pattern.finditer(text):
            yield "NATIONAL_ID", found.start(), found.end()
    for found in _MIXED.finditer(text):
        if 8 <= len(found[0]) <= 16 and not found[0].isdigit() and any(valid(found[0].upper()) for valid in _LETTERS):
            yield "NATIONAL_ID", found.start(), found.end()
    for found in _NAMED.finditer(text):
        start, value = found.start("value"), _named(found["value"])
        if sum(sign.isdigit() for sign in value) >= _MIN_DIGITS:
            yield "NATIONAL_ID", start, start + len(value)


def _named(text: str) -> str:
    """Up to the first word that has no digit, after the first group that has some."""
    kept = ""
    seen = False
    for piece in re.split(r"([ -])", text):
        digits = any(sign.isdigit() for sign in piece)
        if seen and piece.isalpha() and len(piece) > 1:
            break
        seen = seen or digits
        kept += piece
    return kept.rstrip(" -")


def is_national(text: str, digits: str) -> bool:
    """Whether a number is a state's for a person. ``digits``: its digits alone, in ASCII."""
    if _US.fullmatch(text) or ((ssn.is_valid(text) or itin.is_valid(text)) and "-" in text):
        return True
    return any(valid(digits) for valid in _DIGITS.get(len(digits), ()))
