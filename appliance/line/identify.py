"""Station 1: who asks, and what they may see. Never from the text of the message."""

from __future__ import annotations

import asyncio

from appliance.line.desk import Desk
from appliance.ticket import Identified, Ticket


async def identify(desk: Desk, ticket: Ticket) -> Identified:
    """Tier and audiences of the ticket's customer, as far as this message's own trust reaches; anybody else is ``free`` and sees public articles only."""
    if ticket.customer_id is None:
        return desk.identify(None, "none")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(desk.threads, desk.identify, ticket.customer_id, ticket.trust)
