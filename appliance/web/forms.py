"""Forms that work without JavaScript: what a browser sends, checked, and the cookie that lets it come back to its ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from pydantic import ValidationError

from appliance.channels.reception import Once
from appliance.errors import InputInvalid
from appliance.web.clients import client_of
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest
from appliance.web.multipart_form import MAX_FIELDS, Keep, SentForm, read_multipart
from appliance.web.schemas import CustomerBody, one_line
from appliance.web.uploads import content_type, deadline, pieces

URLENCODED = "application/x-www-form-urlencoded"
_COOKIE_DAYS = 30
_STALE = {
    "too_fast": "The form came back faster than people write.",
    "too_old": "This page was open for a long time.",
    "unknown": "The form was not one that we have just shown.",
}
_NAMES = ("__Secure-ticket", "ticket")


@dataclass(frozen=True, slots=True)
class ContactForm:
    """The form as it was sent, so that it can be shown again with everything that was typed."""

    message: str = ""
    name: str = ""
    email: str = ""
    subject: str = ""
    trap: str = ""
    """A field that people do not see; programs that fill in every field do."""
    token: str = ""
    """Which form this is and when it was shown (``Strangers``)."""

    def customer(self) -> CustomerBody:
        """Who writes. Raises ``InputInvalid``; nothing was stored then."""
        if self.trap:
            raise InputInvalid(
                "A field that stays empty was filled in.", remedy="Clear the last field of the form and send it again."
            )
        if len(self.subject) > 200:
            raise InputInvalid("The subject has more than 200 characters.", remedy="Shorten it.")
        try:
            return CustomerBody(email=self.email.strip(), name=one_line(self.name))
        except ValidationError as error:
            field = str(error.errors(include_input=False, include_url=False)[0]["loc"][0])
            remedy = (
                "Write it as name@example.com, or leave it empty."
                if field == "email"
                else "Shorten it to 200 characters."
            )
            raise InputInvalid(f"The {field} cannot be used.", remedy=remedy) from error


async def fields(request: AnyRequest) -> dict[str, str]:
    """The fields of a form; the last one counts when a name comes twice. Uploads are not accepted."""
    if content_type(request) != URLENCODED:
        raise HTTPException(status_code=415, detail=f"Send the form as {URLENCODED}")
    return _pairs(await request.body())


def _pairs(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise InputInvalid("The form cannot be read.", remedy="Send it from its page.") from error
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def read_form(request: AnyRequest, doors: Doors, *, keep: Keep = lambda _fields: True) -> SentForm:
    """A form with or without files, with limits of its own: the address takes more than other addresses do."""
    if content_type(request) == "multipart/form-data":
        client = client_of(request, doors.config.server.trusted_proxies)
        return await read_multipart(
            request, doors.attachments, client, max_field_bytes=doors.config.server.max_body_bytes, keep=keep
        )
    if content_type(request) != URLENCODED:
        raise HTTPException(status_code=415, detail=f"Send the form as multipart/form-data or {URLENCODED}")
    async with deadline(doors.config.attachments.upload_timeout_s):
        read = [piece async for piece in pieces(request, most=doors.config.server.max_body_bytes)]
    return SentForm(_pairs(b"".join(read)))


def contact_form(given: Mapping[str, str]) -> ContactForm:
    return ContactForm(*(given.get(name, "") for name in ("message", "name", "email", "subject", "website", "form")))


def fresh(doors: Doors, form: ContactForm) -> Once:
    """Which form was sent. Raises ``InputInvalid`` when it has to be shown once more first."""
    known = doors.strangers.form_pass(form.token)
    if known.freshness != "fresh":
        raise InputInvalid(_STALE[known.freshness], remedy="Please press Send message once more.")
    return Once(known.once, known.ticket_token)


def ticket_cookie(request: AnyRequest, conversation_id: str, token: str) -> Cookie:
    """The visitor's key, for the pages of this ticket only and out of reach of scripts.

    The box may be reached by plain HTTP inside a company, where browsers drop Secure cookies; over TLS (the form's Origin tells) it is Secure.
    """
    secure = request.headers.get("origin", "").startswith("https://")
    return Cookie(
        key=_NAMES[0] if secure else _NAMES[1],
        value=token,
        path=f"/contact/{conversation_id}",
        max_age=_COOKIE_DAYS * 86_400,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def ticket_token(request: AnyRequest) -> str:
    """The visitor's key, or nothing."""
    return next((request.cookies[name] for name in _NAMES if name in request.cookies), "")
