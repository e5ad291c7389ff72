"""The door for webhooks of help desks."""

from __future__ import annotations

from litestar import Controller, post
from litestar.params import FromPath

from appliance.errors import Busy, TooFast
from appliance.web.controllers.conversations import TheDoors
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest

_MAX_BYTES = 4_194_304
"""A webhook carries the whole message with its history around it, and a desk that is refused for size gives up."""


class DeskController(Controller):
    """Proved over the raw body before anything of it is read; answered after the commit and before the run."""

    path = "/api/desks"
    tags = ("desks",)
    request_max_body_size = _MAX_BYTES

    @post("/{name:str}", status_code=200)
    async def hear(self, name: FromPath[str], request: AnyRequest, doors: TheDoors) -> dict[str, str]:
        """A webhook of the desk of that name, signed or with the secret as bearer token."""
        return await _heard(doors, request, name)

    @post("/{name:str}/{secret:str}", status_code=200)
    async def hear_by_path(
        self, name: FromPath[str], secret: FromPath[str], request: AnyRequest, doors: TheDoors
    ) -> dict[str, str]:
        """The same for desks that can sign nothing and send no header: the secret stands at the end of the address."""
        return await _heard(doors, request, name, secret)


async def _heard(doors: Doors, request: AnyRequest, name: str, secret: str = "") -> dict[str, str]:
    try:
        heeded = await doors.desks.hear(name, dict(request.headers), await request.body(), path_secret=secret)
    except Busy as fault:  # as 429: all three desks try that again, and Chatwoot's bots no 503
        raise TooFast(fault.message, retry_after_s=fault.retry_after_s) from fault
    return {"outcome": heeded.what, "reason": heeded.reason}
