"""Who may come in: the visitor's key for the API, the site's own pages for forms, JSON for JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from appliance.errors import Unauthorized
from appliance.web.errors import AnyRequest
from appliance.web.programs import program_at, program_key

_READS = frozenset({"GET", "HEAD"})
Connection = ASGIConnection[Any, Any, Any, Any]


async def bearer_token(request: AnyRequest) -> str:
    """The visitor's key, or a program's, from ``Authorization: Bearer``. Never from the address: addresses end up in logs and histories."""
    if (key := program_key(request)) is not None:
        await program_at(request, "conversations:read" if request.method in _READS else "conversations:write")
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized(
            "This conversation needs its visitor's token.", remedy="Send it as Authorization: Bearer <token>."
        )
    return token.strip()


def json_only(connection: Connection, _: BaseRouteHandler) -> None:
    """Other types of body can be sent by any foreign page without asking first; JSON cannot (there is no CORS here)."""
    kind = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if connection.scope.get("method") == "POST" and kind != "application/json":
        raise HTTPException(status_code=415, detail="Send the body as application/json")


def same_origin(connection: Connection, _: BaseRouteHandler) -> None:
    """Forms are accepted from our own pages only. Browsers send Sec-Fetch-Site over TLS and on localhost, and Origin everywhere."""
    if connection.scope.get("method") != "POST":
        return
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        if site in {"same-origin", "none"}:
            return
    elif _is_own(connection.headers.get("origin", ""), connection.headers.get("host", "")):
        return
    raise PermissionDeniedException("This form was not sent from our own page. Open the page and send it from there")


def _is_own(origin: str, host: str) -> bool:
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
