"""The ``[outgoing]`` table of ``appliance.toml``: how servers are called that an operator configured."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import Field, model_validator

from appliance.section import Section


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
