"""Requests of programs at the door: their key, and the header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.access import PREFIX, Program, ProgramKey, Scope
from appliance.errors import Conflict, InputInvalid, KeyReused
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_STRANGERS_KEY = 16
"""Shorter ones of strangers may be somebody else's, too."""


def program_key(request: AnyRequest) -> ProgramKey | None:
    """The program's key in ``Authorization: Bearer``, whether it is in force or not."""
    scheme, _, words = request.headers.get("authorization", "").partition(" ")
    words = words.strip()
    return ProgramKey(words) if scheme.lower() == "bearer" and words.startswith(PREFIX) else None


async def program_at(request: AnyRequest, scope: Scope) -> Program | None:
    """The program that asks, with that scope; None when it is none. Raises ``Unauthorized``, ``Forbidden``, ``TooFast``."""
    key = program_key(request)
    doors: Doors = request.app.state.doors
    return None if key is None else await doors.programs.admit(key, scope)


def idempotency_key(given: str | None, *, stranger: bool = False) -> str | None:
    """The header's value: a quoted string, as the draft has it, or the bare words. Raises ``InputInvalid``."""
    if given is None:
        return None
    bare = given.strip()
    key = bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == '"' else bare
    if not _KEY.fullmatch(key) or (stranger and len(key) < _STRANGERS_KEY):
        least = _STRANGERS_KEY if stranger else 1
        raise InputInvalid(f"Idempotency-Key must have {least} to 128 printable characters.", remedy="Use a UUID.")
    return key


def one_key(header: str | None, body: str | None) -> str | None:
    """The key of a message, from the header or its body. Raises ``InputInvalid`` when the two differ."""
    key = idempotency_key(header)
    if key is not None and body is not None and key != body:
        raise InputInvalid("Idempotency-Key and idempotency_key differ.", remedy="Send one of them.")
    return key or body


@contextmanager
def answered_once(key: str | None) -> Iterator[None]:
    """With the header, another request under the same key is a 422, as the draft says."""
    try:
        yield
    except Conflict as fault:
        if key is None:
            raise
        raise KeyReused(
            "This Idempotency-Key was used for another request.", remedy="Use a new key for a new request."
        ) from fault
