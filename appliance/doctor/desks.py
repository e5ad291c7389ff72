"""Help desks that are configured: whether their API answers, whose token it is, and what could not be posted."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.channels.carriers import Undelivered
from appliance.channels.desks.caller import Caller
from appliance.channels.desks.registry import OpenDesk, open_desks
from appliance.config import Config
from appliance.desk_settings import DeskSettings
from appliance.doctor.amiss import Amiss
from appliance.outgoing.client import Client
from appliance.store.database import Database
from appliance.store.desk_tickets import SqlDeskTickets, Undone

_REMEDY = "Check base_url, token_file and outgoing.allow_networks of this desk (docs/desks.md)."


def desk(config: Config, settings: DeskSettings) -> str:
    """Calls the desk once, for the user that the token belongs to. Of the database only what failed is read."""
    opened = open_desks((settings,))[settings.name]
    try:
        me = asyncio.run(_me(config, opened))
    except Undelivered as fault:
        raise Amiss(fault.message, remedy=_REMEDY) from fault
    if me != settings.own_user:
        raise Amiss(
            f"The token of desk {settings.name} belongs to user {me or '(unknown)'}, and own_user says {settings.own_user}: "
            "the appliance would take its own replies for a person's.",
            remedy=f'Write own_user = "{me}", or give it the token of user {settings.own_user}.',
        )
    undone = _undone(config, settings.name)
    if undone.count:
        raise Amiss(
            f"{undone.count} messages could not be posted into desk {settings.name} for good; the last because: {undone.last}",
            remedy="Their tickets wait for a person in the appliance. Mend what the message names.",
        )
    return f"{settings.kind} at {settings.base_url} answers; the token is user {me}'s"


async def _me(config: Config, opened: OpenDesk) -> str:
    return await opened.desk.me(Caller(opened, Client(config.outgoing)), opened.settings)


def _undone(config: Config, name: str) -> Undone:
    url = config.database_url
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        return Undone(0, "")
    database = Database.look(url)
    try:
        return SqlDeskTickets(database).undone(name)
    finally:
        database.close()
