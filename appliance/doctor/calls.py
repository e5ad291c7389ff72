"""Whom the settings let the box call, hosted models and the ``destinations`` aside. Without settings that say otherwise: nobody."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from appliance.config import Config
from appliance.doctor.amiss import Amiss
from appliance.doctor.destinations import configured
from models.telemetry import collectors


def calls(config: Config) -> str:
    """Each address with the setting that names it; a hosted model is told by ``egress``. Not in order when one is outside the company's own networks."""
    called = list(addresses(config, os.environ))
    outside = [f"{host} ({setting})" for setting, host in called if not is_inside(host)]
    if outside:
        raise Amiss(
            f"The box may call addresses that are neither its own nor private: {', '.join(outside)}.",
            remedy="Name a server inside, by loopback or a private address; what customers write is sent there as it is.",
        )
    # a desk outside is in order: the tickets answered there are its own, and nothing of others goes to it
    called += [(f"desks.{desk.name}", _host(desk.base_url)) for desk in config.desks]
    # nor is a mail server outside: customers' mail is there already
    for mailbox in config.mailboxes:
        called += [
            (f"mailboxes.{mailbox.name}.imap", mailbox.imap.host),
            (f"mailboxes.{mailbox.name}.smtp", mailbox.smtp.host),
        ]
    listed = ", ".join(f"{host} ({setting})" for setting, host in called)
    but = " but its destinations" if any(configured(config)) else ""
    return f"the box may call {listed}" if listed else f"the box calls nobody{but}"


def addresses(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Setting and host of everything that may be called; an SQLite file is no call."""
    if config.synthesis.mode == "vllm":
        yield "synthesis.base_url", _host(config.synthesis.base_url)
        for server in config.synthesis.smaller:
            yield "synthesis.smaller", _host(server.base_url)
    database = make_url(config.database_url)
    if database.get_backend_name() != "sqlite":
        yield "database.url", database.host or "localhost"  # without a host: a socket of this machine
    yield from _crm(config)
    for name, url in collectors(environ):
        yield name, _host(url)


def _crm(config: Config) -> Iterator[tuple[str, str]]:
    if config.crm.kind == "http":
        yield "crm.url", _host(config.crm.url)
    elif config.crm.kind == "sql":
        url = make_url(config.crm.url)
        if url.get_backend_name() != "sqlite":
            yield "crm.url", url.host or "localhost"


def is_inside(host: str) -> bool:
    """Loopback, private or link-local: an address, or a name all of whose addresses are. A name that nobody knows reaches nobody."""
    try:
        return _inside(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            return True
        return all(_inside(str(entry[4][0])) for entry in found)


def _inside(address: str) -> bool:
    """Raises ``ValueError`` for what is no address. Unspecified counts: a client that calls 0.0.0.0 reaches its own machine."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    one = mapped or found
    return any(one in network for network in _NETWORKS if network.version == one.version)


_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/32",
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::/128",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
"""RFC 1122, 1918, 3927, 6598, 4193, 4291. ``is_private`` of the library also holds reserved networks that a router may well send out."""


def _host(url: str) -> str:
    return urlsplit(url if "//" in url else f"//{url}").hostname or url
