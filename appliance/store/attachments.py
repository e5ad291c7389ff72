"""Attachments in SQL. A row says whose a file is and how large; the bytes are files (``appliance.store.attachment_files``).

The file is on the disk before its row, and a row goes before its file: a crash leaves at most a file that no row knows, which the sweep removes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from appliance.attachment import Attachment, AttachmentLimits, State, StoredFile, file_size
from appliance.errors import Conflict, InputInvalid, InputTooLarge, NotFound
from appliance.store.attachment_table import AttachmentRow
from appliance.store.database import Database
from appliance.store.tables import ConversationRow
from appliance.store.views import AttachmentView

DEFAULT_LIMITS = AttachmentLimits()
_DAY = timedelta(days=1)
_REMEDY = "Send fewer or smaller files, or the others tomorrow."


class SqlAttachments:
    """Every call is one transaction."""

    def __init__(self, database: Database, limits: AttachmentLimits = DEFAULT_LIMITS) -> None:
        self._database = database
        self._limits = limits

    def add(self, conversation_id: str, file: StoredFile, *, now: datetime) -> Attachment:
        """The row of a file that no message has taken along yet. Raises ``InputTooLarge`` beyond the day's cap.

        Whoever calls has made sure that the sender may write to this conversation.
        """
        with self._database.write() as session:
            conversation = session.get(ConversationRow, conversation_id, with_for_update=True)
            if conversation is None:
                raise NotFound("There is no such conversation.", remedy="Check the id and the token.")
            [row] = add_files(session, conversation_id, None, (file,), limits=self._limits, now=now)
            return _attachment(row)

    def get(self, conversation_id: str, attachment_id: str) -> Attachment:
        """Raises ``NotFound`` for one of another conversation as for one that never was."""
        with self._database.read() as session:
            row = session.get(AttachmentRow, attachment_id) if _is_id(attachment_id) else None
            if row is None or row.conversation_id != conversation_id:
                raise _unknown()
            return _attachment(row)

    def of(self, conversation_id: str) -> list[Attachment]:
        """All files of a conversation, oldest first."""
        query = select(AttachmentRow).where(AttachmentRow.conversation_id == conversation_id)
        with self._database.read() as session:
            rows = session.scalars(query.order_by(AttachmentRow.created_at, AttachmentRow.position, AttachmentRow.id))
            return [_attachment(row) for row in rows]

    def forget_orphans(self, before: datetime) -> list[str]:
        """Forget what was uploaded before then and never sent; returns the ids, whose files can go now."""
        chosen = (AttachmentRow.state == "uploaded", AttachmentRow.created_at < before)
        with self._database.write() as session:
            ids = list(session.scalars(select(AttachmentRow.id).where(*chosen).with_for_update()))
            session.execute(delete(AttachmentRow).where(AttachmentRow.id.in_(ids)))
            return ids

    def ids(self) -> set[str]:
        """Every id that has a row."""
        with self._database.read() as session:
            return set(session.scalars(select(AttachmentRow.id)))


def add_files(
    session: Session,
    conversation_id: str,
    message_id: str | None,
    files: Sequence[StoredFile],
    *,
    limits: AttachmentLimits | None,
    now: datetime,
    first: int = 0,
) -> list[AttachmentRow]:
    """Rows of files that are on the disk. The conversation's row is locked, so two uploads cannot pass the day's cap together.

    ``limits``: None where a connector brings the files, which keeps the original and has its own. ``first``: their
    place in the message begins there.
    """
    if files and limits is not None:
        _check_day(session, conversation_id, files, limits, now)
    rows = [_row(conversation_id, message_id, file, now) for file in files]
    for position, row in enumerate(rows, first):
        row.position = position
    session.add_all(rows)
    return rows


def _check_day(
    session: Session, conversation_id: str, files: Sequence[StoredFile], limits: AttachmentLimits, now: datetime
) -> None:
    day = (AttachmentRow.conversation_id == conversation_id, AttachmentRow.created_at > now - _DAY)
    count, size = session.execute(
        select(func.count(AttachmentRow.id), func.coalesce(func.sum(AttachmentRow.size), 0)).where(*day)
    ).one()
    if size + sum(file.size for file in files) > limits.max_bytes_per_day:
        raise InputTooLarge(
            f"A conversation takes at most {file_size(limits.max_bytes_per_day)} of files a day.", remedy=_REMEDY
        )
    if count + len(files) > limits.max_files_per_day:
        raise InputTooLarge(f"A conversation takes at most {limits.max_files_per_day} files a day.", remedy=_REMEDY)


def bind(session: Session, conversation_id: str, message_id: str, attachment_ids: Sequence[str]) -> None:
    """Give uploaded files of this conversation to a message of it: all of them or, with a fault, none."""
    for position, attachment_id in enumerate(attachment_ids):
        row = session.get(AttachmentRow, attachment_id, with_for_update=True) if _is_id(attachment_id) else None
        if row is None or row.conversation_id != conversation_id:
            raise _unknown()
        if row.state != "uploaded":
            raise Conflict("An attachment was sent with another message already.", remedy="Upload the file again.")
        row.message_id, row.state, row.position = message_id, "bound", position


def check_count(count: int, limits: AttachmentLimits) -> None:
    """Raises ``InputInvalid`` for more files than one message takes."""
    if count > limits.max_per_message:
        raise InputInvalid(
            f"A message takes at most {limits.max_per_message} files.", remedy="Send the others with another message."
        )


def same_files(session: Session, message_id: str, attachment_ids: Sequence[str], files: Sequence[StoredFile]) -> bool:
    """A message that comes again under its key brings the same uploads, or the same bytes."""
    rows = list(session.scalars(select(AttachmentRow).where(AttachmentRow.message_id == message_id)))
    brought = {row.id for row in rows} & set(attachment_ids)
    fresh = sorted(row.sha256 for row in rows if row.id not in brought)
    return len(brought) == len(set(attachment_ids)) and fresh == sorted(file.sha256 for file in files)


def views(session: Session, conversation_id: str) -> dict[str, tuple[AttachmentView, ...]]:
    """Message id -> its files, of every message of this conversation."""
    query = select(AttachmentRow).where(
        AttachmentRow.conversation_id == conversation_id, AttachmentRow.message_id.is_not(None)
    )
    found: dict[str, list[AttachmentView]] = {}
    for row in session.scalars(query.order_by(AttachmentRow.position, AttachmentRow.id)):
        found.setdefault(row.message_id or "", []).append(AttachmentView(row.id, row.name, row.sniffed_type, row.size))
    return {message_id: tuple(several) for message_id, several in found.items()}


def views_by_conversation(session: Session, conversation_ids: Collection[str]) -> dict[str, tuple[AttachmentView, ...]]:
    """Conversation id -> the files that were sent in it, oldest first. At most 500 ids: SQLite bounds the variables of one statement."""
    query = select(AttachmentRow).where(
        AttachmentRow.conversation_id.in_(conversation_ids), AttachmentRow.message_id.is_not(None)
    )
    found: dict[str, list[AttachmentView]] = {}
    for row in session.scalars(query.order_by(AttachmentRow.created_at, AttachmentRow.position, AttachmentRow.id)):
        found.setdefault(row.conversation_id, []).append(AttachmentView(row.id, row.name, row.sniffed_type, row.size))
    return {conversation_id: tuple(several) for conversation_id, several in found.items()}


def _unknown() -> NotFound:
    return NotFound("There is no such attachment in this conversation.", remedy="Upload the file first.")


def _is_id(text: str) -> bool:
    return bool(re.fullmatch(r"[\w-]{1,32}", text))  # it comes from the network: PostgreSQL refuses a NUL in it


def _row(conversation_id: str, message_id: str | None, file: StoredFile, now: datetime) -> AttachmentRow:
    return AttachmentRow(
        id=file.id,
        conversation_id=conversation_id,
        message_id=message_id,
        name=file.name,
        declared_type=file.declared_type,
        sniffed_type=file.sniffed_type,
        size=file.size,
        sha256=file.sha256,
        created_at=now,
        state="bound" if message_id else "uploaded",
        position=0,
    )


def _attachment(row: AttachmentRow) -> Attachment:
    return Attachment(
        id=row.id,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        name=row.name,
        declared_type=row.declared_type,
        sniffed_type=row.sniffed_type,
        size=row.size,
        sha256=row.sha256,
        created_at=row.created_at,
        state=cast("State", row.state),
    )
