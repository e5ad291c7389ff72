"""Puts together what comes and leaves by connectors: doors, the events that have to leave, the carriers that bring them, and who hears of what could not be brought."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry

from appliance.channels.carriers import Carrier
from appliance.channels.desks.carrier import DeskCarrier
from appliance.channels.desks.intake import DeskIntake
from appliance.channels.desks.registry import OpenDesk, open_desks
from appliance.channels.desks.words import unsent_note
from appliance.channels.mail.departures import departures as mail_departures
from appliance.channels.mail.mailroom import Mailroom, open_mailroom
from appliance.channels.reception import Reception
from appliance.channels.webhooks import WebhookCarrier, secrets_of
from appliance.channels.webhooks import departures as webhook_departures
from appliance.config import Config
from appliance.metrics import Tries
from appliance.outgoing.client import Client
from appliance.policy import Policy
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.desk_tickets import SqlDeskTickets
from appliance.store.desk_tickets import departures as desk_departures
from appliance.store.outbox import Depart, Departure, Happened, Parcel
from appliance.store.telling import SqlTelling


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways in and out that are configured; without any nothing is ever put into the outbox."""

    departs: tuple[Depart, ...]
    carriers: tuple[Carrier, ...]
    desks: Mapping[str, OpenDesk]
    tickets: SqlDeskTickets
    customers: SqlCustomers
    new_id: Callable[[], str]
    now: Callable[[], datetime]
    mail: Mailroom | None = None
    """None without a mailbox: then no mail server is ever contacted."""

    def depart(self, happened: Happened) -> Iterable[Departure]:
        return _of_all(self.departs, happened)

    async def given_up(self, parcel: Parcel, fault: str) -> None:
        if parcel.kind == "desk":
            await asyncio.to_thread(self.tickets.unsent, parcel, note=unsent_note(fault), now=self.now())
        if parcel.kind == "mail" and self.mail:
            await self.mail.given_up(parcel, fault)

    def intake(self, reception: Reception) -> DeskIntake:
        """The door for the desks' webhooks."""
        return DeskIntake(self.desks, reception, self.tickets, self.customers, new_id=self.new_id, now=self.now)


def open_ways(
    config: Config,
    policy: Policy,
    database: Database,
    registry: CollectorRegistry,
    *,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> Ways:
    """Raises ``ConfigInvalid`` when a token or a secret cannot be used: better at the start than at the first event."""
    desks = open_desks(config.desks)
    tickets = SqlDeskTickets(database, new_id=new_id)
    client = Client(config.outgoing)
    departs: list[Depart] = []
    carriers: list[Carrier] = []
    if desks:
        departs.append(desk_departures)
        carriers.append(DeskCarrier(desks, tickets, client))
    if config.webhooks:
        for webhook in config.webhooks:
            secrets_of(webhook)
        departs.append(webhook_departures(config.webhooks))
        carriers.append(WebhookCarrier(config.webhooks, client, SqlTelling(database), now, Tries(registry).count))
    if config.mailboxes:
        departs.append(mail_departures)
    ways = tuple(departs)
    mail = open_mailroom(config, policy, database, depart=partial(_of_all, ways), new_id=new_id, now=now)
    if mail:
        carriers.append(mail.carrier)
    return Ways(ways, tuple(carriers), desks, tickets, SqlCustomers(database), new_id, now, mail)


def _of_all(ways: tuple[Depart, ...], happened: Happened) -> Iterable[Departure]:
    return [departure for way in ways for departure in way(happened)]


def desk_keys(config: Config) -> dict[str, str]:
    """What each secret is for -> the secret; they may stand in no reply."""
    return {
        f"the {what} of desk {name}": held
        for name, desk in open_desks(config.desks).items()
        for what, held in (("token", desk.token), ("webhook secret", desk.secret))
    }
