"""Keys and sessions of staff in SQL. Both are 192 random bits or more and kept as hashes only."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session as SqlSession

from appliance.access import PREFIX, PROGRAM, SCOPES, AccessKey, Program, Role, Scope, Session
from appliance.errors import InputInvalid, NotFound
from appliance.store.conversations import token_hash
from appliance.store.database import Database
from appliance.store.program_rows import program_of, program_row
from appliance.store.settings import SqlSettings
from appliance.store.tables import AccessKeyRow, SessionRow

SESSION_LASTS = timedelta(hours=8)
_NAME_CHARS = 100
_NOTED_EVERY = timedelta(hours=1)
_ADMIN = "administrator"


class SqlAccess:
    """Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settings = SqlSettings(database)

    def add_key(self, name: str, role: Role, *, now: datetime) -> tuple[AccessKey, str]:
        """A new key and its words, which nobody can show again. Raises ``InputInvalid``."""
        return self._add(name, role, secrets.token_urlsafe(32), "", now)

    def _add(self, name: str, role: str, key: str, scopes: str, now: datetime) -> tuple[AccessKey, str]:
        name = name.strip()
        if not name or len(name) > _NAME_CHARS or not name.isprintable():
            raise InputInvalid(
                f"The name of a key has 1 to {_NAME_CHARS} printable characters.",
                remedy="Name who or what it is for, such as compliance.",
            )
        row = AccessKeyRow(
            id=secrets.token_hex(4),
            name=name,
            role=role,
            key_hash=token_hash(key),
            scopes=scopes,
            created_at=now,
            revoked_at=None,
        )
        with self._database.write() as session:
            session.add(row)
        return _key(row), key

    def add_program(self, name: str, scopes: Collection[Scope], *, now: datetime) -> tuple[AccessKey, str]:
        """The same for a program. Raises ``InputInvalid``."""
        if not scopes:
            raise InputInvalid("A program's key needs a scope.", remedy=f"Name some of: {', '.join(SCOPES)}.")
        ordered = " ".join(scope for scope in SCOPES if scope in scopes)
        return self._add(name, PROGRAM, f"{PREFIX}{secrets.token_urlsafe(32)}", ordered, now)

    def program(self, key: str, *, now: datetime) -> Program | None:
        """Whose key that is, while it is in force. When it was last used is noted, once an hour."""
        with self._database.read() as session:
            row = program_row(session, token_hash(key))
            if row is None:
                return None
            found, used = program_of(row), row.last_used_at
        if used is None or now - used >= _NOTED_EVERY:
            with self._database.write() as session:
                session.execute(
                    update(AccessKeyRow)
                    .where(AccessKeyRow.id == found.id)
                    .values(last_used_at=now.replace(minute=0, second=0, microsecond=0))
                )
        return found

    def keys(self) -> list[AccessKey]:
        with self._database.read() as session:
            return [_key(row) for row in session.scalars(select(AccessKeyRow).order_by(AccessKeyRow.created_at))]

    def revoke(self, key_id: str, *, now: datetime) -> AccessKey:
        """End a key and every session that began with it. Raises ``NotFound``."""
        with self._database.write() as session:
            row = session.get(AccessKeyRow, key_id)
            if row is None:
                raise NotFound(f"There is no key {key_id!r}.", remedy="List them: appliance access list")
            row.revoked_at = row.revoked_at or now
            session.execute(delete(SessionRow).where(SessionRow.key_id == key_id))
            return _key(row)

    def sign_in(self, key: str, *, now: datetime) -> tuple[str, Session] | None:
        """(token of a new session, the session) for a key that is in force, or the administrator's token; None for anything else."""
        if self._settings.is_admin(key):
            return self._begin(_ADMIN, "operator", None, now)
        with self._database.read() as session:
            row = session.scalar(select(AccessKeyRow).where(AccessKeyRow.key_hash == token_hash(key)))
            known = row is not None and row.revoked_at is None and row.role != PROGRAM
        return self._begin(row.name, cast("Role", row.role), row.id, now) if row is not None and known else None

    def session(self, token: str, *, now: datetime) -> Session | None:
        """Who holds this token, while the session lasts."""
        with self._database.read() as session:
            row = session.get(SessionRow, token_hash(token)) if token else None
            if row is None or row.expires_at <= now:
                return None
            key = session.get(AccessKeyRow, row.key_id) if row.key_id else None
            if key is not None and key.revoked_at is not None:  # it was ended while somebody signed in with it
                return None
            return Session(row.name, cast("Role", row.role), row.csrf, row.expires_at)

    def sign_out(self, token: str) -> None:
        with self._database.write() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash(token)))

    def _begin(self, name: str, role: Role, key_id: str | None, now: datetime) -> tuple[str, Session]:
        token, csrf, expires = secrets.token_urlsafe(32), secrets.token_urlsafe(16), now + SESSION_LASTS
        with self._database.write() as session:
            _forget_expired(session, now)
            session.add(
                SessionRow(
                    token_hash=token_hash(token), key_id=key_id, name=name, role=role, csrf=csrf, expires_at=expires
                )
            )
        return token, Session(name, role, csrf, expires)


def _forget_expired(session: SqlSession, now: datetime) -> None:
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))


def _key(row: AccessKeyRow) -> AccessKey:
    scopes = cast("tuple[Scope, ...]", tuple(row.scopes.split()))
    return AccessKey(row.id, row.name, cast("Role", row.role), row.created_at, row.revoked_at, scopes, row.last_used_at)
