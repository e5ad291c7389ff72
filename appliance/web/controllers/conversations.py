"""The JSON API of a conversation, and its streams."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, HeaderParameter, JSONBody, SkipValidation

from appliance.access import Program
from appliance.channels.reception import Once
from appliance.channels.visitors import Recognised
from appliance.errors import Forbidden, InputInvalid, NotFound
from appliance.line.events import reply_document
from appliance.store.conversations import Accepted, ConversationView
from appliance.ticket import Reply
from appliance.web.clients import client_of
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest
from appliance.web.guards import bearer_token, json_only
from appliance.web.listening import EVENT_STREAM, EventStream
from appliance.web.programs import answered_once, idempotency_key, one_key, program_at
from appliance.web.schemas import ConfirmationBody, FeedbackBody, MessageBody, OpenBody
from appliance.web.stream import Streams

SignedIdentity = Annotated[str | None, HeaderParameter(name="Support-Identity")]
"""What a host page has signed; never from the address, which ends up in logs and histories."""
TheDoors = NamedDependency[SkipValidation[Doors]]
TheStreams = NamedDependency[SkipValidation[Streams]]
Token = NamedDependency[SkipValidation[str]]
IdempotencyKey = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=256)]
"""The same request again under the same key gives the same answer and does nothing twice."""


class ConversationController(Controller):
    """Everything here but opening needs the visitor's key."""

    path = "/api/conversations"
    guards = (json_only,)
    tags = ("conversations",)
    dependencies = {"token": Provide(bearer_token)}  # noqa: RUF012 - Litestar reads it once; ClassVar would contradict its own annotation

    @post(status_code=201)
    async def open(
        self,
        data: JSONBody[OpenBody],
        request: AnyRequest,
        doors: TheDoors,
        support_identity: SignedIdentity = None,
        idempotency: IdempotencyKey = None,
    ) -> dict[str, str]:
        """Begin a conversation; the answer's token is the visitor's key. With a signed identity it is the customer's own; with a program's key it is that key's."""
        customer, signed = data.customer, data.customer.identity
        program = await program_at(request, "conversations:open")
        known = await recognised(doors, support_identity if signed is None else signed)
        if program is not None and known is None:
            known = await doors.programs.customer(program, id=customer.id, email=customer.email, name=customer.name)
        elif customer.id:
            raise Forbidden("customer.id needs a key with the scope customers:assert.", remedy="Leave it out.")
        client = client_of(request, doors.config.server.trusted_proxies)
        if known is None and program is None:
            doors.strangers.admit(client)
        once = _opening(doors, data, idempotency, program=program, known=known, client=client)
        with answered_once(idempotency):
            opened = await doors.reception.open(
                once=once,
                opened_by=program.id if program else None,
                channel="api" if program else data.channel,
                customer_id=known.customer_id if known else None,
                customer_email=(known.email if known else "") or customer.email,
                customer_name=(known.name if known else "") or customer.name,
                subject=data.subject,
                text=data.message,
            )
        return {"id": opened.id, "token": opened.token}

    @post("/{conversation_id:str}/messages", status_code=200)
    async def say(
        self,
        *,
        conversation_id: FromPath[str],
        data: JSONBody[MessageBody],
        token: Token,
        request: AnyRequest,
        doors: TheDoors,
        streams: TheStreams,
        idempotency: IdempotencyKey = None,
    ) -> Response[Any]:
        """Say something. Answers with the reply, or with ``Accept: text/event-stream`` with the events of its run."""
        streaming = EVENT_STREAM in request.headers.get("accept", "")
        if streaming:
            streams.check(conversation_id)  # before the message is stored: what is refused must not be there
        with answered_once(idempotency):
            accepted = await doors.reception.receive(
                conversation_id,
                token,
                data.text,
                one_key(idempotency, data.idempotency_key),
                attachments=data.attachments,
            )
        if streaming:
            return EventStream(streams, conversation_id, doors.runner.message_events(accepted.message))
        return Response(reply_document(await _reply(accepted, doors)), headers={"Cache-Control": "no-store"})

    @get("/{conversation_id:str}")
    async def view(self, conversation_id: FromPath[str], token: Token, doors: TheDoors) -> Response[ConversationView]:
        """The whole conversation, oldest message first."""
        return Response(await doors.reception.view(conversation_id, token), headers={"Cache-Control": "no-store"})

    @get("/{conversation_id:str}/events", media_type=EVENT_STREAM)
    async def events(
        self,
        conversation_id: FromPath[str],
        token: Token,
        doors: TheDoors,
        streams: TheStreams,
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=64)] = None,
    ) -> EventStream:
        """Everything that happens in the conversation from the event after ``Last-Event-ID`` on; a reader that lost its connection comes back with it."""
        await doors.reception.authorize(conversation_id, token)
        streams.check(conversation_id)
        return EventStream(streams, conversation_id, doors.runner.events(conversation_id, last_event_id))

    @post("/{conversation_id:str}/feedback", status_code=200)
    async def feedback(
        self, conversation_id: FromPath[str], data: JSONBody[FeedbackBody], token: Token, doors: TheDoors
    ) -> dict[str, bool]:
        """Did it help? Only what is given is written; the latest word counts."""
        await doors.reception.feedback(
            conversation_id, token, resolved=data.resolved, csat=data.csat, comment=data.comment
        )
        return {"recorded": True}

    @post("/{conversation_id:str}/confirmations/{proposal_id:str}", status_code=200)
    async def confirm(
        self,
        conversation_id: FromPath[str],
        proposal_id: FromPath[str],
        data: JSONBody[ConfirmationBody],
        token: Token,
        doors: TheDoors,
    ) -> None:
        """Confirm or decline an action that was proposed in this conversation."""
        await doors.reception.authorize(conversation_id, token)
        raise NotFound("There is no such proposal in this conversation.", remedy="Check the proposal's id.")


def _opening(
    doors: Doors,
    data: OpenBody,
    header: str | None,
    *,
    program: Program | None,
    known: Recognised | None,
    client: str,
) -> Once | None:
    """Which opening the header means, among those of whoever asks. Raises ``InputInvalid``."""
    if data.message is None and (header is not None or program is not None):
        raise InputInvalid("message is required here.", remedy="Send what the customer says.")
    holder = f"key:{program.id}" if program else f"customer:{known.customer_id}" if known else f"stranger:{client}"
    key = idempotency_key(header, stranger=program is None and known is None)
    return None if key is None else doors.programs.once(holder, key)


async def recognised(doors: Doors, signed: str | None) -> Recognised | None:
    """The customer of a signed identity; None for nobody's. Raises ``IdentityInvalid``: one that does not hold is never anonymous."""
    return None if signed is None else await doors.visitors.recognise(signed)


async def _reply(accepted: Accepted, doors: Doors) -> Reply:
    return accepted.reply or await doors.runner.reply(accepted.message.id)
