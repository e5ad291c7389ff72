"""Which hosts may be named and which addresses may be connected to: the rules against server-side request forgery.

Source of the networks: the IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890). The standard library's ``is_global`` is not
used: what it says has changed between releases of Python, and it knows nothing of addresses inside addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from appliance.errors import OutgoingRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REMEDY = (
    "Check the address in appliance.toml; servers inside are named under [outgoing.allow_networks] (docs/egress.md)."
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def _networks(*words: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(word) for word in words)


NEVER = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local, where clouds keep the credentials of a machine
    "100.100.100.200/32",  # the same at Alibaba
    "168.63.129.16/32",  # the same at Azure
    "192.0.0.192/32",  # the same at Oracle
    "224.0.0.0/3",  # multicast, reserved, broadcast
    "::/96",  # unspecified and IPv4-compatible; loopback is looked at before
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "fd00:ec2::/32",  # AWS, as link-local above
    "2001::/32",  # Teredo
    "2002::/16",  # 6to4
)
"""Not even by permission of the settings: nothing that an operator could mean lives there, or an address of another kind hides in it."""

_INSIDE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOOPBACK_V6 = ipaddress.IPv6Address("::1")
_ISATAP = {0x00005EFE, 0x02005EFE}


def host_of(host: str) -> str:
    """The one spelling of a host: lower case, no dot at the end, an address in its canonical form. Raises ``OutgoingRefused``.

    ``127.1``, ``0x7f000001``, ``2130706433`` and ``0177.0.0.1`` are addresses to some resolvers and names to others, so they are nothing here.
    """
    name = host.lower().removesuffix(".")
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    if ":" in bare:
        return str(address_of(bare))
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(address_of(name))
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise OutgoingRefused("The host of an address is no name that may be looked up.", remedy=_REMEDY)
    return name


def address_of(text: str) -> Address:
    """An address in its usual form; mapped IPv4 becomes IPv4. Raises ``OutgoingRefused``, also for one with a zone."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError as error:
        raise OutgoingRefused(f"{text[:80]!r} is no address in its usual form.", remedy=_REMEDY) from error
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found.scope_id is not None:
        raise OutgoingRefused("An address with a zone is not connected to.", remedy=_REMEDY)
    return found.ipv4_mapped or found


def is_public(address: Address) -> bool:
    """Whether it lies in the internet that everybody sees. Never for multicast and what is reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _PUBLIC_V6 or (int(address) >> 32 & 0xFFFF_FFFF) in _ISATAP:
            return False
    return not _within(address, NEVER) and not _within(address, _INSIDE)


def permitted(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the settings allow an address that is not public. What hides an IPv4 address is judged by that one."""
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        return permitted(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF), allowed)
    if address != _LOOPBACK_V6 and _within(address, NEVER):
        return False
    return _within(address, allowed)


def check(host: str, texts: Sequence[str], allowed: Sequence[Network]) -> tuple[list[Address], bool]:
    """The addresses to connect to, and whether all of them are inside. Raises ``OutgoingRefused`` when a single one may not be:

    a name that leads to a good and a bad address is a trick or a mistake, and either way nobody's intention.
    """
    found = [address_of(text) for text in texts]
    inside = [permitted(address, allowed) for address in found]
    for address, within in zip(found, inside, strict=True):
        if not within and not is_public(address):
            raise OutgoingRefused(
                f"{host} leads to {address}, which is not in the internet and not allowed for it.", remedy=_REMEDY
            )
    return list(dict.fromkeys(found)), all(inside)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
