"""Who is taken on, and who is told when to come back.

Every message needs a permit before it is stored, and keeps it until its run has ended. There are as many as the box may have under way; when all
are given away the next sender is refused at once (503), and one conversation may not hold more than a few of them (429). How long a refused
sender should wait comes from the pace at which runs have really ended. Who has a permit and no line yet has a place in the queue.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from appliance.errors import Busy, TooFast

_ENDS = 32
"""Of the newest runs, from which the pace is taken: enough to even out one slow run, few enough to follow a change within a minute."""
_FIRST_PACE = 1.0
"""Runs a second, before any has ended: what the smallest box does with a slow model. It only matters for the first who are refused."""
_PATIENCE_S = 1.0
"""Who has a turn sooner than that is told nothing of a queue."""
_SHORTEST_S = 1
_LONGEST_S = 60
"""Nobody is told to stay away longer: a box that stands still now may do well in a minute."""


class DrainRate:
    """Runs that end in a second while there is always one to go on with.

    Only busy time counts: a box that had nothing to do for an hour is not slow. While nothing ends the pace falls, so a line that stands still shows.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known = _FIRST_PACE
        self._since: float | None = None
        self._ends: deque[float] = deque(maxlen=_ENDS)

    def began(self) -> None:
        """Work is there; a busy time begins unless it has."""
        if self._since is None:
            self._since = self._clock()

    def ended(self, *, more: bool) -> None:
        """One run has ended. Without ``more`` the busy time is over."""
        self._ends.append(self._clock())
        if not more:
            self._known, self._since = self.per_s(), None
            self._ends.clear()

    def per_s(self) -> float:
        if self._since is None:
            return self._known
        now = self._clock()
        began = self._ends[0] if len(self._ends) == _ENDS else self._since
        count = len(self._ends) - 1 if len(self._ends) == _ENDS else len(self._ends)
        spent = now - began
        if (
            count < _ENDS // 4
        ):  # too little to go by; but what was known before holds only as long as it may still be true
            return min(self._known, (count + 1) / spent) if spent > 0 else self._known
        return count / spent if spent > 0 else self._known


class Admittance:
    """The right to have one message under way. Given back once, by ``release`` or at the end of a ``with`` that has not handed it on."""

    __slots__ = ("_admission", "_kept", "conversation_id", "message_id", "waits_since")

    def __init__(self, admission: Admission, conversation_id: str) -> None:
        self._admission = admission
        self.conversation_id = conversation_id
        self.message_id = ""
        self.waits_since = math.inf
        self._kept = False

    def wait_as(self, message_id: str) -> None:
        """The message is stored and waits for its turn; from here on the permit is its run's."""
        self.message_id = message_id
        self._kept = True
        self._admission._join(self)

    def begin(self) -> None:
        """Its turn has come: it waits no longer."""
        self._admission._leave_queue(self)

    def release(self) -> None:
        """Its run has ended. Again changes nothing."""
        self._admission._give_back(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self.release()


class Admission:
    """All permits of one process. For one event loop; nothing here waits."""

    def __init__(self, most: int, *, each: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``most``: messages under way at the most. ``each``: of one conversation."""
        self._most = most
        self._each = each
        self._clock = clock
        self._rate = DrainRate(clock)
        self._out: set[Admittance] = set()
        self._of: Counter[str] = Counter()
        self._queue: dict[str, Admittance] = {}
        self._next_place = 0.0

    @property
    def under_way(self) -> int:
        return len(self._out)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        return len(self._out) >= self._most

    @property
    def per_s(self) -> float:
        """Runs that end in a second while the box is busy."""
        return self._rate.per_s()

    def enter(self, conversation_id: str, *, bounded: bool = True) -> Admittance:
        """A permit for a message that is about to be stored. Not ``bounded``: a connector's, which waits for the box as a whole and for nobody in it.

        Raises ``Busy`` when the box is full and ``TooFast`` when this conversation alone has too many; nothing is stored then.
        """
        if bounded and self._of[conversation_id] >= self._each:
            raise TooFast(
                f"{self._each} messages of this conversation are still to be answered.",
                retry_after_s=self._bounded(1 / self._rate.per_s()),
            )
        if self.full:
            raise self.busy()
        return self.take(conversation_id)

    def take(self, conversation_id: str) -> Admittance:
        """A permit for a message that is stored already, such as one that an earlier process left: it cannot be refused any more."""
        permit = Admittance(self, conversation_id)
        self._out.add(permit)
        self._of[conversation_id] += 1
        self._rate.began()
        return permit

    def busy(self) -> Busy:
        """What a sender is told who cannot be taken on. Each is given a moment of its own, one run apart: told the same moment, all would come at once."""
        now = self._clock()
        self._next_place = max(now, self._next_place) + 1 / self._rate.per_s()
        self._next_place = min(self._next_place, now + _LONGEST_S)
        return Busy(
            f"{len(self._out)} messages are being answered; more are not taken on just now.",
            retry_after_s=self._bounded(self._next_place - now),
        )

    def places(self) -> dict[str, int]:
        """Conversation -> place of its first waiting message, from 1. Only of those who have waited a moment: others need not hear of a queue.

        Who is behind somebody that need not hear of it has waited no longer, so the numbers have no gaps.
        """
        patient = self._clock() - _PATIENCE_S
        places: dict[str, int] = {}
        for permit in self._queue.values():
            if permit.waits_since <= patient:
                places.setdefault(permit.conversation_id, len(places) + 1)
        return places

    def _join(self, permit: Admittance) -> None:
        permit.waits_since = self._clock()
        self._queue[permit.message_id] = permit

    def _leave_queue(self, permit: Admittance) -> None:
        self._queue.pop(permit.message_id, None)

    def _give_back(self, permit: Admittance) -> None:
        if permit not in self._out:
            return
        self._leave_queue(permit)
        self._out.discard(permit)
        self._of[permit.conversation_id] -= 1
        if not self._of[permit.conversation_id]:
            del self._of[permit.conversation_id]
        if permit.message_id:
            self._rate.ended(more=bool(self._out))

    def _bounded(self, seconds: float) -> int:
        return min(_LONGEST_S, max(_SHORTEST_S, math.ceil(seconds - 0.001)))
