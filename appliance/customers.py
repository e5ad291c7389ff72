"""Who a customer is, and which tier they have: from the CRM or the customer table, never from what a message says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appliance.crm.book import Book, Standing
from appliance.errors import CrmDown
from appliance.ticket import TIERS, TRUSTS, Decision, Identified, Tier, Trust
from appliance.trusted import Trusted
from kb.article import Audience

_ANYONE: frozenset[Audience] = frozenset({"public"})
_KNOWN: frozenset[Audience] = frozenset({"public", "customer"})


@dataclass(frozen=True, slots=True)
class Customer:
    """A row of the customer table. ``crm_at``: when the CRM last spoke of them, None for never.

    ``listed``: the CRM, the host page or the operator says that this is a customer; whoever only wrote a mail is none yet.
    """

    id: str
    external_id: str
    email: str
    name: str
    tier: str
    listed: bool = True
    crm_at: datetime | None = None


class CustomerTable(Protocol):
    """The part of the store that knows customers."""

    def customer(self, customer_id: str) -> Customer | None: ...

    def put_standing(self, customer_id: str, standing: Standing, *, now: datetime) -> None:
        """Keep what the CRM said."""
        ...


class Customers:
    """Looks a customer up. A conversation has a ``customer_id`` only when somebody was authenticated, and each message has a trust of its own."""

    def __init__(
        self, table: CustomerTable, trusted: Trusted, *, now: Callable[[], datetime], book: Book | None = None
    ) -> None:
        self._table = table
        self._trusted = trusted
        self._now = now
        self._book = book

    def identify(self, customer_id: str | None, trust: Trust) -> Identified:
        """What the message's own trust allows. Blocks for ``trusted.crm_s`` at most while the CRM is asked."""
        tiered, shown = _reaches(trust, self._trusted.tier), _reaches(trust, self._trusted.audience)
        found = self._table.customer(customer_id) if customer_id and (tiered or shown) else None
        if found is None:
            return Identified(audiences=_ANYONE)
        tier, listed, decisions = self._standing(found)
        known = shown and (listed or trust == "session")
        return Identified(
            tier=tier if tiered else "free",
            verified=known,
            audiences=_KNOWN if known else _ANYONE,
            decisions=decisions,
        )

    def _standing(self, customer: Customer) -> tuple[Tier, bool, tuple[Decision, ...]]:
        """(tier, whether this is a customer, what an agent should know of how that came about)."""
        last: Tier = next((known for known in TIERS if known == customer.tier), "free")
        listed = customer.listed
        book, now = self._book, self._now()
        if book is None:
            return last, listed, ()
        age_s = (now - customer.crm_at).total_seconds() if customer.crm_at else None
        if age_s is not None and 0 <= age_s < book.ttl_s:
            return last, listed, ()
        try:
            standing = book.ask(
                id=customer.external_id,
                email=customer.email,
                within_s=self._trusted.crm_s,
                keep=lambda told: self._table.put_standing(customer.id, told, now=now),
            )
        except CrmDown as fault:
            return _while_down(last, listed, age_s, book.stale_s, fault)
        return standing.tier, standing.listed, ()


def _while_down(
    last: Tier, listed: bool, age_s: float | None, stale_s: float, fault: CrmDown
) -> tuple[Tier, bool, tuple[Decision, ...]]:
    if age_s is not None and age_s < stale_s:
        reason = f"The CRM does not answer ({fault.message}); the tier {last} is what it said {_ago(age_s)} ago."
        return last, listed, (Decision("identify", "crm.stale", reason),)
    said = "never spoke of this customer" if age_s is None else f"last spoke of this customer {_ago(age_s)} ago"
    reason = f"The CRM does not answer ({fault.message}) and {said}: taken for tier free until it is back."
    return "free", False, (Decision("identify", "crm.down", reason),)


def _ago(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _reaches(trust: Trust, floor: Trust) -> bool:
    return TRUSTS.index(trust) >= TRUSTS.index(floor)
