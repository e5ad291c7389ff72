"""Keys, roles and sessions of staff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.access import ROLES, may
from appliance.errors import InputInvalid, NotFound
from appliance.store.access import SESSION_LASTS, SqlAccess
from appliance.store.database import Database
from appliance.store.settings import SqlSettings

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def test_rights_of_the_roles() -> None:
    rights = ("see_box", "see_ledger", "stop_hosted", "start_hosted")
    granted = {role: [right for right in rights if may(role, right)] for role in ROLES}
    assert granted == {
        "agent": [],
        "lead": [],
        "author": [],
        "operator": list(rights),
        "auditor": ["see_ledger", "stop_hosted"],
    }


def test_a_key_signs_in_until_it_is_revoked_and_its_sessions_end_with_it(database: Database) -> None:
    access = SqlAccess(database)
    made, key = access.add_key(" Compliance ", "auditor", now=NOW)
    signed = access.sign_in(key, now=NOW)
    assert signed is not None
    token, session = signed
    assert (session.name, session.role, made.name) == ("Compliance", "auditor", "Compliance")
    assert access.session(token, now=NOW) == session
    assert access.revoke(made.id, now=NOW).revoked_at == NOW
    assert access.session(token, now=NOW) is None
    assert access.sign_in(key, now=NOW) is None
    assert access.revoke(made.id, now=NOW + timedelta(days=1)).revoked_at == NOW


def test_the_administrators_token_is_an_operator(database: Database) -> None:
    token = SqlSettings(database).first_admin_token()
    assert token
    signed = SqlAccess(database).sign_in(token, now=NOW)
    assert signed is not None
    assert signed[1].role == "operator"


@pytest.mark.parametrize("key", ["", " ", "wrong", "x" * 10_000, "\ud800", "' OR 1=1 --"])
def test_what_is_no_key_signs_nobody_in(database: Database, key: str) -> None:
    SqlSettings(database).first_admin_token()
    access = SqlAccess(database)
    access.add_key("a", "operator", now=NOW)
    assert access.sign_in(key, now=NOW) is None
    assert access.session(key, now=NOW) is None


def test_a_session_ends_by_itself_and_by_signing_out(database: Database) -> None:
    access = SqlAccess(database)
    _, key = access.add_key("a", "operator", now=NOW)
    first, second = access.sign_in(key, now=NOW), access.sign_in(key, now=NOW)
    assert first
    assert second
    assert first[0] != second[0]
    assert first[1].csrf != second[1].csrf
    access.sign_out(first[0])
    assert access.session(first[0], now=NOW) is None
    assert access.session(second[0], now=NOW + SESSION_LASTS - timedelta(seconds=1)) == second[1]
    assert access.session(second[0], now=NOW + SESSION_LASTS) is None


def test_keys_and_sessions_are_kept_as_hashes_only(sqlite: Database) -> None:
    access = SqlAccess(sqlite)
    _, key = access.add_key("a", "operator", now=NOW)
    signed = access.sign_in(key, now=NOW)
    assert signed
    with sqlite.read() as session:
        raw = session.connection().connection.driver_connection
        assert raw is not None
        dump = "\n".join(raw.iterdump())
    assert key not in dump
    assert signed[0] not in dump


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_key_without_a_usable_name_is_refused(sqlite: Database, name: str) -> None:
    with pytest.raises(InputInvalid, match="name of a key"):
        SqlAccess(sqlite).add_key(name, "operator", now=NOW)


def test_an_unknown_key_cannot_be_revoked(sqlite: Database) -> None:
    with pytest.raises(NotFound, match="no key 'nope'"):
        SqlAccess(sqlite).revoke("nope", now=NOW)


def test_a_programs_key_has_scopes_and_is_nobody_of_the_staff(database: Database) -> None:
    access = SqlAccess(database)
    made, key = access.add_program("shop", ["customers:assert", "conversations:open"], now=NOW)
    assert (made.role, made.scopes, made.last_used_at) == ("program", ("conversations:open", "customers:assert"), None)
    assert key.startswith("sak_")
    assert access.sign_in(key, now=NOW) is None
    program = access.program(key, now=NOW + timedelta(minutes=20))
    assert program is not None
    assert program.scopes == {"conversations:open", "customers:assert"}
    access.program(key, now=NOW + timedelta(minutes=40))
    [listed] = access.keys()
    assert listed.last_used_at == NOW  # to the hour: who was served when is nobody's business
    access.revoke(made.id, now=NOW)
    assert access.program(key, now=NOW) is None
    with pytest.raises(InputInvalid):
        access.add_program("none", [], now=NOW)


def test_a_persons_key_is_no_programs(database: Database) -> None:
    access = SqlAccess(database)
    _, key = access.add_key("a", "operator", now=NOW)
    for odd in (key, "", "sak_", "\ud800", "x" * 10_000):
        assert access.program(odd, now=NOW) is None
