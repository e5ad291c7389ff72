"""Station 3: what is asked, how urgent it is and how sure we are. One encoder pass serves classification and search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from appliance.line.desk import Classify, Encode
from appliance.line.signals.followup import standalone
from appliance.line.signals.mood import frustration, urgency_words
from appliance.line.signals.wishes import courtesy, names_person, wants_person
from appliance.ticket import NOT_HEARD, Classified, Spoken, Ticket
from models.questions import readings_of, search_vector
from models.roles import URGENCIES, Classification, Urgency, Vector
from models.sentences import split_sentences

_PART_WORDS = 40
_FEW_WORDS = 5
_MOST_PARTS = 16
_UNREAD = Classification(intent="", confidence=0.0, urgency="normal", urgency_confidence=0.0, out_of_scope=0.0)
"""Of a text in a language that the models do not read: no word is better than a wrong one."""


class Reader(Protocol):
    """What this station needs of a desk."""

    @property
    def encode(self) -> Encode: ...

    @property
    def classify(self) -> Classify: ...


async def classify(desk: Reader, ticket: Ticket, spoken: Spoken = NOT_HEARD) -> Classified:
    """Read the message together with its subject and, for a follow-up, with what it leans on. Raises ``Overloaded``.

    In a language that the models do not read only plain wishes and courtesies are recognised; there is no intent.
    """
    text = ticket.message.text.strip()
    body, follow_up = standalone(text, ticket.history)
    asked = readings_of("" if ticket.history else ticket.subject, body)
    question = asked[0]
    said = text if ticket.history else f"{ticket.subject.strip()}\n{text}".strip()
    vector, found, others = await _read(desk, asked, said) if spoken.read else (np.zeros(0, np.float32), _UNREAD, ())
    words = urgency_words(said)
    return Classified(
        question=question,
        vector=vector,
        intent=found.intent,
        confidence=found.confidence,
        ranking=found.ranking,
        urgency=_urgency(found, words),
        urgency_evidence=_evidence(found, words),
        out_of_scope=found.out_of_scope,
        wants_person=wants_person(said),
        names_person=names_person(said),
        parts=tuple((one.intent, one.confidence) for one in others),
        follow_up=follow_up,
        frustration=frustration([message.text for message in ticket.history if message.author == "customer"] + [text]),
        courtesy=courtesy(said),
        language=spoken,
    )


async def _read(
    desk: Reader, asked: Sequence[str], said: str
) -> tuple[Vector, Classification, tuple[Classification, ...]]:
    """The vector to search by, what the classifier says of the question (``asked[0]``), and what it says of each part."""
    pieces = parts(said)
    texts = list(dict.fromkeys((*asked, *pieces)))  # a subject is often a piece too, and is read once
    read = dict(zip(texts, await desk.encode(texts), strict=True))
    vector = search_vector([read[text].vector for text in asked])
    return vector, desk.classify(read[asked[0]].features), tuple(desk.classify(read[one].features) for one in pieces)


def parts(text: str) -> list[str]:
    """The sentences of a message of several, long ones in pieces; none for a message of one.

    One vector of a long or mixed ticket says what most of it is about; the dispute in its last line must be seen too.
    """
    pieces: list[str] = []
    for sentence in split_sentences(text, headings=True):
        words = sentence.split()
        if pieces and len(words) < _FEW_WORDS:
            pieces[-1] = f"{pieces[-1]} {sentence}"
        else:
            pieces += [" ".join(words[at : at + _PART_WORDS]) for at in range(0, len(words), _PART_WORDS)]
    if len(pieces) > _MOST_PARTS:  # the beginning and the end say what is wanted; the story lies between
        pieces = [*pieces[: _MOST_PARTS // 2], *pieces[-_MOST_PARTS // 2 :]]
    return pieces if len(pieces) > 1 else []


def _urgency(found: Classification, words: tuple[str, ...]) -> Urgency:
    """The classifier's word, and never below ``high`` when the customer says in so many words that it is urgent (two signs) or the like."""
    if len(words) >= 2 and URGENCIES.index(found.urgency) < URGENCIES.index("high"):
        return "high"
    return found.urgency


def _evidence(found: Classification, words: tuple[str, ...]) -> str:
    if not found.intent and not words:
        return "not assessed: the models do not read this language"
    if words:
        return "; ".join(f"“{word}”" for word in words[:4])
    return f"classifier ({found.urgency}, {found.urgency_confidence:.0%} sure); no urgent wording"
