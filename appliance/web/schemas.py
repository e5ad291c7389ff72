"""The bodies that the API accepts. Unknown keys are refused; errors name the field and never repeat the value."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from appliance.channels.reception import plain

_EMAIL = re.compile(r"[^@\s<>\"',;:]+@[^@\s<>\"',;:]+")


def one_line(text: str) -> str:
    """Names and subjects are plain text on one line: control and formatting characters (bidi overrides too) become spaces."""
    return " ".join(
        "".join(" " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} else char for char in text).split()
    )


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _address(text: str) -> str:
    if text and not _EMAIL.fullmatch(text):
        raise ValueError("must be an e-mail address, such as name@example.com, or be left out")
    return text


OneLine = Annotated[str, Field(max_length=200), AfterValidator(one_line)]
Said = Annotated[str, AfterValidator(_not_blank)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_address)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class CustomerBody(_Body):
    """Who writes. ``email`` and ``name`` are what they say and identify nobody; ``identity`` is what a host page has signed.

    ``id``: the customer's id at a program that may assert who they are (scope ``customers:assert``); by its word ``email`` is theirs, too.
    """

    id: Annotated[str, Field(max_length=255), AfterValidator(one_line)] = ""
    email: Email = ""
    name: OneLine = ""
    identity: str | None = None


class OpenBody(_Body):
    """A new conversation. A chat may begin without a message, so that the first one can be streamed."""

    message: Said | None = None
    channel: Literal["chat", "form", "api"] = "api"
    customer: CustomerBody = CustomerBody()
    subject: OneLine = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.message is None and self.channel != "chat":
            raise ValueError("message is required unless the channel is chat")
        return self


class MessageBody(_Body):
    """What the customer says. The same ``idempotency_key`` again gives the same reply and does nothing twice."""

    text: Said
    idempotency_key: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    attachments: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=50)] = []
    """Ids of files that were uploaded to this conversation before."""


class FeedbackBody(_Body):
    """Whether it helped. Only what is given is written."""

    resolved: bool | None = None
    csat: Annotated[int, Field(ge=1, le=5)] | None = None
    comment: Annotated[str, Field(max_length=2000)] | None = None

    @field_validator("comment")
    @classmethod
    def _cleaned(cls, text: str | None) -> str | None:
        """A comment of spaces and control characters says nothing, and must not replace an earlier one."""
        return plain(text) or None if text else None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.resolved is None and self.csat is None and not self.comment:
            raise ValueError("give at least one of resolved, csat and comment")
        return self


class ConfirmationBody(_Body):
    """The customer's word on a proposed action."""

    accept: bool
