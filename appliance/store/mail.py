"""Mails that came in, and who reads which mailbox. Every call is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from appliance.store.database import Database
from appliance.store.mail_tables import MailboxRow, MailRow, SentMailRow
from appliance.store.tables import ConversationRow, MessageRow
from appliance.ticket import Trust

State = Literal["stored", "taken", "ignored", "to_people"]
DUPLICATE = "mail.duplicate"
_CHUNK = 500  # SQLite bounds the variables of one statement


@dataclass(frozen=True, slots=True)
class Mail:
    """A row of the mails. ``path`` is below the data directory."""

    id: str
    mailbox: str
    uidvalidity: int
    uid: int
    sha256: str
    fingerprint: str
    size: int
    path: str
    received_at: datetime
    state: State = "stored"
    rule: str = ""
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a mailbox was read. ``uidvalidity`` 0: never before."""

    uidvalidity: int = 0
    uid_next: int = 0
    beat: int = 0
    holder: str = ""


class SqlMails:
    """What is ``stored`` has its raw file on the disk, and is still to be dealt with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, mail: Mail) -> Mail:
        """Add a mail once. The row that is there already comes back when server and uid are known; the same mail under another uid is added as a duplicate to ignore."""
        try:
            return self._store(mail)
        except IntegrityError:  # another replica has just stored it
            return self._store(mail)

    def _store(self, mail: Mail) -> Mail:
        with self._database.write() as session:
            row = session.scalar(
                select(MailRow).where(
                    MailRow.mailbox == mail.mailbox, MailRow.uidvalidity == mail.uidvalidity, MailRow.uid == mail.uid
                )
            )
            if row is not None:
                if row.state == "stored":
                    row.path = mail.path  # the raw file of a replica that died is perhaps on another machine
                return _mail(row)
            twin = session.scalar(
                select(MailRow.id).where(MailRow.mailbox == mail.mailbox, MailRow.fingerprint == mail.fingerprint)
            )
            row = MailRow(
                id=mail.id,
                mailbox=mail.mailbox,
                uidvalidity=mail.uidvalidity,
                uid=mail.uid,
                sha256=mail.sha256,
                fingerprint=mail.fingerprint,
                size=mail.size,
                path="" if twin else mail.path,
                state="ignored" if twin else mail.state,
                rule=DUPLICATE if twin else mail.rule,
                message_id="",
                message_id_hash="",
                conversation_id=None,
                received_at=mail.received_at,
                settled_at=mail.received_at if twin else None,
            )
            session.add(row)
            return _mail(row)

    def known(self, mailbox: str, uidvalidity: int, uids: Iterable[int]) -> dict[int, Mail]:
        """Of these uids the ones that have a row."""
        wanted = sorted(uids)
        found: dict[int, Mail] = {}
        with self._database.read() as session:
            for start in range(0, len(wanted), _CHUNK):
                query = select(MailRow).where(
                    MailRow.mailbox == mailbox,
                    MailRow.uidvalidity == uidvalidity,
                    MailRow.uid.in_(wanted[start : start + _CHUNK]),
                )
                found.update({row.uid: _mail(row) for row in session.scalars(query)})
        return found

    def waiting(self, mailbox: str) -> list[Mail]:
        """Stored and not dealt with, in the order of their arrival."""
        query = select(MailRow).where(MailRow.mailbox == mailbox, MailRow.state == "stored")
        with self._database.read() as session:
            return [_mail(row) for row in session.scalars(query.order_by(MailRow.received_at, MailRow.uid))]

    def settle(
        self,
        mail_id: str,
        state: State,
        *,
        rule: str,
        now: datetime,
        conversation_id: str | None = None,
        message_id: str = "",
        message_id_hash: str = "",
    ) -> None:
        """It has been dealt with."""
        with self._database.write() as session:
            row = session.get_one(MailRow, mail_id)
            row.state, row.rule, row.settled_at = state, rule, now
            row.conversation_id = conversation_id
            row.message_id, row.message_id_hash = message_id, message_id_hash

    def conversation_by(self, mailbox: str, hashes: Iterable[str]) -> tuple[str, str] | None:
        """(conversation, address of its customer) of the newest mail with one of these Message-IDs, by their hashes."""
        query = (
            select(ConversationRow.id, ConversationRow.contact_email)
            .join(MailRow, MailRow.conversation_id == ConversationRow.id)
            .where(MailRow.mailbox == mailbox, MailRow.message_id_hash.in_(list(hashes)[:_CHUNK]))
            .order_by(MailRow.received_at.desc())
        )
        with self._database.read() as session:
            row = session.execute(query.limit(1)).first()
            return (row[0], row[1]) if row else None

    def holder(self, conversation_id: str) -> tuple[str, Trust] | None:
        """(address of that conversation's customer, how surely its first message was theirs); None when there is no such conversation."""
        query = (
            select(ConversationRow.contact_email, MessageRow.trust)
            .outerjoin(MessageRow, MessageRow.conversation_id == ConversationRow.id)
            .where(ConversationRow.id == conversation_id)
            .order_by(MessageRow.seq)
        )
        with self._database.read() as session:
            row = session.execute(query.limit(1)).first()
            return (row[0], cast("Trust", row[1] or "none")) if row else None

    def paths(self) -> set[str]:
        """Every raw file that has a row."""
        with self._database.read() as session:
            return set(session.scalars(select(MailRow.path).where(MailRow.path != "")))

    def taken_as(self, mailbox: str, mail_id: str) -> str | None:
        """The conversation that this mail's message is in, if it was taken."""
        query = (
            select(ConversationRow.id)
            .join(MessageRow, MessageRow.conversation_id == ConversationRow.id)
            .where(ConversationRow.source == mailbox, MessageRow.idempotency_key == mail_id)
        )
        with self._database.read() as session:
            return session.scalar(query)

    def thread(self, conversation_id: str, message_id: str | None) -> tuple[str, list[str]]:
        """(Message-ID of the mail that this message came by, Message-IDs of the conversation both ways, oldest first)."""
        ours = select(SentMailRow.message_id, SentMailRow.created_at).where(
            SentMailRow.conversation_id == conversation_id, SentMailRow.state != "refused"
        )
        theirs = select(MailRow.message_id, MailRow.received_at, MailRow.id).where(
            MailRow.conversation_id == conversation_id, MailRow.state == "taken", MailRow.message_id != ""
        )
        with self._database.read() as session:
            message = session.get(MessageRow, message_id) if message_id else None
            came = session.execute(theirs).all()
            both = [(row[1], row[0]) for row in session.execute(ours)] + [(row[1], row[0]) for row in came]
            key = message.idempotency_key if message else None
            answered = next((row[0] for row in came if row[2] == key), "")
            return answered, [name for _, name in sorted(both)]

    def of_conversation(self, conversation_id: str) -> list[Mail]:
        """Every mail that belongs to it, those without an answer included, oldest first."""
        query = select(MailRow).where(MailRow.conversation_id == conversation_id).order_by(MailRow.received_at)
        with self._database.read() as session:
            return [_mail(row) for row in session.scalars(query)]

    def raw_before(self, moment: datetime, limit: int = 500) -> list[Mail]:
        """Mails dealt with before that moment whose raw file is kept."""
        query = select(MailRow).where(MailRow.settled_at < moment, MailRow.path != "").limit(limit)
        with self._database.read() as session:
            return [_mail(row) for row in session.scalars(query)]

    def forget_raw(self, mail_id: str) -> None:
        with self._database.write() as session:
            session.get_one(MailRow, mail_id).path = ""

    def count(self) -> dict[str, int]:
        """Mails by state."""
        with self._database.read() as session:
            states = session.scalars(select(MailRow.state)).all()
        return {state: states.count(state) for state in ("stored", "taken", "ignored", "to_people")}


class SqlMailboxes:
    """Which replica reads a mailbox, and how far it has come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, name: str) -> Place:
        with self._database.read() as session:
            row = session.get(MailboxRow, name)
            return Place(row.uidvalidity, row.uid_next, row.beat, row.holder) if row else Place()

    def hold(self, name: str, replica: str, *, over: int | None, now: datetime) -> bool:
        """Take the mailbox, or say that it is still ours. ``over``: the beat of another holder that has stood still for too long; it is taken over only if it still stands there."""
        try:
            return self._hold(name, replica, over=over, now=now)
        except IntegrityError:  # the first two replicas ever, at the same moment
            return False

    def _hold(self, name: str, replica: str, *, over: int | None, now: datetime) -> bool:
        with self._database.write() as session:
            row = session.get(MailboxRow, name, with_for_update=True)
            if row is None:
                row = MailboxRow(name=name, holder="", beat=0, uidvalidity=0, uid_next=0, state="", seen_at=None)
                session.add(row)
            if row.holder not in ("", replica) and row.beat != over:
                return False
            row.holder, row.beat, row.seen_at = replica, row.beat + 1, now
            return True

    def release(self, name: str, replica: str) -> None:
        with self._database.write() as session:
            row = session.get(MailboxRow, name, with_for_update=True)
            if row is not None and row.holder == replica:
                row.holder = ""

    def reached(self, name: str, *, uidvalidity: int, uid_next: int) -> None:
        with self._database.write() as session:
            row = session.get_one(MailboxRow, name)
            row.uidvalidity, row.uid_next = uidvalidity, uid_next

    def say(self, name: str, state: str) -> None:
        """How it stands, in words for operators."""
        with self._database.write() as session:
            session.get_one(MailboxRow, name).state = state

    def states(self) -> dict[str, tuple[str, datetime | None]]:
        """Mailbox -> (how it stands, when its reader last said that it lives)."""
        with self._database.read() as session:
            return {row.name: (row.state, row.seen_at) for row in session.scalars(select(MailboxRow))}


def _mail(row: MailRow) -> Mail:
    return Mail(
        id=row.id,
        mailbox=row.mailbox,
        uidvalidity=row.uidvalidity,
        uid=row.uid,
        sha256=row.sha256,
        fingerprint=row.fingerprint,
        size=row.size,
        path=row.path,
        received_at=row.received_at,
        state=cast("State", row.state),
        rule=row.rule,
        conversation_id=row.conversation_id,
    )
