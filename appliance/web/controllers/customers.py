"""What a customer whom a host page has signed in may do: see their own conversations, and go on with one on this device."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from appliance.errors import Unauthorized
from appliance.web.controllers.conversations import SignedIdentity, TheDoors
from appliance.web.guards import json_only

_FRESH = {"Cache-Control": "no-store"}


class CustomerController(Controller):
    """Everything here needs the header ``Support-Identity``."""

    path = "/api/customers/me/conversations"
    guards = (json_only,)
    tags = ("customers",)

    @get()
    async def mine(self, doors: TheDoors, support_identity: SignedIdentity = None) -> Response[dict[str, Any]]:
        """The customer's own conversations by every channel, the one with the latest message first; at most 100."""
        found = await doors.visitors.conversations(_given(support_identity))
        return Response({"conversations": [asdict(one) for one in found]}, headers=_FRESH)

    @post("/{conversation_id:str}/token", status_code=201)
    async def go_on(
        self, conversation_id: FromPath[str], doors: TheDoors, support_identity: SignedIdentity = None
    ) -> Response[dict[str, Any]]:
        """A visitor's key to one of the customer's own conversations, told once; it counts as the customer until it expires."""
        made = await doors.visitors.go_on(_given(support_identity), conversation_id)
        return Response(asdict(made), status_code=201, headers=_FRESH)


def _given(signed: str | None) -> str:
    if signed is None:
        raise Unauthorized(
            "This needs a signed identity.", remedy="Send it in the header Support-Identity (docs/identity.md)."
        )
    return signed
