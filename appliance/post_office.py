"""Puts together what comes and leaves by connectors: doors, the events that have to leave, the carriers that bring them, and who hears of what could not be brought."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry

from appliance.channels.carriers import Carrier
from appliance.channels.desks.carrier import DeskCarrier
from appliance.channels.desks.intake import DeskIntake
from appliance.channels.desks.registry import OpenDesk, open_desks
from appliance.channels.desks.words import unsent_note
from appliance.channels.reception import Reception
from appliance.channels.webhooks import WebhookCarrier, secrets_of
from appliance.channels.webhooks import departures as webhook_departures
from appliance.config import Config
from appliance.metrics import Tries
from appliance.outgoing.client import Client
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

    def depart(self, happened: Happened) -> Iterable[Departure]:
        return [departure for way in self.departs for departure in way(happened)]

    async def given_up(self, parcel: Parcel, fault: str) -> None:
        if parcel.kind == "desk":
            await asyncio.to_thread(self.tickets.unsent, parcel, note=unsent_note(fault), now=self.now())

    def intake(self, reception: Reception) -> DeskIntake:
        """The door for the desks' webhooks."""
        return DeskIntake(self.desks, reception, self.tickets, self.customers, new_id=self.new_id, now=self.now)


def open_ways(
    config: Config,
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
    return Ways(tuple(departs), tuple(carriers), desks, tickets, SqlCustomers(database), new_id, now)


def desk_keys(config: Config) -> dict[str, str]:
    """What each secret is for -> the secret; they may stand in no reply."""
    return {
        f"the {what} of desk {name}": held
        for name, desk in open_desks(config.desks).items()
        for what, held in (("token", desk.token), ("webhook secret", desk.secret))
    }
