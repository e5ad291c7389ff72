"""Who a customer is, and which tier they have: from the customer table, never from what a message says."""

from __future__ import annotations

from typing import Protocol

from appliance.ticket import TIERS, Identified, Tier
from kb.article import Audience

_ANYONE: frozenset[Audience] = frozenset({"public"})
_KNOWN: frozenset[Audience] = frozenset({"public", "customer"})


class CustomerTable(Protocol):
    """The part of the store (or of a CRM) that knows customers."""

    def customer(self, customer_id: str) -> tuple[str, str] | None:
        """(name, tier), or None when there is no such customer."""
        ...


class Customers:
    """Looks a customer up. A conversation has a ``customer_id`` only when its opener was authenticated."""

    def __init__(self, table: CustomerTable) -> None:
        self._table = table

    def identify(self, customer_id: str | None) -> Identified:
        found = self._table.customer(customer_id) if customer_id else None
        if found is None:
            return Identified(audiences=_ANYONE)
        tier: Tier = next((known for known in TIERS if known == found[1]), "free")
        return Identified(tier=tier, verified=True, audiences=_KNOWN)
