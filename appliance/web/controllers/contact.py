"""The contact form, and the page of the ticket that it opens. Everything here works without JavaScript."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from appliance.errors import ApplianceFault, NotFound
from appliance.store.conversations import Accepted
from appliance.web.controllers.conversations import TheDoors
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest
from appliance.web.forms import ContactForm, contact_form, fields, ticket_cookie, ticket_token
from appliance.web.guards import same_origin
from appliance.web.problems import problem_of
from appliance.web.schemas import one_line
from appliance.web.thread import thread_of

_FRESH = {"Cache-Control": "no-store"}
_PATIENCE_S = 6.0
"""How long a form's answer may wait for the reply; after it the ticket's page looks again by itself."""


class ContactController(Controller):
    path = "/contact"
    guards = (same_origin,)
    include_in_schema = False

    @get()
    async def form(self) -> Response[Any]:
        return _form(ContactForm())

    @post(status_code=303)
    async def send(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Open a ticket. A form that cannot be used comes back with everything that was typed."""
        form = await contact_form(request)
        try:
            customer = form.customer()
            opened = await doors.reception.open(
                channel="form",
                customer_email=customer.email,
                customer_name=customer.name,
                subject=one_line(form.subject),
                text=form.message,
            )
        except ApplianceFault as fault:
            return _form(form, fault)
        await _wait(doors, opened.accepted)
        answer = Redirect(f"/contact/{opened.id}", status_code=303)
        answer.set_cookie(ticket_cookie(request, opened.id, opened.token))
        return answer

    @get("/{conversation_id:str}")
    async def ticket(self, conversation_id: FromPath[str], request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """The ticket and its replies, for the browser that opened it."""
        return await _ticket(conversation_id, request, doors)

    @post("/{conversation_id:str}/messages", status_code=303)
    async def add(self, conversation_id: FromPath[str], request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Add a message. The hidden key makes a second press of the button harmless."""
        given = await fields(request)
        text = given.get("message", "")
        try:
            accepted = await doors.reception.receive(
                conversation_id, _token(request), text, given.get("key", "")[:128] or None
            )
        except NotFound:
            raise
        except ApplianceFault as fault:
            return await _ticket(conversation_id, request, doors, text=text, fault=fault)
        await _wait(doors, accepted)
        return Redirect(f"/contact/{conversation_id}", status_code=303)

    @post("/{conversation_id:str}/feedback", status_code=303)
    async def feedback(self, conversation_id: FromPath[str], request: AnyRequest, doors: TheDoors) -> Redirect:
        resolved = (await fields(request)).get("resolved") == "yes"
        await doors.reception.feedback(conversation_id, _token(request), resolved=resolved, csat=None, comment=None)
        return Redirect(f"/contact/{conversation_id}?said={'yes' if resolved else 'no'}", status_code=303)


def _form(form: ContactForm, fault: ApplianceFault | None = None) -> Template:
    problem = problem_of(fault) if fault else None
    headers = problem.all_headers() if problem else _FRESH
    return Template(
        "contact.html",
        context={"form": form, "problem": problem},
        status_code=problem.status if problem else 200,
        headers=headers,
    )


async def _ticket(
    conversation_id: str, request: AnyRequest, doors: Doors, *, text: str = "", fault: ApplianceFault | None = None
) -> Template:
    view = await doors.reception.view(conversation_id, _token(request))
    problem = problem_of(fault) if fault else None
    said = request.query_params.get("said")
    context = {
        "view": view,
        "thread": thread_of(view),
        "text": text,
        "problem": problem,
        "said": said if said in {"yes", "no"} else "",
        "key": secrets.token_hex(16),
    }
    return Template("ticket.html", context=context, status_code=problem.status if problem else 200, headers=_FRESH)


def _token(request: AnyRequest) -> str:
    token = ticket_token(request)
    if not token:
        raise NotFound("This ticket cannot be shown here.", remedy="Open it in the browser that you sent it from.")
    return token


async def _wait(doors: Doors, accepted: Accepted | None) -> None:
    """Give the reply a moment, so that the next page already shows it; the run goes on whether or not it is in time."""
    if accepted is None or accepted.reply is not None:
        return
    try:
        await asyncio.wait_for(doors.runner.reply(accepted.message.id), _PATIENCE_S)
    except TimeoutError:
        return
