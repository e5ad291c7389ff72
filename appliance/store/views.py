"""What goes into the store of conversations, and what comes out of it for visitors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.attachment import StoredFile
from appliance.ticket import Author, Channel, ConversationStatus, Message, Reply, Trust


@dataclass(frozen=True, slots=True)
class NewConversation:
    """What is known when a conversation begins. The token itself is never stored, only its hash."""

    id: str
    token: str
    channel: Channel
    subject: str = ""
    customer_id: str | None = None
    signed_in_until: datetime | None = None
    """Until then the token counts as the customer's; None: it is nobody's in particular."""
    contact_email: str = ""
    contact_name: str = ""
    profile: str = ""
    source: str = ""
    external_id: str | None = None
    suspicion: str = ""
    opened_by: str | None = None
    """Id of the program's key, when one opened it."""


@dataclass(frozen=True, slots=True)
class OwnConversation:
    """One line of a customer's list of their own conversations."""

    id: str
    channel: Channel
    subject: str
    status: ConversationStatus
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A customer's message that is about to be stored. ``attachments``: ids of uploads that it takes along; ``files``: on the disk, without a row yet."""

    id: str
    text: str
    idempotency_key: str | None = None
    trust: Trust = "none"
    attachments: tuple[str, ...] = ()
    files: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that is safely stored; ``reply`` is set when it was answered before, ``again`` when it was stored before."""

    message: Message
    reply: Reply | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """A file as people are shown it: name, size and what its first bytes look like."""

    id: str
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as its visitor may see it; ``reply`` stands beside the customer's message that it answers."""

    id: str
    seq: int
    author: Author
    text: str
    created_at: datetime
    reply: Reply | None = None
    attachments: tuple[AttachmentView, ...] = ()


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A whole conversation, oldest message first."""

    id: str
    status: ConversationStatus
    channel: Channel
    subject: str
    created_at: datetime
    messages: tuple[MessageView, ...]
