"""The profile's table ``[trusted]``: how sure it must be who writes before it matters who they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from appliance.ticket import Trust


class Trusted(BaseModel):
    """Floors for the trust of the message itself (``appliance.ticket.Trust``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Trust = "relay"
    """From here on the customer's tier counts: it moves a ticket up, and some topics to a person."""
    audience: Trust = "dmarc"
    """From here on the reply may hold what only customers may read."""
    crm_s: Annotated[float, Field(gt=0, le=10)] = 2.0
    """Seconds that a ticket may wait for the CRM."""
