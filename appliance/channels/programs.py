"""Programs that come with a key: whether it is in force, what it may do, how fast, and whose word about customers counts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import datetime
from math import ceil

from appliance.access import Program, ProgramKey, Scope
from appliance.channels.reception import Once
from appliance.channels.strangers import Buckets
from appliance.channels.visitors import Recognised
from appliance.errors import Forbidden, TooFast, Unauthorized
from appliance.identity.claims import Verified
from appliance.opening_settings import ProgramLimits
from appliance.store.access import SqlAccess
from appliance.store.customers import SqlCustomers


class Programs:
    """``secret``: what all replicas share; it makes the token of a conversation that is opened twice by one request."""

    def __init__(
        self,
        access: SqlAccess,
        customers: SqlCustomers,
        limits: ProgramLimits,
        secret: bytes,
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._customers = customers
        self._secret = secret
        self._new_id = new_id
        self._now = now
        self._buckets = Buckets(limits.burst, limits.per_hour, clock)

    async def admit(self, key: ProgramKey, scope: Scope) -> Program:
        """Count a request of this key. Raises ``Unauthorized``, ``TooFast``, ``Forbidden``."""
        program = await asyncio.to_thread(self._access.program, key, now=self._now())
        if program is None:
            raise Unauthorized("This key is not in force.", remedy="List the keys: appliance access list")
        if wait := self._buckets.wait(program.id):
            raise TooFast(f"The key {program.name} asks too often.", retry_after_s=max(1, ceil(wait)))
        self._buckets.take(program.id)
        _check(program, scope)
        return program

    async def customer(self, program: Program, *, id: str, email: str, name: str) -> Recognised | None:
        """The customer for whom a program speaks, verified by its word; None when its word does not count and it claims nothing. Raises ``Forbidden``."""
        if "customers:assert" not in program.scopes:
            if id:
                _check(program, "customers:assert")
            return None
        if not (id or email):
            return None
        return await asyncio.to_thread(self._customer, id, email, name)

    def once(self, holder: str, key: str) -> Once:
        """The opening that this holder means by this Idempotency-Key: the same conversation and token at each try, also after a crash."""
        opening = hashlib.sha256(f"{len(holder)}:{holder}:{key}".encode()).hexdigest()
        token = hmac.digest(self._secret, f"opening:{opening}".encode(), "sha256")
        return Once(f"once:{opening}", base64.urlsafe_b64encode(token).decode().rstrip("="))

    def _customer(self, id: str, email: str, name: str) -> Recognised:
        now = self._now()
        if id:
            who = Verified(id, email, bool(email), name, now)
            return Recognised(self._customers.recognise(who, new_id=self._new_id, now=now), email, name)
        return Recognised(self._customers.of_address(email, name=name, new_id=self._new_id, now=now), email, name)


def _check(program: Program, scope: Scope) -> None:
    if scope not in program.scopes and not (scope == "conversations:read" and "conversations:write" in program.scopes):
        raise Forbidden(f"The key {program.name} lacks the scope {scope}.", remedy="Make one that has it.")
