"""A request under a mask: what a hosted model may read of it, and what its words mean when they come back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from models.roles import SynthesisRequest
from models.synthesis.prompts import Prompt

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*_\d+\]")
"""What a masked value is replaced by, such as ``[PERSON_1]``."""


_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Shown as nothing, and no format characters (Cf): joiners, variation selectors, fillers, the blank of Braille."""


class Found(Protocol):
    """A value that no mask covers. ``value`` is a customer's: it goes into no message and no log."""

    @property
    def type(self) -> str: ...


class MaskSession(Protocol):
    """One ticket: the same value has the same placeholder from the first text to the last."""

    @property
    def counts(self) -> Mapping[str, int]: ...

    def mask(self, text: str, *, names: bool = True) -> str: ...

    def leftovers(self, text: str) -> Sequence[Found]: ...

    def restore(self, text: str) -> str: ...

    def unknown(self, text: str) -> Sequence[str]: ...


class Masker(Protocol):
    """Recognises personal data. Kept by the gate, made only while hosted models are enabled."""

    def session(self) -> MaskSession: ...


def masked(session: MaskSession, request: SynthesisRequest) -> SynthesisRequest:
    """The same request for the same answer. Customers' words lose their names too; articles and our own words keep theirs, which are products and places.

    Addresses of articles are never part of a prompt, and are left out here already.
    """

    def said(text: str) -> str:
        return session.mask(_visible(text), names=True)

    def ours(text: str) -> str:
        return session.mask(_visible(text), names=False)

    for text in (request.question, *(text for _, text in request.history), *(one for one, _ in request.rejected)):
        said(
            text
        )  # once for nothing: a name that only a later message gives away is then masked in the earlier ones too
    return replace(
        request,
        question=said(request.question),
        history=tuple((author, said(text)) for author, text in request.history),
        rejected=tuple((said(sentence), said(reason)) for sentence, reason in request.rejected),
        passages=tuple(
            replace(passage, title=ours(passage.title), text=ours(passage.text), url="") for passage in request.passages
        ),
        company=ours(request.company),
        tone=ours(request.tone),
        examples=tuple((ours(customer), ours(reply)) for customer, reply in request.examples),
    )


def left_over(session: MaskSession, prompt: Prompt, *, mark: str) -> tuple[str, ...]:
    """Types of what the second scan still finds in the prompt as it would leave; also in the form that a reader of look-alike characters sees.

    ``mark`` is our own canary, which looks like a key.
    """
    whole = f"{prompt.system}\n\n{prompt.user}"
    plain = whole.replace(mark, "") if mark else whole
    forms = dict.fromkeys((plain, unicodedata.normalize("NFKC", plain)))
    return tuple(sorted({found.type for text in forms for found in session.leftovers(text)}))


def restored(session: MaskSession, text: str) -> str | None:
    """The sentence with the customer's own values in it; None when it holds a placeholder that stands for nothing."""
    if session.unknown(text):
        return None
    whole = session.restore(text)
    return None if session.unknown(whole) or PLACEHOLDER.search(whole) else whole


def _visible(text: str) -> str:
    """Without characters that nobody sees (zero width, tags, directions, variations, fillers), which could keep a value from being recognised."""
    kept = "".join(one for one in text if unicodedata.category(one) != "Cf" or one in "\u200c\u200d")
    return _UNSEEN.sub("", kept)
