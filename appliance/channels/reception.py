"""The reception: opens conversations, takes messages in, and lets visitors see what is theirs.

What it has returned from is committed. Blocking work runs in threads; the event loop only waits.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from appliance.attachment import AttachmentLimits, StoredFile
from appliance.crash_points import reach
from appliance.errors import InputInvalid, InputTooLarge
from appliance.line.runner import Runner
from appliance.store.attachments import DEFAULT_LIMITS, check_count
from appliance.store.conversations import Accepted, ConversationView, NewConversation, NewMessage, SqlConversations
from appliance.ticket import Channel, Message, Trust

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SAYS = re.compile(r"\w|[?!]")
"""Besides these a picture says something (an emoji is "So" in Unicode); dots and dashes alone do not."""
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,253}")
_NAME_CHARS = 200
_SUBJECT_CHARS = 300
_COMMENT_CHARS = 2_000
_KEY_CHARS = 128
_CUT = "\n[…]"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that a connector (a mailbox, a desk) brings, with what the connector knows for sure.

    ``source``: the mailbox or desk by name. ``external_id``: its id of the whole thread; None: the thread is known by its first message. ``key``: its id of this message, the same at
    each delivery. ``reply_to``: our conversation, when the connector has proof that it belongs there. ``customer_id`` only with ``trust`` above none.
    """

    channel: Channel
    source: str
    key: str
    text: str
    external_id: str | None = None
    reply_to: str | None = None
    subject: str = ""
    customer_email: str = ""
    customer_name: str = ""
    customer_id: str | None = None
    trust: Trust = "none"
    profile: str = ""
    files: tuple[StoredFile, ...] = ()
    """On the disk (``AttachmentFiles.keep``); their rows are written with the message. When it was stored before, they are left over and the sweep removes them."""
    comes_again: bool = False
    """Its sender delivers it again when it is refused, so in a rush it may be; a mail that was fetched is never refused."""


@dataclass(frozen=True, slots=True)
class Once:
    """The same opening asked for again is the same conversation: ``id`` says which opening it is, ``token`` will be its visitor's key."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A new conversation. ``token`` is its visitor's key, shown once; ``accepted`` is the first message, when one was given."""

    id: str
    token: str
    accepted: Accepted | None = None


class Reception:
    """The one door for messages, whatever the channel."""

    def __init__(
        self,
        conversations: SqlConversations,
        runner: Runner,
        *,
        max_message_chars: int,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        limits: AttachmentLimits = DEFAULT_LIMITS,
        signed_in: timedelta = timedelta(hours=12),
    ) -> None:
        """``signed_in``: how long the first token of a customer's conversation counts as the customer's."""
        self._conversations = conversations
        self._runner = runner
        self._max_chars = max_message_chars
        self._new_id = new_id
        self._now = now
        self._limits = limits
        self._signed_in = signed_in

    async def open(
        self,
        *,
        channel: Channel,
        customer_email: str = "",
        customer_name: str = "",
        subject: str = "",
        customer_id: str | None = None,
        text: str | None = None,
        idempotency_key: str | None = None,
        files: Sequence[StoredFile] = (),
        once: Once | None = None,
        suspicion: str = "",
        opened_by: str | None = None,
    ) -> Opened:
        """Begin a conversation, and take its first message when ``text`` is given. Raises ``Busy`` before anything is stored.

        ``customer_id`` is set only by a channel that has authenticated the customer; a typed address identifies nobody.
        ``suspicion``: why it looks like spam; then people read it, and nothing is mailed to that address.
        """
        if customer_email and (not _EMAIL.fullmatch(customer_email) or plain(customer_email) != customer_email):
            raise InputInvalid(
                "customer.email is not an e-mail address.",
                remedy="Send an address such as name@example.org, or leave it out.",
            )
        new = NewConversation(
            id=self._new_id(),
            token=once.token if once else secrets.token_urlsafe(24),
            channel=channel,
            source=channel if once else "",
            external_id=once.id if once else None,
            suspicion=suspicion,
            opened_by=opened_by,
            subject=plain(subject)[:_SUBJECT_CHARS],
            customer_id=customer_id,
            signed_in_until=self._now() + self._signed_in if customer_id else None,
            contact_email=customer_email,
            contact_name=plain(customer_name)[:_NAME_CHARS],
        )
        first = None if text is None else self._new_message(text, idempotency_key, files=files)
        if first is not None and customer_id:
            first = replace(first, trust="session")
        message = await asyncio.shield(asyncio.ensure_future(self._create(new, first)))
        return Opened(
            message.conversation_id if message else new.id,
            new.token,
            Accepted(message, again=first is not None and message.id != first.id) if message else None,
        )

    async def receive(
        self,
        conversation_id: str,
        token: str,
        text: str,
        idempotency_key: str | None = None,
        *,
        attachments: Sequence[str] = (),
        files: Sequence[StoredFile] = (),
    ) -> Accepted:
        """Store a message and start its run. Raises ``Busy`` before anything is stored, ``NotFound``, ``Conflict``, ``InputInvalid``.

        ``attachments``: uploads of this conversation that it takes along; ``files``: such that came with it and have no row yet.
        """
        new = self._new_message(text, idempotency_key, attachments, files)
        return await asyncio.shield(asyncio.ensure_future(self._accept(conversation_id, token, new)))

    async def take(self, incoming: Incoming) -> Accepted:
        """Store what a connector brings and start its run; the same key again changes nothing. Raises ``Busy`` before anything is stored.

        A text that is too long is cut, never refused: the connector keeps the original, and people see that it was cut.
        """
        new = NewConversation(
            id=self._new_id(),
            token=secrets.token_urlsafe(24),
            channel=incoming.channel,
            subject=plain(incoming.subject)[:_SUBJECT_CHARS],
            customer_id=incoming.customer_id if incoming.trust != "none" else None,
            contact_email=incoming.customer_email,
            contact_name=plain(incoming.customer_name)[:_NAME_CHARS],
            profile=incoming.profile,
            source=incoming.source,
            external_id=incoming.external_id or incoming.key,
        )
        words = plain(incoming.text, lines=True)
        if len(words) > self._max_chars:
            words = f"{words[: self._max_chars - len(_CUT)]}{_CUT}"
        message = NewMessage(self._new_id(), words, incoming.key, incoming.trust, files=incoming.files)
        return await asyncio.shield(asyncio.ensure_future(self._take(new, message, incoming)))

    async def authorize(self, conversation_id: str, token: str) -> None:
        """Raises ``Unauthorized`` or ``NotFound`` unless the token is that conversation's."""
        await asyncio.to_thread(self._conversations.authorize, conversation_id, token)

    async def view(self, conversation_id: str, token: str) -> ConversationView:
        return await asyncio.to_thread(self._conversations.view, conversation_id, token)

    async def feedback(
        self, conversation_id: str, token: str, *, resolved: bool | None, csat: int | None, comment: str | None
    ) -> None:
        """What the customer says of the help; a later word replaces an earlier one."""
        if csat is not None and not 1 <= csat <= 5:
            raise InputInvalid("csat must be between 1 and 5.", remedy="Send 1 (poor) to 5 (excellent).")
        kept = None if comment is None else plain(comment)[:_COMMENT_CHARS]
        await asyncio.to_thread(
            self._conversations.feedback,
            conversation_id,
            token,
            resolved=resolved,
            csat=csat,
            comment=kept,
            now=self._now(),
        )

    # All are shielded: a sender who hangs up while the row is written must not leave it without its run.
    async def _create(self, new: NewConversation, first: NewMessage | None) -> Message | None:
        if first is None:
            return await asyncio.to_thread(self._conversations.create, new, now=self._now(), first=None)
        with self._runner.admit(new.id) as permit:
            reach("received")
            message = await asyncio.to_thread(self._conversations.create, new, now=self._now(), first=first)
            reach("stored")
            if message:
                self._runner.submit(message, permit)
            return message

    async def _accept(self, conversation_id: str, token: str, new: NewMessage) -> Accepted:
        with self._runner.admit(conversation_id) as permit:
            reach("received")
            accepted = await asyncio.to_thread(self._conversations.accept, conversation_id, token, new, now=self._now())
            reach("stored")
            if accepted.reply is None:
                self._runner.submit(accepted.message, permit)
            return accepted

    async def _take(self, new: NewConversation, message: NewMessage, incoming: Incoming) -> Accepted:
        reply_to = incoming.reply_to
        with self._runner.admit(reply_to or new.id, bounded=incoming.comes_again) as permit:
            reach("received")
            accepted = await asyncio.to_thread(
                self._conversations.take, new, message, reply_to=reply_to, now=self._now()
            )
            reach("stored")
            if accepted.reply is None:
                self._runner.submit(accepted.message, permit)
            return accepted

    def _new_message(
        self, text: str, key: str | None, attachments: Sequence[str] = (), files: Sequence[StoredFile] = ()
    ) -> NewMessage:
        check_count(len(attachments) + len(files), self._limits)
        words = plain(text, lines=True)
        if not _SAYS.search(words) and not any(unicodedata.category(sign) == "So" for sign in words):
            raise InputInvalid("The message is empty.", remedy="Write what you need help with.")
        if len(words) > self._max_chars:
            raise InputTooLarge(
                f"The message has {len(words):,} characters; at most {self._max_chars:,} are read.",
                remedy="Shorten it to what matters.",
            )
        if key is not None and (not 1 <= len(key) <= _KEY_CHARS or plain(key) != key):
            raise InputInvalid(
                f"idempotency_key must have 1 to {_KEY_CHARS} printable characters.", remedy="Use a UUID."
            )
        chosen = tuple(dict.fromkeys(attachments))
        return NewMessage(self._new_id(), words, key, attachments=chosen, files=tuple(files))


def plain(text: str, *, lines: bool = False) -> str:
    """Text without control and direction characters (names and subjects on one line): they hide things from readers, and PostgreSQL refuses NUL."""
    cleaned = _CONTROL.sub("", text.encode("utf-8", "replace").decode()).replace("\r\n", "\n").strip()
    return cleaned if lines else re.sub(r"\s+", " ", cleaned)
