"""Asks the CRM on behalf of tickets: for a limited time, not while it is down, and in the appliance's own tiers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

from appliance.crm.record import Connector, Record
from appliance.customer_settings import Crm
from appliance.errors import CrmDown
from appliance.ticket import TIERS, Tier

_log = logging.getLogger(__name__)
_AT_ONCE = 4
"""Questions under way; one more is not asked. Each ends by itself, since every connector has a time limit."""
Observe = Callable[[str], None]
"""Hears how each question ended: found, absent, failed, skipped, late or unknown_tier."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the CRM says of a customer, in our words. ``listed`` is false when it knows none such."""

    tier: Tier
    name: str
    listed: bool


class Book:
    """``clock``: seconds of a monotonic clock."""

    def __init__(self, crm: Crm, connector: Connector, *, clock: Callable[[], float], observe: Observe) -> None:
        self._crm = crm
        self._connector = connector
        self._clock = clock
        self._observe = observe
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="crm")
        self._places = threading.Semaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._faults = 0
        self._open_until: float | None = None
        self._why = ""
        self._answered: float | None = None
        self._warned = False

    @property
    def ttl_s(self) -> float:
        return self._crm.ttl_s

    @property
    def stale_s(self) -> float:
        return self._crm.stale_s

    def ask(self, *, id: str, email: str, within_s: float, keep: Callable[[Standing], None]) -> Standing:
        """What the CRM says now. ``keep`` is called with it in any case, also when it comes too late for this ticket.

        Raises ``CrmDown`` after ``within_s``, or at once while the CRM is held for down.
        """
        if not self._may() or not self._places.acquire(blocking=False):
            self._observe("skipped")
            raise CrmDown(self._why or "as many questions as are allowed are under way")
        future: Future[Standing] = self._pool.submit(self._look, id, email, keep)
        future.add_done_callback(lambda _: self._places.release())
        try:
            return future.result(within_s)
        except NotYet:
            self._observe("late")
            raise CrmDown(f"it did not answer within {within_s:g} s") from None

    def state(self) -> str:
        """For the page of what is ready; asks nobody."""
        with self._lock:
            down, answered, why = self._open_until is not None or self._faults, self._answered, self._why
        ago = "never" if answered is None else f"{self._clock() - answered:.0f} s ago"
        said = f"{self._crm.kind}: {'DOWN (' + why + ')' if down else 'in order'}; last answer {ago}"
        more = self._connector.state()
        return f"{said}; {more}" if more else said

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._connector.close()

    def standing(self, record: Record | None) -> Standing:
        """In our own words. A tier that nobody has told us of is ``free``, and is counted; its words are not logged, they may be anything."""
        if record is None:
            return Standing("free", "", listed=False)
        known = {name.casefold(): tier for name, tier in self._crm.tiers.items()}
        found = known.get(record.tier.casefold()) or next(
            (tier for tier in TIERS if tier == record.tier.casefold()), None
        )
        if found is None:
            self._observe("unknown_tier")
            if not self._warned:
                self._warned = True
                _log.warning("the CRM names a tier that crm.tiers does not know; such customers count as free")
        return Standing(found or "free", record.name, listed=True)

    def _look(self, id: str, email: str, keep: Callable[[Standing], None]) -> Standing:
        try:
            record = self._connector.look(id=id, email=email)
        except CrmDown as fault:
            self._failed(fault.message)
            raise
        except Exception as error:  # a defect of a connector is a CRM that is down; its message may quote the customer
            self._failed(type(error).__name__)
            raise CrmDown(f"the connector failed ({type(error).__name__})") from None
        with self._lock:
            self._faults, self._open_until, self._why, self._answered = 0, None, "", self._clock()
        self._observe("found" if record else "absent")
        standing = self.standing(record)
        keep(standing)
        return standing

    def _may(self) -> bool:
        """While it is held for down, one question in ``open_s`` finds out whether it is back."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._clock() < self._open_until:
                return False
            self._open_until = self._clock() + self._crm.open_s
            return True

    def _failed(self, why: str) -> None:
        self._observe("failed")
        with self._lock:
            self._faults, self._why = self._faults + 1, why
            if self._faults >= self._crm.faults:
                self._open_until = self._clock() + self._crm.open_s
            first = self._faults == 1
        if first:
            _log.warning("the CRM does not answer: %s", why)
