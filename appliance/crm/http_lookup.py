"""Customers behind an HTTP service of the company's: one GET a customer, by the client that calls configured servers alone."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlsplit

from appliance.crm.record import Record, text
from appliance.customer_settings import Crm
from appliance.errors import ConfigInvalid, CrmDown, OutgoingFailed, OutgoingRefused
from appliance.outgoing.client import Client

_MAX_BYTES = 262_144
_ABSENT = {404, 410}
_KEYS = {"{id}", "{email}"}


class HttpLookup:
    """``secret``: the service's key; it is sent to the host of ``crm.url`` and to no other."""

    def __init__(self, crm: Crm, secret: str, client: Client) -> None:
        self._crm = crm
        self._client = client
        before, _, rest = crm.url.partition("://")
        host, slash, path = rest.partition("/")
        self._keys = {key for key in _KEYS if key in path}
        if before not in {"http", "https"} or not slash or not self._keys or "{" in host or "@" in host or "#" in path:
            raise ConfigInvalid(
                "crm.url is no address of one customer.",
                remedy="Write it as https://crm.example.com/api/customers?email={email}; {id} and {email} stand behind the host.",
            )
        bearer = crm.header.lower() == "authorization"
        self._headers = {"accept": "application/json"}
        if secret:
            self._headers[crm.header] = f"Bearer {secret}" if bearer else secret
        self._pointers = {name: pointer(crm.fields.get(name, f"/{name}")) for name in ("id", "email", "name", "tier")}

    def look(self, *, id: str, email: str) -> Record | None:
        given = {"{id}": id, "{email}": email}
        if not all(given[key] for key in self._keys):
            return None
        url = self._crm.url
        for key in self._keys:
            # nothing is safe but letters, digits and -._~: the value can be no path, query or host
            url = url.replace(key, quote(_segment(given[key]), safe=""))
        try:
            answer = asyncio.run(
                self._client.request(
                    "GET", url, headers=self._headers, max_bytes=_MAX_BYTES, timeout_s=self._crm.timeout_s
                )
            )
        except (OutgoingFailed, OutgoingRefused) as fault:
            raise _down(fault.message.rstrip(".")) from None
        if answer.status in _ABSENT:
            return None
        if answer.status != 200:
            raise _down(f"it answers with status {answer.status}")
        return self._record(answer.body)

    def state(self) -> str:
        return ""

    def close(self) -> None:
        return

    def _record(self, body: bytes) -> Record | None:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise _down("it answers with what is no JSON") from None
        if document in (None, [], {}):
            return None
        found = {name: _at(document, path) for name, path in self._pointers.items()}
        if all(value is None for value in found.values()):
            return None  # an empty list of matches inside an envelope
        if any(isinstance(value, dict | list) for value in found.values()):
            raise _down("a pointer of crm.fields leads to an object or a list")
        return Record(text(found["tier"]), text(found["name"]), text(found["id"]), text(found["email"]).lower())


def pointer(written: str) -> tuple[str, ...]:
    """A JSON pointer (RFC 6901) in its pieces. Raises ``ConfigInvalid``."""
    if not written.startswith("/"):
        raise ConfigInvalid(
            "crm.fields must hold JSON pointers for kind http.", remedy='Write them as {"tier" = "/customer/plan"}.'
        )
    return tuple(piece.replace("~1", "/").replace("~0", "~") for piece in written[1:].split("/"))


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for piece in path:
        if isinstance(document, dict) and piece in document:
            document = document[piece]
        elif isinstance(document, list) and piece.isdecimal() and int(piece) < len(document):
            document = document[int(piece)]
        else:
            return None
    return document


def _segment(value: str) -> str:
    """``.`` and ``..`` have a meaning as a piece of a path, and quoting leaves them as they are."""
    if value in {".", ".."}:
        raise _down("an id of dots alone is not asked for")
    return value


def host(crm: Crm) -> str:
    return urlsplit(crm.url).hostname or ""


def _down(why: str) -> CrmDown:
    return CrmDown(why, remedy="Check crm.url, the key of crm.secret_file and outgoing.allow_networks.")
