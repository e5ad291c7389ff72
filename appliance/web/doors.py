"""What the web asks of the appliance. ``appliance.bootstrap.Appliance`` fits these Protocols; so may anything else that tests need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from prometheus_client import CollectorRegistry

from appliance.access import Program, ProgramKey, Scope, Session
from appliance.attachment import StoredFile
from appliance.channels.attachments import Attachments
from appliance.channels.desks.intake import Heeded
from appliance.channels.reception import Once, Opened
from appliance.channels.strangers import Strangers
from appliance.channels.visitors import Admitted, Recognised
from appliance.config import Config
from appliance.errors import Busy
from appliance.line.events import Event
from appliance.policy import Policy
from appliance.store.conversations import Accepted, ConversationView
from appliance.store.views import OwnConversation
from appliance.ticket import Channel, Message, Reply
from kb.article import Article


class Reception(Protocol):
    """Takes in what visitors say. Each call is committed when it returns; faults are ``appliance.errors``."""

    async def open(
        self,
        *,
        channel: Channel,
        customer_id: str | None = None,
        customer_email: str = "",
        customer_name: str = "",
        subject: str = "",
        text: str | None = None,
        files: Sequence[StoredFile] = (),
        once: Once | None = None,
        suspicion: str = "",
        opened_by: str | None = None,
    ) -> Opened: ...

    async def receive(
        self,
        conversation_id: str,
        token: str,
        text: str,
        idempotency_key: str | None = None,
        *,
        attachments: Sequence[str] = (),
        files: Sequence[StoredFile] = (),
    ) -> Accepted: ...

    async def authorize(self, conversation_id: str, token: str) -> None: ...

    async def view(self, conversation_id: str, token: str) -> ConversationView: ...

    async def feedback(
        self, conversation_id: str, token: str, *, resolved: bool | None, csat: int | None, comment: str | None
    ) -> None: ...


class Visitors(Protocol):
    """Customers whom a host page has signed in. Each call raises ``IdentityInvalid`` for an identity that does not hold."""

    async def recognise(self, token: str) -> Recognised: ...

    async def conversations(self, token: str) -> list[OwnConversation]: ...

    async def go_on(self, token: str, conversation_id: str) -> Admitted: ...


class Programs(Protocol):
    """Programs with a key, and requests that come twice."""

    async def admit(self, key: ProgramKey, scope: Scope) -> Program: ...

    async def customer(self, program: Program, *, id: str, email: str, name: str) -> Recognised | None: ...

    def once(self, holder: str, key: str) -> Once: ...


class Desks(Protocol):
    """Takes webhooks of the company's help desks; committed when it returns."""

    async def hear(self, name: str, headers: Mapping[str, str], body: bytes, *, path_secret: str = "") -> Heeded: ...


class Runner(Protocol):
    """Watches runs. A run goes on whatever its visitor's connection does."""

    async def reply(self, message_id: str) -> Reply: ...

    def events(self, conversation_id: str, after: str | None) -> AsyncIterator[Event]: ...

    def message_events(self, message: Message) -> AsyncIterator[Event]: ...

    @property
    def admission(self) -> Admission: ...


class Admission(Protocol):
    """Who is taken on. Nothing of it blocks."""

    @property
    def full(self) -> bool: ...

    def busy(self) -> Busy: ...

    def places(self) -> Mapping[str, int]:
        """Conversation -> place in the queue, of those who wait."""
        ...


class Articles(Protocol):
    """The knowledge base's text."""

    def get(self, article_id: str) -> Article | None: ...


class Knowledge(Protocol):
    @property
    def articles(self) -> Articles: ...


class Access(Protocol):
    """Keys and sessions of the staff."""

    def sign_in(self, key: str, *, now: datetime) -> tuple[str, Session] | None: ...

    def session(self, token: str, *, now: datetime) -> Session | None: ...

    def sign_out(self, token: str) -> None: ...


class Egress(Protocol):
    """Hosted models, as the compliance officer and the operator see them. All of it may block."""

    def status(self) -> dict[str, Any]: ...

    def left(self, days: int) -> list[dict[str, Any]]: ...

    def file(self, form: Literal["csv", "jsonl"]) -> bytes: ...

    def stop(self, *, who: str, why: str) -> None: ...

    def allow(self, *, who: str, why: str) -> None: ...


class Doors(Protocol):
    """The whole appliance, as far as the web may know it."""

    @property
    def config(self) -> Config: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def reception(self) -> Reception: ...
    @property
    def visitors(self) -> Visitors: ...
    @property
    def programs(self) -> Programs: ...
    @property
    def desks(self) -> Desks: ...
    @property
    def runner(self) -> Runner: ...
    @property
    def knowledge(self) -> Knowledge: ...
    @property
    def access(self) -> Access: ...
    @property
    def egress(self) -> Egress: ...
    @property
    def attachments(self) -> Attachments: ...
    @property
    def strangers(self) -> Strangers: ...
    @property
    def metrics(self) -> CollectorRegistry: ...

    def ready(self) -> Sequence[tuple[str, bool, str]]:
        """(part, ok, detail) for every part that must work before tickets can be answered. May block."""
        ...

    def rungs(self) -> dict[str, Any]:
        """Figures of each rung over the last 30 days, as ``appliance report --json`` has them. May block."""
        ...
