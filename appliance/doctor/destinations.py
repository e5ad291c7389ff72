"""Servers that the settings name for webhooks, desks and the like: where each lies, what goes there, and whether it may be called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from appliance.channels.webhooks import secrets_of
from appliance.config import Config
from appliance.doctor.amiss import Amiss
from appliance.errors import ApplianceFault
from appliance.outgoing.client import Client


@dataclass(frozen=True, slots=True)
class Destination:
    """One configured server. ``carries``: what it is sent, in words."""

    setting: str
    url: str
    carries: str

    @property
    def host(self) -> str:
        try:
            return urlsplit(self.url).hostname or "no host"
        except ValueError:
            return "no host"


def configured(config: Config) -> Iterator[Destination]:
    """Everything that the one client for outgoing calls may be asked to call."""
    for webhook in config.webhooks:
        carries = "ids, states and customers' text" if webhook.include_text else "ids and states"
        yield Destination(f"webhooks.{webhook.name}", webhook.url, carries)


def destinations(config: Config) -> str:
    """Looks the names up and calls nobody. Not in order when one may not be called, or a webhook's secret cannot be used."""
    found = list(configured(config))
    for webhook in config.webhooks:
        secrets_of(webhook)
    return "; ".join(asyncio.run(_looked_up(config, found))) or "none is configured"


async def _looked_up(config: Config, found: list[Destination]) -> list[str]:
    client = Client(config.outgoing)
    said = []
    for one in found:
        try:
            inside = (await asyncio.wait_for(client.target(one.url), config.outgoing.timeout_s)).inside
        except ApplianceFault as fault:
            raise Amiss(f"{one.setting}: {fault.message}", remedy=fault.remedy) from fault
        except TimeoutError as error:
            raise Amiss(
                f"{one.setting}: {one.host} was not found in time.", remedy="Look at the name server."
            ) from error
        said.append(f"{one.host} ({one.setting}, {'inside' if inside else 'outside'}): {one.carries}")
    return said
