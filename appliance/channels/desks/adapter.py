"""What the adapter of every help desk does, and the values that pass between it and the channel.

An adapter knows one desk's wire and nothing else: not the store, not the settings of others, not how a call is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from appliance.desk_settings import DeskChange, DeskKind, DeskSettings

MARK = "support_appliance"
"""Where the idempotency key stands in what we post, in whatever the desk keeps beside a message and shows to no customer."""

Who = Literal["customer", "person", "nobody"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one webhook says, in the words of the channel.

    ``who`` is customer (answer it), person (an agent spoke to the customer: a person has the ticket) or nobody (``reason`` says why it is left alone).
    ``ticket`` and ``message`` are the desk's ids; ``message`` is the same at each delivery of the same message. ``group`` is what ``groups`` of the
    settings names.
    """

    who: Who
    reason: str = ""
    ticket: str = ""
    message: str = ""
    text: str = ""
    subject: str = ""
    email: str = ""
    name: str = ""
    group: str = ""


def nobody(reason: str) -> Heard:
    return Heard("nobody", reason)


@dataclass(frozen=True, slots=True)
class Post:
    """What is to stand in a ticket. ``key`` is the idempotency key; ``since``: no earlier try can have been made before it."""

    key: str
    ticket: str
    text: str
    public: bool
    change: DeskChange
    since: datetime


@dataclass(frozen=True, slots=True)
class Spoken:
    """The answer of a desk's API to one call that went well."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Call(Protocol):
    """One call of a desk's API. Raises ``Undelivered`` for everything but a 2xx, and for what is not JSON."""

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Spoken: ...


class Desk(Protocol):
    """One kind of help desk."""

    @property
    def kind(self) -> DeskKind: ...

    def signed(
        self, headers: Mapping[str, str], body: bytes, secret: bytes, *, now: datetime, max_age_s: float
    ) -> bool:
        """Whether the desk's own signature stands over exactly these bytes, and is fresh where the desk signs a time. ``headers`` in lower case."""
        ...

    def hear(self, body: bytes, settings: DeskSettings) -> Heard:
        """Read a proved webhook. Raises ``InputInvalid`` for what is not the desk's shape."""
        ...

    def authorization(self, settings: DeskSettings, token: str) -> Mapping[str, str]:
        """The headers that a call of the API needs."""
        ...

    async def find(self, call: Call, settings: DeskSettings, post: Post) -> str | None:
        """Id of the message that an earlier try has left in the ticket, or None."""
        ...

    async def post(self, call: Call, settings: DeskSettings, post: Post) -> str:
        """Write it into the ticket, and make ``post.change``; returns its id. What is written comes last, so ``find`` tells that all was done."""
        ...

    async def me(self, call: Call, settings: DeskSettings) -> str:
        """Id of the user that the token belongs to."""
        ...
