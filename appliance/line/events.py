"""What a visitor may watch while a ticket is on the line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from appliance.ticket import Citation, Reply
from models.roles import DraftSentence

EventType = Literal["stage", "sentence", "done", "message"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to show. ``id`` is ``<seq of the customer's message>.<n>``, so that a reader can resume after it."""

    id: str
    type: EventType
    data: dict[str, Any]

    def position(self) -> tuple[int, int]:
        return position(self.id)


Tell = Callable[[DraftSentence, tuple[Citation, ...]], Awaitable[None]]
"""Takes a sentence that has passed the gates to the customer. What keeps it from being written down is raised, and then nobody has read it."""
Emit = Callable[[EventType, dict[str, Any]], None]


def spoken(emit: Emit) -> Tell:
    """A ``Tell`` that writes nothing down: for whoever runs the line without a journal."""

    async def tell(sentence: DraftSentence, _citations: tuple[Citation, ...]) -> None:
        emit("sentence", {"text": sentence.text, "citations": list(sentence.citations)})

    return tell


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
