"""Rows of conversations and messages: how they are found, made and shown. Inside the caller's transaction."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from appliance.access import ProgramKey
from appliance.errors import Conflict, NotFound, Unauthorized
from appliance.store.attachments import same_files
from appliance.store.customer_tables import CustomerTokenRow
from appliance.store.outbox import Happened, What
from appliance.store.program_rows import asserts, reaches
from appliance.store.runs import reply_of
from appliance.store.tables import ConversationRow, MessageRow, RunRow
from appliance.store.views import Accepted, AttachmentView, MessageView, NewConversation, NewMessage
from appliance.ticket import SUSPECTED, Author, Channel, Message, Outcome


def token_hash(token: str) -> str:
    """Tokens have 192 random bits, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# Whose is what: every way of a visitor to a conversation leads through ``authorized`` or ``owned``, and nothing else decides it.
def authorized(
    session: Session, conversation_id: str, token: str, *, now: datetime, change: bool = False
) -> ConversationRow:
    """The conversation, for its own token, one that a signed-in device of its customer holds until it expires, or a program's key that reaches it.

    ``change`` locks the row (PostgreSQL; SQLite has one writer): two messages at once would get the same ``seq``. Raises ``Unauthorized``, and
    ``NotFound`` alike for a foreign conversation and for none.
    """
    if not token:
        raise Unauthorized(
            "This conversation needs its visitor's token.", remedy="Send it as Authorization: Bearer <token>."
        )
    row = _conversation(session, conversation_id, change=change)
    if isinstance(token, ProgramKey):
        if row is None or not reaches(session, row, token_hash(token), change=change):
            raise _no_such()
        return row
    own = row is not None and hmac.compare_digest(row.token_hash, token_hash(token))
    if row is None or not (own or signed_in(session, row, token, now=now)):
        raise _no_such()
    return row


def signed_in(session: Session, conversation: ConversationRow, token: str, *, now: datetime) -> bool:
    """Whether this token counts as the conversation's customer just now."""
    if isinstance(token, ProgramKey):
        return asserts(session, conversation, token_hash(token))
    held = session.get(CustomerTokenRow, token_hash(token))
    return (
        held is not None
        and held.conversation_id == conversation.id
        and held.customer_id == conversation.customer_id
        and held.expires_at > now
    )


def owned(session: Session, conversation_id: str, customer_id: str) -> ConversationRow:
    """A conversation of that customer's own. Raises ``NotFound`` alike for a foreign one and for none."""
    row = _conversation(session, conversation_id, change=False)
    if row is None or row.customer_id is None or row.customer_id != customer_id:
        raise _no_such()
    return row


def sign_in(session: Session, new: NewConversation, *, now: datetime) -> None:
    """Let the first token of a conversation count as its customer, when a channel has authenticated one."""
    if new.customer_id is not None and new.signed_in_until is not None:
        hold(session, new.token, new.id, new.customer_id, until=new.signed_in_until, now=now)


def hold(
    session: Session, token: str, conversation_id: str, customer_id: str, *, until: datetime, now: datetime
) -> None:
    """Let a token count as the conversation's customer until then. Those that no longer do are forgotten."""
    session.execute(delete(CustomerTokenRow).where(CustomerTokenRow.expires_at <= now))
    session.add(
        CustomerTokenRow(
            token_hash=token_hash(token), conversation_id=conversation_id, customer_id=customer_id, expires_at=until
        )
    )


def _conversation(session: Session, conversation_id: str, *, change: bool) -> ConversationRow | None:
    known = re.fullmatch(r"[\w-]{1,32}", conversation_id)  # it comes from the network: PostgreSQL refuses a NUL in it
    return session.get(ConversationRow, conversation_id, with_for_update=change or None) if known else None


def _no_such() -> NotFound:
    return NotFound("There is no such conversation.", remedy="Check the id and the token.")


def by_key(session: Session, conversation_id: str, key: str) -> MessageRow | None:
    return session.scalar(
        select(MessageRow).where(MessageRow.conversation_id == conversation_id, MessageRow.idempotency_key == key)
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What of a conversation others may have to hear."""

    what: What
    message_id: str
    outcome: Outcome | None = None
    speaks: bool = False
    rule: str = ""


def conversation_row(new: NewConversation, now: datetime) -> ConversationRow:
    return ConversationRow(
        id=new.id,
        token_hash=token_hash(new.token),
        channel=new.channel,
        subject=new.subject,
        status="open",
        customer_id=new.customer_id,
        contact_email=new.contact_email,
        contact_name=new.contact_name,
        profile=new.profile,
        source=new.source,
        external_id=new.external_id,
        suspicion=new.suspicion,
        opened_by=new.opened_by,
        created_at=now,
        updated_at=now,
    )


def from_source(session: Session, source: str, key: str) -> MessageRow | None:
    return session.scalar(
        select(MessageRow)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(ConversationRow.source == source, MessageRow.idempotency_key == key)
    )


def taken_into(session: Session, new: NewConversation, reply_to: str | None) -> ConversationRow | None:
    if reply_to is not None:
        return session.get_one(ConversationRow, reply_to, with_for_update=True)
    if new.external_id is None:
        return None
    query = select(ConversationRow).where(
        ConversationRow.source == new.source, ConversationRow.external_id == new.external_id
    )
    return session.scalar(query.with_for_update())


def accepted_before(session: Session, earlier: MessageRow, new: NewMessage, *, compare_files: bool = True) -> Accepted:
    if earlier.text != new.text:
        raise Conflict("This idempotency key was used for another text.", remedy="Use a new key for a new message.")
    if compare_files and not same_files(session, earlier.id, new.attachments, new.files):
        raise Conflict("This idempotency key was used with other files.", remedy="Use a new key for a new message.")
    run = session.get(RunRow, earlier.covered_by or earlier.id)
    return Accepted(message_of(earlier), replace(reply_of(run), message_id=earlier.id) if run else None, again=True)


def begun_before(session: Session, earlier: ConversationRow, new: NewConversation, first: NewMessage) -> Message:
    """The first message of a conversation that is begun again by the same form. Raises ``Conflict`` when it says something else now."""
    message = session.scalar(select(MessageRow).where(MessageRow.conversation_id == earlier.id, MessageRow.seq == 1))
    said = (earlier.token_hash, earlier.subject, earlier.contact_email, earlier.contact_name, earlier.customer_id)
    says = (token_hash(new.token), new.subject, new.contact_email, new.contact_name, new.customer_id)
    if (
        message is None
        or said != says
        or message.text != first.text
        or not same_files(session, message.id, (), first.files)
    ):
        raise Conflict(
            "This form was sent before, with other words.", remedy="Press Send again to send it as a new message."
        )
    return message_of(message)


def next_seq(session: Session, conversation_id: str) -> int:
    return (
        session.scalar(select(func.max(MessageRow.seq)).where(MessageRow.conversation_id == conversation_id)) or 0
    ) + 1


def customer_message(conversation_id: str, seq: int, new: NewMessage, now: datetime) -> MessageRow:
    return MessageRow(
        id=new.id,
        conversation_id=conversation_id,
        seq=seq,
        author="customer",
        text=new.text,
        state="accepted",
        idempotency_key=new.idempotency_key,
        trust=new.trust,
        created_at=now,
    )


def message_of(row: MessageRow) -> Message:
    return Message(row.id, row.conversation_id, row.seq, cast("Author", row.author), row.text, row.created_at)


def view_of(row: MessageRow, run: RunRow | None, files: tuple[AttachmentView, ...] = ()) -> MessageView:
    return MessageView(
        row.id, row.seq, cast("Author", row.author), row.text, row.created_at, reply_of(run) if run else None, files
    )


def happened_in(conversation: ConversationRow, told: Told, now: datetime) -> Happened:
    return Happened(
        what=told.what,
        conversation_id=conversation.id,
        channel=cast("Channel", conversation.channel),
        source=conversation.source,
        message_id=told.message_id,
        at=now,
        outcome=told.outcome,
        speaks=told.speaks,
        rule=SUSPECTED if conversation.suspicion else told.rule,
    )
