"""The form of a draft on the wire: the JSON schema a server is held to, and the reader of what really arrives.

A server may be old, broken or hostile, so the schema is a wish and the reader is the check: everything that is not
exactly such a document ends in ``WireError``, after the sentences that were already whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import jiter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from models.roles import DraftSentence
from models.sentences import split_sentences

MAX_SENTENCE_CHARS = 400
MAX_CITATIONS = 4
MAX_DRAFT_CHARS = 64_000
"""Of one draft's JSON. A server that ignores ``max_tokens`` is cut off here."""
MAX_BLANKS = 100
"""White space in a row between parts. A small model held to a schema that allows white space can write nothing else."""
_SENTENCE_DEPTH = 3
"""A sentence is the object inside the array inside the document."""


class WireError(Exception):
    """What arrived is not a draft. The message never repeats what arrived: it may hold a customer's words."""


class _Sentence(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    text: StrictStr = Field(max_length=MAX_SENTENCE_CHARS)
    citations: list[StrictInt] = Field(max_length=32)


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    covered: StrictBool
    sentences: list[_Sentence]


def response_format(passages: int, max_sentences: int) -> dict[str, Any]:
    """The ``response_format`` of a request: covered with sentences, or not covered without, and nothing between.

    ``covered`` comes first: a "no" must be known before any sentence.
    """
    citation = {"type": "integer", "enum": list(range(1, max(1, passages) + 1))}
    sentence = _object(
        {
            "text": {"type": "string", "minLength": 1, "maxLength": MAX_SENTENCE_CHARS},
            "citations": {"type": "array", "items": citation, "minItems": 1, "maxItems": MAX_CITATIONS},
        }
    )
    some = {"type": "array", "items": sentence, "minItems": 1, "maxItems": max_sentences}
    none = {"type": "array", "items": sentence, "maxItems": 0}
    answered = _object({"covered": {"const": True}, "sentences": some})
    not_covered = _object({"covered": {"const": False}, "sentences": none})
    schema = {"anyOf": [answered, not_covered]}
    return {"type": "json_schema", "json_schema": {"name": "draft", "strict": True, "schema": schema}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_Model = TypeVar("_Model", bound=BaseModel)


class DraftReader:
    """Takes the document in pieces and gives each sentence out as soon as its closing brace is there.

    Every character is looked at once, and a sentence is parsed once: endless small pieces cost no more than one big one.
    """

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._pieces: list[str] = []
        self._length = 0
        self._open: list[str] = []
        self._in_string = False
        self._escaped = False
        self._blanks = 0
        self._started_at = 0
        self._covered: bool | None = None
        self.complete = False

    def feed(self, piece: str) -> Iterator[DraftSentence]:
        """Sentences that ``piece`` completes. Raises ``WireError``."""
        self._pieces.append(piece)
        offset = self._length
        self._length += len(piece)
        if self._length > MAX_DRAFT_CHARS:
            raise WireError(f"the draft is longer than {MAX_DRAFT_CHARS} characters")
        for index, character in enumerate(piece):
            if self._step(character, offset + index):
                yield from self._sentence(offset + index + 1)

    def finish(self) -> None:
        """Check the whole document once nothing more will come. Raises ``WireError``."""
        _parsed(_Document, "".join(self._pieces), "the draft")

    def _step(self, character: str, position: int) -> bool:
        """Follow the nesting; true when ``character`` closes a sentence."""
        self._blanks = self._blanks + 1 if character.isspace() and not self._in_string else 0
        if self._blanks > MAX_BLANKS:
            raise WireError("the draft goes on in white space")
        if self._in_string:
            self._string_step(character)
        elif character == '"':
            self._in_string = True
        elif character in "{[":
            self._opened(character, position)
        elif character in "}]":
            return self._closed(character)
        elif self.complete and not character.isspace():
            raise WireError("something follows the draft")
        return False

    def _string_step(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = False

    def _opened(self, character: str, position: int) -> None:
        self._open.append(character)
        if len(self._open) == _SENTENCE_DEPTH:
            self._started_at = position
        if self.complete or len(self._open) > _SENTENCE_DEPTH + 1:
            raise WireError("the draft is nested deeper than a draft is")

    def _closed(self, character: str) -> bool:
        if not self._open or self._open.pop() + character not in ("{}", "[]"):
            raise WireError("the draft closes what it never opened")
        self.complete = not self._open
        return len(self._open) == _SENTENCE_DEPTH - 1 and character == "}"

    def _sentence(self, end: int) -> Iterator[DraftSentence]:
        """The sentence that ends before position ``end`` of the document, unless the model said "not covered"."""
        text = "".join(self._pieces)
        self._pieces = [text]
        if self._covered is None:
            self._covered = _covered(text[: self._started_at])
        found = _parsed(_Sentence, text[self._started_at : end], "a sentence")
        if self._covered:
            known = tuple(dict.fromkeys(n for n in found.citations if 1 <= n <= self._passages))
            yield from (DraftSentence(text=words, citations=known) for words in _split(found.text))


def _split(text: str) -> list[str]:
    """A model may put several sentences into one text; each is checked, and counted, on its own."""
    sentences = split_sentences(" ".join(text.split()), headings=True)
    return sentences[:-1] if len(text) >= MAX_SENTENCE_CHARS else sentences  # the last one was cut by the limit


def _covered(beginning: str) -> bool:
    """What the document says before its first sentence."""
    try:
        document = jiter.from_json(beginning.encode(errors="replace"), partial_mode=True)
    except ValueError:
        raise WireError("the draft is not JSON") from None
    covered = document.get("covered") if isinstance(document, dict) else None
    if not isinstance(covered, bool) or "sentences" not in document:
        raise WireError("the draft does not say first whether the passages cover the question")
    return covered


def _parsed(model: type[_Model], text: str, name: str) -> _Model:
    try:
        return model.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError):
        raise WireError(f"{name} is not in the form asked for") from None
