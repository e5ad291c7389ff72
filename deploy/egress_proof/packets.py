"""What a captured Ethernet frame is: enough to say where it was going."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_ETHERNET = 14
_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_NAMES = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}
_WITH_PORTS = {6, 17, 132}
_EXTENSIONS = {0, 43, 60}
"""IPv6 headers that stand before the real one: hop by hop, routing, destination options."""
_FRAGMENT = 44
_NEIGHBOUR_TYPES = {*range(130, 138), 143}
"""ICMPv6 that the kernel speaks by itself: listeners of multicast, routers and neighbours on the link."""


@dataclass(frozen=True, slots=True)
class Packet:
    """``neighbour``: link upkeep (ARP, neighbour discovery), which no program asked for. ``port`` is 0 where there is none."""

    protocol: str
    address: str = ""
    port: int = 0
    neighbour: bool = False


def packet(frame: bytes) -> Packet:
    """Never fails: what cannot be read still is a packet that left."""
    kind = int.from_bytes(frame[12:14], "big")
    body = frame[_ETHERNET:]
    if kind == _ARP:
        return Packet("arp", neighbour=True)
    if kind == _IPV4 and len(body) >= 20:
        return _v4(body)
    if kind == _IPV6 and len(body) >= 40:
        return _v6(body)
    return Packet(f"ethertype 0x{kind:04x}")


def _v4(body: bytes) -> Packet:
    protocol, address = body[9], str(ipaddress.IPv4Address(body[16:20]))
    first = not int.from_bytes(body[6:8], "big") & 0x1FFF  # later fragments have no ports
    return Packet(_name(protocol), address, _port(protocol, body[(body[0] & 0x0F) * 4 :]) if first else 0)


def _v6(body: bytes) -> Packet:
    protocol, address, rest = body[6], str(ipaddress.IPv6Address(body[24:40])), body[40:]
    while protocol in _EXTENSIONS and len(rest) >= 8:
        protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    if protocol == _FRAGMENT and len(rest) >= 8:
        first = not int.from_bytes(rest[2:4], "big") & 0xFFF8
        protocol, rest = rest[0], rest[8:] if first else b""
    upkeep = protocol == 58 and rest[:1] != b"" and rest[0] in _NEIGHBOUR_TYPES
    return Packet(_name(protocol), address, _port(protocol, rest), neighbour=upkeep)


def _name(protocol: int) -> str:
    return _NAMES.get(protocol, f"protocol {protocol}")


def _port(protocol: int, segment: bytes) -> int:
    return int.from_bytes(segment[2:4], "big") if protocol in _WITH_PORTS and len(segment) >= 4 else 0
