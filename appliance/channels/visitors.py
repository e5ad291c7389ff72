"""Visitors whom a host page vouches for: who they are, which conversations are theirs, and how they go on with one on another device."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.customer_settings import Identity
from appliance.errors import IdentityInvalid
from appliance.identity.claims import Verified, Verifier, refused
from appliance.store.customers import SqlCustomers
from appliance.store.views import OwnConversation

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Recognised:
    """A customer, with what the host page said of them."""

    customer_id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A key to one of the customer's own conversations, shown once."""

    id: str
    token: str
    expires_at: datetime


class Visitors:
    """Every call verifies the identity anew and raises ``IdentityInvalid``; nobody becomes anonymous because theirs does not hold."""

    def __init__(
        self,
        verifier: Verifier | None,
        customers: SqlCustomers,
        identity: Identity,
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        observe: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        """``observe`` hears ``verified`` or ``refused``."""
        self._verifier = verifier
        self._customers = customers
        self._identity = identity
        self._new_id = new_id
        self._now = now
        self._observe = observe

    async def recognise(self, token: str) -> Recognised:
        """The customer of a signed identity; their row is made or brought up to date."""
        return await asyncio.to_thread(self._recognise, token)

    async def conversations(self, token: str) -> list[OwnConversation]:
        """The customer's own conversations by every channel, the latest first; at most ``MOST_LISTED``."""
        return await asyncio.to_thread(self._conversations, token)

    async def go_on(self, token: str, conversation_id: str) -> Admitted:
        """Raises ``NotFound`` unless it is one of the customer's own."""
        return await asyncio.to_thread(self._go_on, token, conversation_id)

    def _conversations(self, token: str) -> list[OwnConversation]:
        return self._customers.conversations_of(self._recognise(token).customer_id, limit=MOST_LISTED)

    def _go_on(self, token: str, conversation_id: str) -> Admitted:
        customer, now = self._recognise(token), self._now()
        made = Admitted(conversation_id, secrets.token_urlsafe(24), now + timedelta(seconds=self._identity.signed_in_s))
        self._customers.admit(customer.customer_id, conversation_id, made.token, until=made.expires_at, now=now)
        return made

    def _recognise(self, token: str) -> Recognised:
        now = self._now()
        try:
            who = self._verified(token, now)
        except IdentityInvalid:
            self._observe("refused")
            raise
        self._observe("verified")
        return Recognised(self._customers.recognise(who, new_id=self._new_id, now=now), who.email, who.name)

    def _verified(self, token: str, now: datetime) -> Verified:
        if self._verifier is None:
            raise refused("this appliance takes none", "Set identity.mode, or send none: see docs/identity.md.")
        who = self._verifier.verify(token, now)
        if self._identity.replay_window_s:
            self._customers.use(
                who.jti,
                within_s=self._identity.replay_window_s,
                expires=who.expires + timedelta(seconds=self._identity.leeway_s),
                now=now,
            )
        return who
