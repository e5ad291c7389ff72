"""What brings a parcel of the outbox to where it has to go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.errors import ApplianceFault
from appliance.store.outbox import Parcel


class Undelivered(ApplianceFault):
    """A parcel did not arrive, or nobody can say whether it did. ``fault`` names the kind without any text of the parcel."""

    code = "undelivered"

    def __init__(self, message: str, *, lasting: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.transient = not lasting
        self.retry_after_s = retry_after_s
        """As the other side asked; None: the postman's own pause."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """It arrived. ``reference``: how the other side knows it (a Message-ID, the id of an article), if it said."""

    reference: str = ""


class Carrier(Protocol):
    """One way out. Both calls are bounded in time by the carrier and raise ``Undelivered``; anything else is a defect."""

    @property
    def kind(self) -> str:
        """Of the parcels that it carries: mail, desk, webhook."""
        ...

    async def look_up(self, parcel: Parcel) -> Receipt | None:
        """Did an earlier try arrive? Asked before each further one; None when it did not, or when the other side cannot tell."""
        ...

    async def carry(self, parcel: Parcel) -> Receipt:
        """Send it once, with ``parcel.id`` as the other side's idempotency key."""
        ...
