"""The contact form, and the page of the ticket that it opens. Everything here works without JavaScript."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Stream, Template

from appliance.channels.reception import Opened
from appliance.errors import ApplianceFault, NotFound
from appliance.store.conversations import Accepted
from appliance.web.clients import client_of
from appliance.web.controllers.conversations import TheDoors
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest
from appliance.web.forms import ContactForm, contact_form, fields, fresh, read_form, ticket_cookie, ticket_token
from appliance.web.guards import same_origin
from appliance.web.multipart_form import SentForm
from appliance.web.problems import problem_of
from appliance.web.schemas import one_line
from appliance.web.thread import thread_of
from appliance.web.uploads import download_headers, let_in

_FRESH = {"Cache-Control": "no-store"}
_PATIENCE_S = 6.0
"""How long a form's answer may wait for the reply; after it the ticket's page looks again by itself."""


class ContactController(Controller):
    path = "/contact"
    guards = (same_origin,)
    include_in_schema = False

    @get()
    async def form(self, doors: TheDoors) -> Response[Any]:
        return _form(ContactForm(), doors)

    @post(status_code=303, request_max_body_size=None)  # read_form keeps its own
    async def send(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Open a ticket. A form that cannot be used comes back with everything that was typed."""
        refused = _admit(request, doors)
        sent = await read_form(request, doors, keep=lambda given: refused is None and _worth_keeping(given, doors))
        form = contact_form(sent.fields)
        try:
            if fault := refused or sent.fault:
                raise fault
            opened = await _open(form, sent, doors)
        except ApplianceFault as why:
            await doors.attachments.discard(sent.files)
            return _form(form, doors, why, sent.names)
        await _wait(doors, opened.accepted)
        answer = Redirect(f"/contact/{opened.id}", status_code=303)
        answer.set_cookie(ticket_cookie(request, opened.id, opened.token))
        return answer

    @get("/{conversation_id:str}")
    async def ticket(self, conversation_id: FromPath[str], request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """The ticket and its replies, for the browser that opened it."""
        return await _ticket(conversation_id, request, doors)

    @post("/{conversation_id:str}/messages", status_code=303, request_max_body_size=None)  # read_form keeps its own
    async def add(self, conversation_id: FromPath[str], request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Add a message. The hidden key makes a second press of the button harmless."""
        token = ticket_token(request) or "none"  # refused like a wrong one: after a little of the body was read off
        await let_in(request, doors, conversation_id, token)
        sent = await read_form(request, doors)
        text, key = sent.fields.get("message", ""), sent.fields.get("key", "")[:128] or None
        try:
            if sent.fault:
                raise sent.fault
            accepted = await doors.reception.receive(conversation_id, token, text, key, files=sent.files)
        except ApplianceFault as fault:
            await doors.attachments.discard(sent.files)
            if isinstance(fault, NotFound):
                raise
            return await _ticket(conversation_id, request, doors, text=text, fault=fault, names=sent.names)
        if accepted.again:
            await doors.attachments.discard(sent.files)
        await _wait(doors, accepted)
        return Redirect(f"/contact/{conversation_id}", status_code=303)

    @get("/{conversation_id:str}/attachments/{attachment_id:str}")
    async def attachment(
        self, conversation_id: FromPath[str], attachment_id: FromPath[str], request: AnyRequest, doors: TheDoors
    ) -> Stream:
        """A file of the ticket, to be saved."""
        found, content = await doors.attachments.download(conversation_id, _token(request), attachment_id)
        return Stream(content, headers=download_headers(found), media_type="application/octet-stream")

    @post("/{conversation_id:str}/feedback", status_code=303)
    async def feedback(self, conversation_id: FromPath[str], request: AnyRequest, doors: TheDoors) -> Redirect:
        resolved = (await fields(request)).get("resolved") == "yes"
        await doors.reception.feedback(conversation_id, _token(request), resolved=resolved, csat=None, comment=None)
        return Redirect(f"/contact/{conversation_id}?said={'yes' if resolved else 'no'}", status_code=303)


async def _open(form: ContactForm, sent: SentForm, doors: Doors) -> Opened:
    """Raises ``ApplianceFault``; nothing was stored then, and the caller discards the files."""
    customer, subject = form.customer(), one_line(form.subject)
    once = fresh(doors, form)
    opened = await doors.reception.open(
        channel="form",
        customer_email=customer.email,
        customer_name=customer.name,
        subject=subject,
        text=form.message,
        files=sent.files,
        once=once,
        suspicion=doors.strangers.suspicion(form.message, subject=subject, name=customer.name),
    )
    if opened.accepted and opened.accepted.again:
        await doors.attachments.discard(sent.files)
    return opened


def _admit(request: AnyRequest, doors: Doors) -> ApplianceFault | None:
    """A refusal is kept until the form has been read: it is shown again with all that was typed."""
    try:
        doors.strangers.admit_form(client_of(request, doors.config.server.trusted_proxies))
    except ApplianceFault as fault:
        return fault
    return None


def _worth_keeping(given: Mapping[str, str], doors: Doors) -> bool:
    """Fields stand before the files, so a form that will be shown again writes nothing to the disk."""
    form = contact_form(given)
    return not form.trap and doors.strangers.form_pass(form.token).freshness == "fresh"


def _form(form: ContactForm, doors: Doors, fault: ApplianceFault | None = None, names: Sequence[str] = ()) -> Template:
    problem = problem_of(fault) if fault else None
    headers = problem.all_headers() if problem else _FRESH
    context = {
        "form": form,
        "form_token": doors.strangers.form_token(),
        "problem": problem,
        "limits": doors.config.attachments,
        "names": names,
    }
    return Template("contact.html", context=context, status_code=problem.status if problem else 200, headers=headers)


async def _ticket(
    conversation_id: str,
    request: AnyRequest,
    doors: Doors,
    *,
    text: str = "",
    fault: ApplianceFault | None = None,
    names: Sequence[str] = (),
) -> Template:
    view = await doors.reception.view(conversation_id, _token(request))
    problem = problem_of(fault) if fault else None
    said = request.query_params.get("said")
    context = {
        "view": view,
        "thread": thread_of(view),
        "place": doors.runner.admission.places().get(conversation_id, 0),
        "text": text,
        "problem": problem,
        "said": said if said in {"yes", "no"} else "",
        "key": secrets.token_hex(16),
        "limits": doors.config.attachments,
        "names": names,
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
