"""What can be told of a fault: one table from error code to HTTP (RFC 9457).

A fault of ours (5xx without a public detail) is logged under an incident number that the visitor is told, without the fault's own message:
that may hold customers' text or paths.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from litestar.exceptions import HTTPException

from appliance.errors import ApplianceFault
from models.errors import ModelFault

log = logging.getLogger("appliance.web")

PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Row:
    """How one code is shown. ``detail`` replaces the fault's own words where those are not for visitors."""

    status: int
    title: str
    detail: str = ""
    remedy: str = ""


TABLE: dict[str, Row] = {
    "input_invalid": Row(400, "The request is not valid"),
    "unauthorized": Row(401, "A key is needed"),
    "identity_invalid": Row(401, "The signed identity is not valid"),
    "signature_invalid": Row(401, "The webhook is not proved"),
    "forbidden": Row(403, "Not allowed"),
    "not_found": Row(404, "Not found"),
    "method_not_allowed": Row(405, "Method not allowed", "This address does not answer that method."),
    "timeout": Row(408, "The request took too long"),
    "conflict": Row(409, "The request contradicts what has happened already"),
    "input_too_large": Row(413, "The request is too large"),
    "unsupported_media_type": Row(415, "Unsupported media type"),
    "idempotency_key_reused": Row(422, "The idempotency key was used for another request"),
    "too_many_requests": Row(429, "Too many requests"),
    "headers_too_large": Row(431, "The request's headers are too large"),
    "overloaded": Row(503, "Too much is waiting just now"),
    "storage_failed": Row(
        503, "Storage failed", "The message could not be stored, so it was not accepted.", "Try again shortly."
    ),
    "model_unavailable": Row(
        503, "A model is not available", "A model is not available just now.", "Try again shortly."
    ),
    "fault": Row(
        500,
        "Something is wrong on our side",
        "The request could not be carried out.",
        "Try again; if it stays, tell the operator the incident.",
    ),
}
"""Codes that are not listed here (``config_invalid``, ``data_too_new``, ``model_refused``…) are shown as ``fault``."""

_CODE_OF_STATUS = {
    400: "input_invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "input_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    431: "headers_too_large",
    503: "overloaded",
}
_DETAIL_OF_CODE = {
    "not_found": "There is nothing at this address.",
    "input_too_large": "The body is larger than is accepted here.",
}
_REMEDY_OF_CODE = {
    "not_found": "Check the address.",
    "input_too_large": "Send less at once.",
    "method_not_allowed": "The Allow header lists the methods it answers.",
}
_TELL_AGAIN = {429, 503}


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault, ready to be shown."""

    code: str
    status: int
    title: str
    detail: str
    remedy: str = ""
    retry_after: int | None = None
    fields: tuple[tuple[str, str], ...] = ()
    """(field, what is wrong with it), never the value."""
    incident: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The problem with the keys of the public contract."""
        document: dict[str, Any] = {
            "type": f"urn:support-appliance:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        optional = {"remedy": self.remedy, "retry_after": self.retry_after, "incident": self.incident}
        document |= {name: value for name, value in optional.items() if value not in ("", None)}
        if self.fields:
            document["errors"] = [{"field": name, "message": message} for name, message in self.fields]
        return document

    def all_headers(self) -> dict[str, str]:
        headers = {"Cache-Control": "no-store", **self.headers}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="conversation"'
        return headers


def problem_of(fault: BaseException) -> Problem:
    """What a visitor is told of a fault."""
    if isinstance(fault, HTTPException):
        return _of_http(fault)
    if isinstance(fault, ApplianceFault | ModelFault) and fault.code in TABLE and fault.code != "fault":
        return _of_known(fault)
    return _of_unknown(fault)


def _of_known(fault: ApplianceFault | ModelFault) -> Problem:
    row = TABLE[fault.code]
    retry_after = getattr(fault, "retry_after_s", 2 if row.status in _TELL_AGAIN else None)
    return Problem(
        fault.code, row.status, row.title, row.detail or fault.message, row.remedy or fault.remedy, retry_after
    )


def _of_http(fault: HTTPException) -> Problem:
    code = _CODE_OF_STATUS.get(fault.status_code)
    if code is None:
        return _of_unknown(fault)
    row = TABLE[code]
    fields = _fields(fault.extra)
    detail = (
        "; ".join(f"{name}: {message}" for name, message in fields)
        if fields
        else row.detail or _DETAIL_OF_CODE.get(code) or _plain(fault)
    )
    retry_after = 2 if row.status in _TELL_AGAIN else None
    return Problem(
        code,
        row.status,
        row.title,
        detail,
        _REMEDY_OF_CODE.get(code, row.remedy),
        retry_after,
        fields,
        headers=dict(fault.headers or {}),
    )


def _plain(fault: HTTPException) -> str:
    # Litestar's words for an undecodable body carry the decoder's own message: harmless, but not written for visitors.
    return (
        "The body is not valid JSON."
        if fault.__cause__ is not None and fault.status_code == HTTPStatus.BAD_REQUEST
        else f"{fault.detail.rstrip('.')}."
    )


def _fields(extra: object) -> tuple[tuple[str, str], ...]:
    """Field and message of Litestar's validation errors; the values stay out (they are customers' text)."""
    items = extra if isinstance(extra, list) else []
    return tuple(
        _field(str(item.get("key", "body")), str(item.get("message"))) for item in items if isinstance(item, dict)
    )


def _field(name: str, message: str) -> tuple[str, str]:
    if name == "data":  # Litestar's name for a body that is not there
        return "body", "is missing"
    if "valid dictionary" in message:
        return name, "must be a JSON object"
    return name, message.removeprefix("Value error, ")


def _of_unknown(fault: BaseException) -> Problem:
    incident = secrets.token_hex(6)
    frames = "".join(traceback.format_tb(fault.__traceback__))
    log.error("incident %s: %s\n%s", incident, type(fault).__name__, frames)
    row = TABLE["fault"]
    return Problem("fault", row.status, row.title, row.detail, row.remedy, incident=incident)
