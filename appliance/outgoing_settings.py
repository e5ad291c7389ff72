"""The ``[outgoing]`` and ``[[webhooks]]`` tables of ``appliance.toml``: how servers are called that an operator configured, and who is told of what."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from appliance.section import Section

WebhookEvent = Literal[
    "message.received",
    "reply.sent",
    "conversation.handed_over",
    "conversation.waiting",
    "conversation.closed",
    "feedback.given",
    "mail.failed",
]


class Outgoing(Section):
    """How configured servers are called: webhooks, desks, a CRM over HTTP. Model servers and mail have settings of their own."""

    allow_networks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Host -> networks it may lead to besides the internet, such as ``{"desk.intern" = ["10.1.2.0/24"]}``."""
    ca_file: str = ""
    """PEM file of the company's own certificate authority, trusted besides the usual ones."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    """From the look-up of the name to the last byte of the answer."""

    @model_validator(mode="after")
    def _are_networks(self) -> Outgoing:
        for host in self.allow_networks:
            self.networks_of(host)
        return self

    def networks_of(self, host: str) -> tuple[IPv4Network | IPv6Network, ...]:
        """Raises ``ValueError``, which cannot happen once the settings are read."""
        return tuple(
            ip_network(network)
            for name, networks in self.allow_networks.items()
            if name.lower().removesuffix(".") == host.lower().removesuffix(".")
            for network in networks
        )


class Webhook(Section):
    """One address that is told of events, by ids and states alone unless ``include_text`` says otherwise."""

    name: Annotated[str, Field(max_length=40)] = ""
    """Of your own choice; it stands in lists, logs and figures."""
    url: str = ""
    """https, or http to an address that ``outgoing.allow_networks`` allows."""
    events: tuple[WebhookEvent, ...] = ()
    secret_file: str = ""
    """File of the secrets that sign, one ``whsec_…`` a line; the first lines of a rotation hold the new and the old one. Read at each sending."""
    include_text: bool = False
    """Send what customers and the appliance wrote, too."""

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value):
            raise ValueError("small letters, digits, - and _ make a name")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Webhook:
        missing = [name for name in ("name", "url", "events", "secret_file") if not getattr(self, name)]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be given")
        return self


def distinct(webhooks: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
    """Raises ``ValueError`` when two have one name."""
    names = [webhook.name for webhook in webhooks]
    if len(set(names)) != len(names):
        raise ValueError("two webhooks have the same name")
    return webhooks
