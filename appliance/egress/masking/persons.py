"""Names of persons by the words before them, and further mentions of those already found. The tagger finds the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
_MAIL_WORD = re.compile(r"[A-Z]?[a-z]{3,64}|[A-Z]{4,64}")
_MIN = 3


def introduced(text: str) -> Iterator[Span]:
    """Names after a form of address or after words such as "my name is", whatever their letters."""
    for found in _TITLE.finditer(text):
        yield from _up_to_stop(found, titled=True)
    for found in _SAID.finditer(text):
        yield from _up_to_stop(found, titled=False)


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
