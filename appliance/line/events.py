"""What a visitor may watch while a ticket is on the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from appliance.ticket import Reply

EventType = Literal["stage", "sentence", "done", "message"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to show. ``id`` is ``<seq of the customer's message>.<n>``, so that a reader can resume after it."""

    id: str
    type: EventType
    data: dict[str, Any]

    def position(self) -> tuple[int, int]:
        return position(self.id)


Emit = Callable[[EventType, dict[str, Any]], None]


def position(event_id: str) -> tuple[int, int]:
    """The place of an event id in its conversation; a malformed id (they come from the network) is the very beginning."""
    seq, _, n = event_id.partition(".")
    if seq.isdecimal() and n.isdecimal() and len(event_id) <= 20:
        return int(seq), int(n)
    return 0, 0


def reply_document(reply: Reply) -> dict[str, Any]:
    """The reply with the keys of the public contract."""
    document = asdict(reply)
    document["citations"] = [asdict(citation) for citation in reply.citations]
    return document
