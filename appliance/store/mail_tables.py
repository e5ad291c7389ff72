"""Tables of e-mail: what came in, what we sent, and who reads which mailbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from appliance.store.tables import Base


class MailRow(Base):
    """A mail that came in. ``stored`` until it has been dealt with: ``taken`` (a message of a ticket), ``ignored``, or ``to_people``.

    ``uidvalidity`` and ``uid`` are the server's. ``fingerprint`` finds the same mail under another uid. ``rule`` says why it was dealt with so.
    ``path`` is the raw file below the data directory, empty when it is not kept. ``message_id`` and ``thread_ids`` are for the headers of our reply.
    """

    __tablename__ = "mails"
    __table_args__ = (
        UniqueConstraint("mailbox", "uidvalidity", "uid"),
        Index("ix_mails_fingerprint", "mailbox", "fingerprint"),
        Index("ix_mails_state", "mailbox", "state"),
        Index("ix_mails_message_id_hash", "mailbox", "message_id_hash"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    mailbox: Mapped[str] = mapped_column(String(64))
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[str] = mapped_column(String(255), default="")
    state: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(String(64), default="")
    message_id: Mapped[str] = mapped_column(Text, default="")
    message_id_hash: Mapped[str] = mapped_column(String(64), default="")
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id"), index=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    settled_at: Mapped[datetime | None]


class SentMailRow(Base):
    """A mail of ours, by the id of its parcel: ``sending`` from before the server is told, then ``accepted`` or ``refused``; ``returned`` when a mail system gave it back.

    ``sending`` after a try means that nobody knows. The recipient is kept as a keyed hash, for the budgets.
    """

    __tablename__ = "sent_mails"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    mailbox: Mapped[str] = mapped_column(String(64))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    recipient: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    fault: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(index=True)
    tried_at: Mapped[datetime]


class MailboxRow(Base):
    """Who reads a mailbox, and how far. ``beat`` counts up while the holder lives; who sees it stand still takes over.

    Mails of ``uidvalidity`` below ``uid_next`` were there before we were, or have been looked at.
    """

    __tablename__ = "mailboxes"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), default="")
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    uidvalidity: Mapped[int] = mapped_column(BigInteger, default=0)
    uid_next: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(Text, default="")
    seen_at: Mapped[datetime | None]
