"""Which mail has to leave because of what happened: one for each answer, and one acknowledgement a ticket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from appliance.store.outbox import Departure, Happened

Purpose = Literal["answer", "acknowledgement"]
KIND = "mail"


def departures(happened: Happened) -> Iterable[Departure]:
    """For ``SqlConversations``. The keys make each of them unique, whatever is run again."""
    if happened.channel != "mail" or happened.what != "reply.sent" or not happened.speaks:
        return
    if happened.outcome == "handed_over":
        yield _departure(f"mail:acknowledgement:{happened.conversation_id}", happened, "acknowledgement")
    else:
        yield _departure(f"mail:answer:{happened.message_id}", happened, "answer")


def _departure(key: str, happened: Happened, purpose: Purpose) -> Departure:
    return Departure(key=key, kind=KIND, target=happened.source, purpose=purpose)
