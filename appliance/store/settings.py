"""Small facts of an installation, and its first administrator's token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from sqlalchemy.exc import IntegrityError

from appliance.store.conversations import token_hash
from appliance.store.database import Database
from appliance.store.tables import SettingRow

_ADMIN = "admin_token_sha256"


class SqlSettings:
    """Key and value, both short text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str:
        """Empty when there is none."""
        with self._database.read() as session:
            row = session.get(SettingRow, key)
            return row.value if row else ""

    def put(self, key: str, value: str) -> None:
        with self._database.write() as session:
            session.merge(SettingRow(key=key, value=value))

    def once(self, key: str, make: Callable[[], str]) -> str:
        """The value, made at the first call ever: two processes that ask at once get the same one."""
        try:
            return self._once(key, make)
        except IntegrityError:  # PostgreSQL: another replica has just made it
            return self._once(key, make)

    def _once(self, key: str, make: Callable[[], str]) -> str:
        with self._database.write() as session:
            row = session.get(SettingRow, key)
            if row is None:
                row = SettingRow(key=key, value=make())
                session.add(row)
            return row.value

    def first_admin_token(self) -> str | None:
        """A new token at the first call ever, None afterwards: only its hash is kept."""
        with self._database.write() as session:
            if session.get(SettingRow, _ADMIN):
                return None
            token = secrets.token_urlsafe(24)
            session.add(SettingRow(key=_ADMIN, value=token_hash(token)))
            return token

    def is_admin(self, token: str) -> bool:
        return bool(token) and hmac.compare_digest(self.get(_ADMIN), token_hash(token))
