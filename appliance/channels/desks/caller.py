"""Calls of a desk's API over the guarded client: what comes back as JSON, and everything else as ``Undelivered``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from appliance.channels.carriers import Undelivered
from appliance.channels.desks.adapter import Spoken
from appliance.channels.desks.registry import OpenDesk
from appliance.errors import OutgoingFailed, OutgoingRefused
from appliance.outgoing.client import Answer

_MAX_BYTES = 16_777_216
"""A ticket of a thousand long articles is read whole in a look-up."""
_PASSING = frozenset((408, 409, 423, 425, 429))
_MAX_PAUSE_S = 3600.0


class Sends(Protocol):
    """The part of the guarded client that is used."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        max_bytes: int = ...,
    ) -> Answer: ...


class Caller:
    """The calls of one desk. Neither a token nor a text ever stands in a fault."""

    def __init__(self, opened: OpenDesk, client: Sends) -> None:
        self._opened = opened
        self._client = client

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Spoken:
        settings = self._opened.settings
        sent = {
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if body is not None else {}),
            **self._opened.desk.authorization(settings, self._opened.token),
            **(headers or {}),
        }
        content = b"" if body is None else json.dumps(body).encode()
        try:
            answer = await self._client.request(
                method, settings.base_url.rstrip("/") + path, headers=sent, content=content, max_bytes=_MAX_BYTES
            )
        except OutgoingRefused as fault:
            raise Undelivered(f"desk {settings.name}: {fault.message}", lasting=True) from fault
        except OutgoingFailed as fault:
            raise Undelivered(f"desk {settings.name}: {fault.message}", lasting=False) from fault
        return self._read(method, answer)

    def _read(self, method: str, answer: Answer) -> Spoken:
        name, status = self._opened.name, answer.status
        if not 200 <= status < 300:
            lasting = status < 500 and status not in _PASSING
            why = {
                401: " (the token is not accepted)",
                403: " (the token may not do this)",
                404: " (no such ticket here)",
            }
            raise Undelivered(
                f"desk {name}: {method} answered {status}{why.get(status, '')}.",
                lasting=lasting,
                retry_after_s=_pause(answer.headers.get("retry-after", "")),
            )
        try:
            document = json.loads(answer.body) if answer.body else {}
        except (ValueError, RecursionError) as error:
            raise Undelivered(f"desk {name}: the answer of {method} is not JSON.", lasting=False) from error
        if not isinstance(document, dict | list):
            raise Undelivered(f"desk {name}: the answer of {method} is no document.", lasting=False)
        return Spoken(status, document, answer.headers)


def _pause(retry_after: str) -> float | None:
    """Seconds, as the desks send them; a date or nonsense leaves it to the postman."""
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9 else 0.0
    return min(seconds, _MAX_PAUSE_S) or None
