"""Names of persons by the words before them, and further mentions of those already found. The tagger finds the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from appliance.egress.masking.found import Span
from appliance.egress.masking.words import word_list

_NAME = r"[^\W\d_][^\W\d_]{0,30}(?:['’-][^\W\d_]{1,30}){0,2}\.?"
_TITLE = re.compile(
    rf"(?<!\w)(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|madam|herrn?|frau|monsieur|madame|mme|mlle|señora?|sra?|signora?|dhr|mevr|pan[i]?)\.? (?P<name>{_NAME}(?: {_NAME}){{0,3}})",
    re.I,
)
_SAID = re.compile(
    r"\b(?:my (?:full |first |last |middle |maiden )?name(?:['’]s| is)|maiden name is"
    r"|(?:his|her|their|the) (?:full |last |first |maiden )?name is|je m['’]appelle|ich hei(?:ß|ss)e|mein name ist|me llamo"
    rf"|mi chiamo|ik heet|nazywam się|jmenuji se|jag heter|jeg hedder|nimeni on|o meu nome é"
    rf"|(?:full |first |last |sur|given |user |account |card ?holder )?name ?: ?)[ :]{{0,3}}(?P<name>{_NAME}(?: {_NAME}){{0,3}})",
    re.I,
)
_HOME = re.compile(
    r"[/\\](?:users|home|benutzer|utilisateurs|usuarios)[/\\]{1,2}(?P<name>[^\W_][\w.-]{1,40})(?=[/\\\s\"'.,;:)]|$)",
    re.I,
)
_LOGIN = re.compile(
    r"\b(?:user ?name|user ?id|login(?: name)?|benutzername|nom d['’]utilisateur)"
    r"(?P<link> ?[:=] ?| (?:is|ist|est) )(?P<name>[^\W_][\w.+-]{2,40})(?![\w@])",
    re.I,
)
_NOBODY = frozenset(
    ("public", "default", "shared", "all", "user", "username", "name", "admin", "administrator", "your")
)
"""Folders and accounts that belong to no person."""
_BESIDE = re.compile(
    r"(?:,? and |,? & |,? or |,? und |,? et |,? y | \\?/ ?)(?P<name>[^\W\d_a-z][^\W\d_]{1,30}(?: [^\W\d_a-z][^\W\d_]{1,30}){0,2})(?!\w)"
)
_MAIL_WORD = re.compile(r"[A-Z]?[a-z]{3,64}|[A-Z]{4,64}")
_MIN = 3
_MIDDLE = re.compile(r" (?:[^\W\d_]\.?|de|da|van|von|del|la|le|di|bin|al|el|der|den|dos)? ?")


def introduced(text: str) -> Iterator[Span]:
    """Names after a form of address or after words such as "my name is", whatever their letters."""
    for found in _TITLE.finditer(text):
        yield from _up_to_stop(found, titled=True)
    for found in _SAID.finditer(text):
        yield from _up_to_stop(found, titled=False)


def accounts(text: str) -> Iterator[Span]:
    """User names: of the home folder in a path, and after words such as "username:"."""
    for found in _HOME.finditer(text):
        if found["name"].lower() not in _NOBODY:
            yield "PERSON", found.start("name"), found.end("name")
    for found in _LOGIN.finditer(text):
        name = found["name"].rstrip(".-")
        plain = name.isalpha() and (found["link"].strip() not in {":", "="} or is_common(name))
        if not plain and name.lower() not in _NOBODY | word_list("stop") | word_list("no_secret"):
            yield "PERSON", found.start("name"), found.start("name") + len(name)


def _up_to_stop(found: re.Match[str], *, titled: bool) -> Iterator[Span]:
    """The words up to the first that is none of a name; beyond the first word names go on in the same manner of writing."""
    start = found.start("name")
    end = start
    first = ""
    for word in re.finditer(r"\S+", found["name"]):
        plain = word[0].strip(".").lower()
        if (
            plain in word_list("stop")
            or (first and first[0].isupper() and not word[0][0].isupper())
            or (titled and first and first[0].islower())
        ):
            break
        first = first or word[0]
        end = start + word.end()
        if word[0].endswith(".") and len(word[0]) > 3:
            end -= 1
            break
    if end > start:
        yield "PERSON", start, end


def beside(persons: Iterable[Span], text: str) -> Iterator[Span]:
    """The last of several who are named together: of "Ann, Bob and Eve" the one after the "and"."""
    for _, _, end in persons:
        if (found := _BESIDE.match(text, end)) and found["name"][0].isupper():
            yield "PERSON", found.start("name"), found.end("name")


def initials(persons: Iterable[Span], text: str) -> Iterator[Span]:
    """What stands between two parts of a name: Ann B. Carter."""
    ordered = sorted(persons, key=lambda span: span[1])
    for left, right in pairwise(ordered):
        if left[2] < right[1] <= left[2] + 8 and _MIDDLE.fullmatch(text, left[2], right[1]):
            yield "PERSON", left[1], right[2]


def from_mail(addresses: Iterable[str], text: str) -> Iterator[Span]:
    """Words of the text that stand in an e-mail address before the @: JanaNovak@… belongs to Jana Novak."""
    words = {
        word.lower() for address in addresses for word in _MAIL_WORD.findall(address.split("@", 1)[0])
    } - word_list("common")
    if not words:
        return
    for found in re.finditer(r"(?<![\w@.])[^\W\d_]{3,40}+(?![\w@])", text):
        if found[0].lower() in words and found[0][0].isupper():
            yield "PERSON", found.start(), found.end()


def parts(name: str) -> list[str]:
    """Under which words a person may be mentioned again: the whole name and its longer parts."""
    pieces = [piece.strip("'’.-,") for piece in name.split()]
    return [
        name,
        *(
            piece
            for piece in pieces
            if len(piece) >= _MIN and piece.lower() not in word_list("stop") and not piece.isdigit()
        ),
    ]


def is_common(word: str) -> bool:
    return word.lower() in word_list("common")
