"""Forms that work without JavaScript: what a browser sends, checked, and the cookie that lets it come back to its ticket."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from pydantic import ValidationError

from appliance.errors import InputInvalid
from appliance.web.errors import AnyRequest
from appliance.web.schemas import CustomerBody, one_line

MAX_FIELDS = 20
_COOKIE_DAYS = 30
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
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(status_code=415, detail="Send the form as application/x-www-form-urlencoded")
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise InputInvalid("The form cannot be read.", remedy="Send it from its page.") from error
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def contact_form(request: AnyRequest) -> ContactForm:
    given = await fields(request)
    return ContactForm(*(given.get(name, "") for name in ("message", "name", "email", "subject", "website")))


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
