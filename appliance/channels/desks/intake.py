"""Webhooks in: proved, read, and either taken in, left alone, or heard as a person taking the ticket. What it has returned from is committed."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from appliance.channels.desks.adapter import Heard
from appliance.channels.desks.registry import OpenDesk
from appliance.channels.desks.signing import same
from appliance.channels.reception import Incoming, Reception, plain
from appliance.errors import Conflict, InputInvalid, NotFound, SignatureInvalid
from appliance.store.customers import SqlCustomers
from appliance.store.desk_tickets import SqlDeskTickets, Word

log = logging.getLogger(__name__)

_HOUR = timedelta(hours=1)
_TICKET = re.compile(r"[0-9]{1,20}")
"""It becomes part of an address of the desk's API."""
_MESSAGE = re.compile(r"[A-Za-z0-9:_-]{1,100}")
_AGENT_CHARS = 8_000
_SUBJECT_CHARS = 300
_NO_WORDS = "(a message without words)"

What = Literal["accepted", "repeated", "person", "ignored"]


@dataclass(frozen=True, slots=True)
class Heeded:
    """What became of a webhook; ``reason`` says why one was ignored."""

    what: What
    reason: str = ""


class DeskIntake:
    """The door of all configured desks."""

    def __init__(
        self,
        desks: Mapping[str, OpenDesk],
        reception: Reception,
        tickets: SqlDeskTickets,
        customers: SqlCustomers,
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._desks = desks
        self._reception = reception
        self._tickets = tickets
        self._customers = customers
        self._new_id = new_id
        self._now = now

    async def hear(self, name: str, headers: Mapping[str, str], body: bytes, *, path_secret: str = "") -> Heeded:
        """``headers`` in lower case. Raises ``NotFound``, ``SignatureInvalid`` before anything is read, ``InputInvalid``, and ``Busy`` before anything is stored."""
        opened = self._desks.get(name)
        if opened is None:
            raise NotFound("No desk of that name is configured here.", remedy="Check the webhook's address.")
        self._prove(opened, headers, body, path_secret)
        heard = await asyncio.to_thread(opened.desk.hear, body, opened.settings)
        heeded = await self._heed(opened, heard)
        log.info("desk %s: %s %s%s", name, heeded.what, heard.ticket, f" ({heeded.reason})" if heeded.reason else "")
        return heeded

    def _prove(self, opened: OpenDesk, headers: Mapping[str, str], body: bytes, path_secret: str) -> None:
        settings = opened.settings
        if settings.proof == "path":
            proved = same(path_secret, opened.secret)
        elif settings.proof == "bearer":
            proved = same(headers.get("authorization", ""), f"Bearer {opened.secret}")
        else:
            proved = opened.desk.signed(
                headers, body, opened.secret.encode(), now=self._now(), max_age_s=settings.max_age_s
            )
        if not proved:
            log.warning("desk %s: a webhook without a valid proof was refused", settings.name)
            raise SignatureInvalid(
                "The webhook is not signed with this desk's secret, or its time is not now.",
                remedy="Compare the secret on both sides, and the clocks (docs/desks.md).",
            )

    async def _heed(self, opened: OpenDesk, heard: Heard) -> Heeded:
        settings = opened.settings
        if heard.who == "nobody":
            return Heeded("ignored", heard.reason)
        if not (_TICKET.fullmatch(heard.ticket) and _MESSAGE.fullmatch(heard.message)):
            raise InputInvalid("The webhook names no ticket or no message.", remedy="Check its set-up (docs/desks.md).")
        if settings.groups and heard.group not in settings.groups:
            return Heeded("ignored", "another group")
        if heard.who == "person":
            return await self._person(settings.name, heard)
        await self._spare(opened, heard)
        return await self._take(opened, heard)

    async def _person(self, desk: str, heard: Heard) -> Heeded:
        word = Word(heard.message, plain(heard.text, lines=True)[:_AGENT_CHARS], plain(heard.subject)[:_SUBJECT_CHARS])
        fresh = await asyncio.to_thread(self._tickets.person_spoke, desk, heard.ticket, word, now=self._now())
        return Heeded("person" if fresh else "repeated")

    async def _spare(self, opened: OpenDesk, heard: Heard) -> None:
        """Two machines that answer each other must come to an end: beyond the budget a person has the ticket, and we are silent in it."""
        settings, now = opened.settings, self._now()
        here, everywhere = await asyncio.to_thread(
            self._tickets.replies, settings.name, heard.ticket, since=now - _HOUR
        )
        if here < settings.ticket_replies_per_hour and everywhere < settings.replies_per_hour:
            return
        subject = plain(heard.subject)[:_SUBJECT_CHARS]
        if await asyncio.to_thread(self._tickets.stop, settings.name, heard.ticket, subject=subject, now=now):
            log.warning(
                "desk %s: ticket %s goes to people: %d replies in it and %d in the desk within an hour",
                settings.name,
                heard.ticket,
                here,
                everywhere,
            )

    async def _take(self, opened: OpenDesk, heard: Heard) -> Heeded:
        settings = opened.settings
        email = _address(heard.email)
        proved = settings.contact_verified and bool(email)
        incoming = Incoming(
            channel="desk",
            source=settings.name,
            key=heard.message,
            external_id=heard.ticket,
            text=heard.text.strip() or _NO_WORDS,
            subject=heard.subject,
            customer_email=email,
            customer_name=heard.name,
            customer_id=await self._customer(email, heard.name) if proved else None,
            trust="relay" if proved else "none",
            profile=settings.profile,
            comes_again=True,
        )
        try:
            accepted = await self._reception.take(incoming)
        except Conflict:  # edited in the desk after it was answered: the first words stand
            return Heeded("repeated")
        return Heeded("repeated" if accepted.again else "accepted")

    async def _customer(self, email: str, name: str) -> str:
        """The row of whoever owns the address, by the word of a desk that verifies it."""
        return await asyncio.to_thread(
            self._customers.of_address, email, name=plain(name), new_id=self._new_id, now=self._now()
        )


def _address(text: str) -> str:
    """An address that fits its column and a header, or none at all."""
    one = plain(text)
    return one if 3 <= len(one) <= 320 and one.count("@") == 1 and " " not in one else ""
