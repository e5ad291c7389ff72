"""Only one replica reads a mailbox: a row that its holder counts up, and that another takes over once it has stood still for a while.

How long it stands still is measured by each replica's own monotonic clock, so a clock that jumps takes nothing away from anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic

from appliance.store.mail import SqlMailboxes

_BEAT_S = 5.0
_DEAD_S = 20.0
"""A holder that has not counted up for so long is dead. Should it live all the same, mails are still taken once: their rows are unique."""


class Lease:
    """Of one mailbox, for one replica. Used by one thread."""

    look_s = 1.0
    """How often one who waits for it looks."""

    def __init__(
        self,
        mailboxes: SqlMailboxes,
        name: str,
        replica: str,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._mailboxes = mailboxes
        self._name = name
        self._replica = replica
        self._now = now
        self._clock = clock
        self._beaten: float | None = None
        self._standing: tuple[str, int] | None = None
        self._since = 0.0

    def held(self) -> bool:
        """Is it ours? Counts up when it is time to. Raises a fault of the database."""
        if self._beaten is not None and self._clock() - self._beaten < _BEAT_S:
            return True
        if self._mailboxes.hold(self._name, self._replica, over=self._dead(), now=self._now()):
            self._beaten, self._standing = self._clock(), None
            return True
        self._beaten = None
        return False

    def release(self) -> None:
        """Let another have it at once. A database that cannot be written is left to find out."""
        if self._beaten is not None:
            self._beaten = None
            self._mailboxes.release(self._name, self._replica)

    def _dead(self) -> int | None:
        """The beat at which the holder has died, as far as we can tell."""
        place = self._mailboxes.place(self._name)
        seen = (place.holder, place.beat)
        if seen != self._standing:
            self._standing, self._since = seen, self._clock()
            return None
        return place.beat if self._clock() - self._since >= _DEAD_S else None
