"""What the sinkhole wrote, by chapter: names asked, connections made, packets sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """Each with its count. ``packets`` leaves out link upkeep (ARP, neighbour discovery)."""

    names: Counter[tuple[str, str]]
    """By name and type of record."""
    connections: Counter[tuple[str, int, str]]
    """By address, port, and whom the first bytes name."""
    packets: Counter[tuple[str, str, int]]
    """By protocol, address and port."""

    @property
    def nothing(self) -> bool:
        return not (self.names or self.connections or self.packets)

    def document(self) -> dict[str, Any]:
        return {
            "names": [{"name": name, "type": kind, "count": n} for (name, kind), n in self.names.most_common()],
            "connections": [
                {"address": address, "port": port, "wanted": wanted, "count": n}
                for (address, port, wanted), n in self.connections.most_common()
            ],
            "packets": [
                {"protocol": protocol, "address": address, "port": port, "count": n}
                for (protocol, address, port), n in self.packets.most_common()
            ],
        }


def read(file: Path) -> list[Event]:
    """Whole lines only: the last one may be being written."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("ascii").splitlines(keepends=True) if line.endswith("\n")]


def seen(events: Iterable[Event], start: float, end: float) -> Seen:
    """Between two readings of the monotonic clock, which all processes of a machine share."""
    names: Counter[tuple[str, str]] = Counter()
    connections: Counter[tuple[str, int, str]] = Counter()
    packets: Counter[tuple[str, str, int]] = Counter()
    for event in events:
        if not start <= event["at"] < end:
            continue
        if event["event"] == "name":
            names[event["name"], event["type"]] += 1
        elif event["event"] == "connection":
            connections[event["address"], event["port"], event["wanted"]] += 1
        elif event["event"] == "packet" and not event["neighbour"]:
            packets[event["protocol"], event["address"], event["port"]] += 1
    return Seen(names, connections, packets)
