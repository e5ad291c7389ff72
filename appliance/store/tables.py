"""The tables. JSON columns hold what is only ever read as a whole; whatever is filtered or counted has a column of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. SQLite forgets time zones, so every value is stored in UTC and comes back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else (value if value.tzinfo else value.replace(tzinfo=UTC))


class Base(DeclarativeBase):
    """All tables of the appliance."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


class SettingRow(Base):
    """Small facts of this installation: hash of the admin token, encoder revision."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class AccessKeyRow(Base):
    """A key of one of the staff, or of a program of theirs. It is never deleted: the record of who could do what outlives it."""

    __tablename__ = "access_keys"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(Text, default="", server_default=sql("''"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class SessionRow(Base):
    """A signed-in browser. Without a key it began with the administrator's token."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("access_keys.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    csrf: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ConversationRow(Base):
    """``source``: the mailbox or desk that it came by, with that one's id of it in ``external_id``. ``profile``: empty for the appliance's own."""

    __tablename__ = "conversations"
    __table_args__ = (Index("uq_conversations_source", "source", "external_id", unique=True),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(16), default="open", index=True)
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("customers.id"), index=True)
    contact_email: Mapped[str] = mapped_column(String(320), default="")
    contact_name: Mapped[str] = mapped_column(Text, default="")
    profile: Mapped[str] = mapped_column(String(64), default="", server_default=sql("''"))
    source: Mapped[str] = mapped_column(String(64), default="", server_default=sql("''"))
    external_id: Mapped[str | None] = mapped_column(String(255))
    suspicion: Mapped[str] = mapped_column(String(32), default="", server_default=sql("''"))
    opened_by: Mapped[str | None] = mapped_column(String(16))
    happenings: Mapped[int] = mapped_column(Integer, default=0, server_default=sql("0"))
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime] = mapped_column(index=True)


class MessageRow(Base):
    """What was said. A customer's message is ``accepted`` until its run has closed, then ``answered``; others are ``sent``.

    ``covered_by``: the earlier message whose run answered this one too. ``attempts``: how often its run was begun; events of each attempt are numbered apart.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "idempotency_key"),
        Index("ix_messages_open", "state", "created_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int] = mapped_column(Integer)
    author: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    trust: Mapped[str] = mapped_column(String(16), default="none", server_default=sql("'none'"))
    covered_by: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default=sql("0"))
    created_at: Mapped[datetime]


class ToldRow(Base):
    """A sentence that a customer may have read while its run was under way; the run's own record has it afterwards, and this row goes."""

    __tablename__ = "told"
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True)
    event: Mapped[dict[str, Any]]
    citations: Mapped[list[Any]]


class OutboxRow(Base):
    """Something that has to leave: written with what caused it, sent by the postman, marked after.

    ``id`` is also the idempotency key that the other side sees. ``key`` says what it is: the same thing is never put in twice.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "state", "due_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(32))
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id"), index=True)
    message_id: Mapped[str | None] = mapped_column(String(32))
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    receipt: Mapped[str] = mapped_column(Text, default="")
    fault: Mapped[str] = mapped_column(Text, default="")


class ReplicaRow(Base):
    """A process that runs the line. ``beat`` counts up while it lives; who sees it stand still takes its runs over."""

    __tablename__ = "replicas"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    beat: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[str] = mapped_column(String(32))
    seen_at: Mapped[datetime]


class RunRow(Base):
    """How one message was dealt with: the reply that left, and every decision and verdict on the way to it."""

    __tablename__ = "runs"
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    outcome: Mapped[str] = mapped_column(String(24), index=True)
    text: Mapped[str] = mapped_column(Text)
    citations: Mapped[list[Any]]
    intent: Mapped[str] = mapped_column(String(64), index=True)
    urgency: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float] = mapped_column(Float)
    rule: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    timings_ms: Mapped[dict[str, Any]]
    language: Mapped[str] = mapped_column(String(16), default="", server_default=sql("''"))
    decisions: Mapped[list[Any]]
    verdicts: Mapped[list[Any]]
    draft: Mapped[dict[str, Any]]
    events: Mapped[list[Any]]
    closed_at: Mapped[datetime] = mapped_column(index=True)


class HandoffRow(Base):
    __tablename__ = "handoffs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), unique=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"))
    rule: Mapped[str] = mapped_column(String(64))
    priority: Mapped[int] = mapped_column(Integer, default=0)
    urgency: Mapped[str] = mapped_column(String(16))
    note: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)


class GapRow(Base):
    """A question that no article answers."""

    __tablename__ = "gaps"
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    question: Mapped[str] = mapped_column(Text)
    intent: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(index=True)


class FeedbackRow(Base):
    """What the customer said of the conversation; the latest word counts, so there is one row a conversation."""

    __tablename__ = "feedback"
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    resolved: Mapped[bool | None]
    csat: Mapped[int | None]
    comment: Mapped[str] = mapped_column(Text, default="")
    updated_at: Mapped[datetime]


class CorrectionRow(Base):
    """What an agent said of the classifier's word on one message: a labelled example. Rows are only added; the newest one counts."""

    __tablename__ = "corrections"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), index=True)
    intent_before: Mapped[str] = mapped_column(String(64))
    intent_after: Mapped[str] = mapped_column(String(64))
    urgency_after: Mapped[str | None] = mapped_column(String(16))
    needed_person: Mapped[bool | None]
    agent: Mapped[str] = mapped_column(String(320), default="")
    created_at: Mapped[datetime] = mapped_column(index=True)


class ArticleRow(Base):
    """``held``: why the import withholds it, NULL for nothing. It is used once ``approved_hash`` is its ``content_hash``."""

    __tablename__ = "articles"
    id: Mapped[str] = mapped_column(String(512), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text, default="")
    url: Mapped[str] = mapped_column(Text, default="")
    intents: Mapped[list[Any]]
    audience: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(Text, default="")
    review_by: Mapped[date | None] = mapped_column(Date)
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    approved: Mapped[bool]
    language: Mapped[str] = mapped_column(String(16), default="")
    source: Mapped[str] = mapped_column(Text, default="", index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    held: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    approved_hash: Mapped[str] = mapped_column(String(64), default="", server_default=sql("''"))


class PassageRow(Base):
    __tablename__ = "passages"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    article_id: Mapped[str] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int] = mapped_column(Integer)
    heading: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text)


class EgressRow(Base):
    """One link of the egress ledger. The database refuses to change or delete it.

    ``body`` is the canonical JSON that the hash covers; the columns before it repeat parts of it for queries, and are held against it.
    """

    __tablename__ = "egress_ledger"
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    settles: Mapped[int | None] = mapped_column(Integer, index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    budget_day: Mapped[str] = mapped_column(String(10), index=True)
    money_micros: Mapped[int] = mapped_column(BigInteger)
    tokens: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
