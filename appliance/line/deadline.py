"""Until when a ticket must have its end: counted from the moment its message was accepted, so that waiting in line counts too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from appliance.policy import Deadlines
from appliance.ticket import Classified, Decision, Ticket


@dataclass(frozen=True, slots=True)
class Deadline:
    """``ends`` is a moment of ``clock`` (seconds). ``reserve_s`` is kept back for each rung below, and the last rung always gets at least that."""

    ends: float
    reserve_s: float
    clock: Callable[[], float]

    @property
    def left_s(self) -> float:
        return self.ends - self.clock()

    @property
    def passed(self) -> bool:
        return self.left_s <= 0

    def share_s(self, below: int) -> float:
        """Seconds that a rung with ``below`` rungs under it may take; 0 when that is too little to begin with."""
        if not below:
            return max(self.left_s, self.reserve_s)
        share = self.left_s - below * self.reserve_s
        return share if share >= self.reserve_s else 0.0


def deadline_of(
    limits: Deadlines, ticket: Ticket, classified: Classified, *, accepted: float, clock: Callable[[], float]
) -> tuple[Deadline, Decision]:
    """The ticket's deadline, and why it is this one."""
    complex_ = _complex(limits, ticket, classified)
    seconds = limits.complex_s if complex_ else limits.simple_s
    kind = "complex" if complex_ else "simple"
    reason = f"{seconds:g} s from acceptance: {complex_ or 'one short message'}."
    return Deadline(accepted + seconds, limits.reserve_s, clock), Decision("deadline", f"deadline.{kind}", reason)


def _complex(limits: Deadlines, ticket: Ticket, classified: Classified) -> str:
    """What makes a ticket one that a person would take their time over, too; empty when nothing does."""
    words = len(ticket.message.text.split())
    if len(classified.parts) >= limits.complex_parts:
        return f"{len(classified.parts)} parts (from {limits.complex_parts} on it is complex)"
    if words >= limits.complex_words:
        return f"{words} words (from {limits.complex_words} on it is complex)"
    if len(ticket.history) >= limits.complex_thread:
        return f"{len(ticket.history)} earlier messages (from {limits.complex_thread} on it is complex)"
    return ""
