"""Whose request it is: the address of the peer, or what our own proxies say of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from appliance.web.errors import AnyRequest

_Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"


def client_of(request: AnyRequest, trusted: Sequence[str]) -> str:
    """A key for the client's network: an IPv4 address, or an IPv6 network of 64 bits, since a household has a whole one."""
    peer = request.scope.get("client")
    forwarded = [value for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
    chain = b",".join(forwarded).decode("latin-1")
    return client_key(peer[0] if peer else "", chain, trusted)


def client_key(peer: str, forwarded: str, trusted: Sequence[str]) -> str:
    """``forwarded`` is X-Forwarded-For, of which only what our own proxies (``trusted``, networks) have added counts: it is read from the right,
    and the first address that is not theirs is the client. Anybody may have written what stands left of it (Zammad CVE-2026-34720)."""
    address = _address(peer)
    hops = [hop.strip() for hop in forwarded.split(",")] if forwarded else []
    while address is not None and hops and _is_ours(address, trusted):
        further = _address(hops.pop())
        if further is None:
            break
        address = further
    if address is None:
        return UNKNOWN
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


def _address(text: str) -> _Address | None:
    """Some proxies add a port, and brackets around IPv6."""
    bare = text.partition("]")[0].lstrip("[") if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _is_ours(address: _Address, trusted: Sequence[str]) -> bool:
    return any(address in network for network in _networks(tuple(trusted)))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one, strict=False) for one in trusted)
