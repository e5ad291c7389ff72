"""Keys of programs, and which conversations they reach. Inside the caller's transaction."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.access import PROGRAM, Program, Scope
from appliance.store.tables import AccessKeyRow, ConversationRow


def program_row(session: Session, key_hash: str) -> AccessKeyRow | None:
    """The row of a program's key that is in force."""
    return session.scalar(
        select(AccessKeyRow).where(
            AccessKeyRow.key_hash == key_hash, AccessKeyRow.role == PROGRAM, AccessKeyRow.revoked_at.is_(None)
        )
    )


def program_of(row: AccessKeyRow) -> Program:
    return Program(row.id, row.name, frozenset(cast("list[Scope]", row.scopes.split())))


def reaches(session: Session, conversation: ConversationRow, key_hash: str, *, change: bool) -> bool:
    """Whether a program's key may read that conversation, or with ``change`` write in it."""
    row = program_row(session, key_hash)
    if row is None:
        return False
    program = program_of(row)
    needed: Scope = "conversations:write" if change else "conversations:read"
    own = conversation.opened_by == program.id or "conversations:all" in program.scopes
    return own and (needed in program.scopes or "conversations:write" in program.scopes)


def asserts(session: Session, conversation: ConversationRow, key_hash: str) -> bool:
    """Whether what a program writes there counts as the customer's, who was verified when it was opened."""
    row = program_row(session, key_hash)
    return row is not None and conversation.customer_id is not None and "customers:assert" in program_of(row).scopes
