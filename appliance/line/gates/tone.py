"""Tone: plain, brief, neither grovelling nor chummy. What says nothing is cut by rule; nothing is put in its place but a plainer word.

It runs before meaning is judged, so a cut that changed the meaning would be caught like any other invention.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.line.gates.form import malformed
from appliance.line.literals import extract
from models.lexical import content_stems, words

_MOST_WORDS = 60
"""A longer sentence is no short answer. What a second clause adds is cut at its semicolon or dash; without one the sentence stays out."""

_OPENERS = (
    r"(?:hi|hello|hey|greetings)(?: (?:there|again|everyone|all|[A-Z]\w{1,30}))?[,.!]",
    r"dear (?:customer|sir|madam|sir or madam|friend|[A-Z]\w{1,30}(?: [A-Z]\w{1,30})?)[,.!]",
    r"good (?:morning|afternoon|evening)(?: [\w ]{1,30})?[,.!]",
    r"(?:certainly|absolutely|definitely|of course|sure(?: thing)?|no problem|no worries|great|awesome|perfect|okay|ok|well|alright|right)(?:[,.!:]+| [–-] )",
    r"(?:that(?:'s| is) an? )?(?:great|good|excellent) question[,.!:]+",
    r"thank(?:s| you)(?: so much| very much)?(?: for [^.!?,]{1,60})?[,.!]",
    r"i hope (?:this|you)[^.!?,]{1,50}[,.!]",
    r"(?:please be (?:advised|informed)|(?:we wish|i would like) to inform you|(?:i am|we are) pleased to inform you)(?: that\b|[,:])",
    r"(?:kindly note|please note|note|it is important to (?:note|remember)|rest assured)(?: that\b,?|[,:])",
    r"(?:i(?:'m| am)|we(?:'re| are)) (?:(?:so|very|really|truly|terribly|deeply|extremely|sincerely) )*(?:sorry|apologi[sz]ing)[^.!?,]{0,80}[,.!]+",
    r"(?:i|we) (?:(?:sincerely|deeply|truly|humbly) )*apologi[sz]e[^.!?,]{0,80}[,.!]+",
    r"(?:my|our) (?:(?:sincere|sincerest|deepest|humble) )*apologies[^.!?,]{0,80}[,.!]+",
    r"(?:please )?accept (?:my|our)[^.!?,]{0,30}apologies[^.!?,]{0,80}[,.!]+",
    r"(?:i|we) (?:(?:completely|totally|fully|certainly) )*(?:understand|appreciate) (?:your|how|that (?:this|it) (?:is|must)|the (?:frustration|inconvenience))[^.!?,]{0,80}[,.!]+",
    r"(?:but|and|however),? (?=\w)",
)
"""Ways to begin without saying anything; the last one only follows another."""
_PARTED = r"(?:(?<=\s)|\s+|$)"
"""A full stop inside an address ends no greeting."""
_OPENING = re.compile(rf"^(?:(?:{'|'.join(_OPENERS[:-1])}){_PARTED})(?:(?:{'|'.join(_OPENERS)}){_PARTED})*", re.I)
_CLOSERS = (
    r"(?:please )?(?:do not|don't|don’t|never) hesitate to [^.!?]{1,80}",
    r"(?:please )?(?:feel free|let (?:me|us) know|reach out|get in touch) (?:to|if|should|with|when)[^.!?]{1,80}",
    r"(?:i|we) hope (?:this|that)[^.!?]{1,50}",
    r"have a (?:great|nice|wonderful|lovely|good) (?:day|evening|weekend|one)",
    r"(?:best|kind|warm) regards",
    r"happy to help",
)
_CLOSING = re.compile(rf"(?:^|[.!?,;]\s+|\s[–—-]\s)(?:and |so |but )?(?:{'|'.join(_CLOSERS)})[.!]*$", re.I)
"""A clause of its own. Within one ("You do not have to get in touch with us") the same words carry the meaning."""
_OPEN_CLAUSE = re.compile(
    r"(?:^|[.!?;]\s+)(?:if|unless|when|whenever|before|after|until|once|while|as|since|because|to|in case|should|for|with|without|instead|only if)\b[^.!?;]*$",
    re.I,
)
"""What would be left is half a sentence: "If it goes on"."""
_SORRY = re.compile(
    r"^i(?:'m|’m| am) sorry (?:that )?you(?:'re|’re| are) having trouble with (?P<what>[^.!?]{1,80})[.!]?$", re.I
)
_PLAINER = (
    (re.compile(r"\bkindly\b", re.I), "please"),
    (re.compile(r"\butili[sz]e\b", re.I), "use"),
    (re.compile(r"\bin order to\b", re.I), "to"),
    (re.compile(r"\bprior to\b", re.I), "before"),
    (re.compile(r"\bgonna\b", re.I), "going to"),
    (re.compile(r"\bwanna\b", re.I), "want to"),
    (re.compile(r"\bgotta\b", re.I), "have to"),
)
_CHUMMY = re.compile(
    r",?\s*\b(?:lol|haha+|omg|buddy|dude|(?-i:mate)|folks|y['’]all|sweetie|dear friend|champ)\b,?(?=\s|[.!?]|$)", re.I
)
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\U0001f000-\U0001faff]+")
_EMPHASIS = re.compile(r"\*\*|`|(?<!\w)__(?=\S)(?P<bold>[^_\n]*[ ][^_\n]*|[A-Z][^_ \n]*)__(?!\w)")
"""Two underscores around a small word are a name, such as ``__init__``."""
_BREAK = re.compile(r";\s|\s[–—]\s")


@dataclass(frozen=True, slots=True)
class Settled:
    """The sentence as it may be said, and what was done to it in words; ``text`` is empty when nothing of it says anything."""

    text: str
    changes: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        return ", ".join(self.changes)


def settle(text: str) -> Settled:
    """Cut openers, closers, apologies, emoji and exclamation marks; put plainer words; cut what is too long."""
    changes: list[str] = []
    said = text.strip()
    if sorry(said):
        return Settled(said)
    for name, step in _STEPS:
        after = step(said)
        if after != said:
            changes.append(name)
            said = after
    said = said.strip()
    if said and changes:
        said = said[0].upper() + said[1:]
    return Settled(said if re.search(r"\w", said) else "", tuple(changes))


def sorry(text: str) -> str:
    """What the customer has trouble with, when the sentence is the one apology that we make; empty otherwise."""
    found = _SORRY.match(text.strip())
    return found["what"] if found else ""


def apologises(text: str, question: str) -> bool:
    """Whether the sentence is the one apology that we make, in plain words and about what was asked: every telling word of it stands in the question, and no figure."""
    what = sorry(text)
    telling = content_stems(words(what))
    return bool(telling) and telling <= content_stems(words(question)) and not (extract(what) or malformed(text))


def _plainer(text: str) -> str:
    for pattern, word in _PLAINER:
        text = pattern.sub(lambda match, word=word: word.capitalize() if match.group()[0].isupper() else word, text)  # type: ignore[misc]  # mypy cannot type a lambda with a default
    return text


def _without_closing(text: str) -> str:
    """Without its closing, where what is left is a whole sentence."""
    closing = _CLOSING.search(text)
    if closing is None or (closing.start() and _OPEN_CLAUSE.search(text[: closing.start()])):
        return text
    return _closed(text[: closing.start() + (text[closing.start()] in ".!?")])


def _closed(text: str) -> str:
    """The sentence ends where its closing was cut off."""
    return text if not text or text.rstrip()[-1:] in ".!?:" else f"{text.rstrip(' ,;')}."


def _calm(text: str) -> str:
    return re.sub(r"!+(?=\s|$|[\"”’)])", ".", re.sub(r"\?!|!\?", "?", text))


def _shorter(text: str) -> str:
    """Up to the last clause that fits, when the sentence is too long."""
    if len(text.split()) <= _MOST_WORDS:
        return text
    breaks = [match.start() for match in _BREAK.finditer(text) if len(text[: match.start()].split()) <= _MOST_WORDS]
    return f"{text[: breaks[-1]].rstrip(' ,')}." if breaks else ""


_STEPS = (
    ("emphasis taken off", lambda text: _EMPHASIS.sub(lambda match: match["bold"] or "", text)),
    ("emoji", lambda text: _EMOJI.sub("", text).rstrip()),
    ("opening", lambda text: _OPENING.sub("", text)),
    ("closing", _without_closing),
    ("chummy", lambda text: _CHUMMY.sub("", text)),
    ("plainer words", _plainer),
    ("exclamation", _calm),
    ("too long", _shorter),
)
