"""Files of a conversation: one upload a request, and back again for whoever may see the ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, HeaderParameter
from litestar.response import Stream

from appliance.web.clients import client_of
from appliance.web.controllers.conversations import TheDoors, Token
from appliance.web.errors import AnyRequest
from appliance.web.guards import bearer_token
from appliance.web.uploads import content_type, deadline, download_headers, file_name, let_in, pieces

_READ_ON = 3
"""Of a file that is too large, so many times the cap is read and dropped before that is said."""
_FORMS = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
"""Bodies that wrap a file in something else. They are also what a foreign page may send without asking."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that waits for its message. ``type`` is what its first bytes look like."""

    id: str
    name: str
    type: str
    size: int


@dataclass
class _TakesAFile(Operation):
    """The body is read by hand, so it is described by hand."""

    def __post_init__(self) -> None:
        binary = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(
            content={"application/octet-stream": binary},
            required=True,
            description="The file itself, of any media type.",
        )


class AttachmentController(Controller):
    """Everything here needs the visitor's key."""

    path = "/api/conversations"
    tags = ("conversations",)
    dependencies = {"token": Provide(bearer_token)}  # noqa: RUF012 - Litestar reads it once; ClassVar would contradict its own annotation

    @post(
        "/{conversation_id:str}/attachments",
        status_code=201,
        request_max_body_size=None,  # its own cap is kept while the file is streamed to the disk
        operation_class=_TakesAFile,
    )
    async def upload(
        self,
        *,
        conversation_id: FromPath[str],
        token: Token,
        request: AnyRequest,
        doors: TheDoors,
        content_disposition: Annotated[str, HeaderParameter(name="Content-Disposition", max_length=4096)] = "",
    ) -> Response[Uploaded]:
        """Upload one file as the body, with its name in Content-Disposition (RFC 6266). A message takes it along by its id."""
        if content_type(request) in _FORMS:
            raise HTTPException(status_code=415, detail="Send the file itself as the body, with its own Content-Type")
        await let_in(request, doors, conversation_id, token)
        name, store = file_name(content_disposition), doors.attachments
        with store.place(client_of(request, doors.config.server.trusted_proxies)):
            async with deadline(store.limits.upload_timeout_s):
                most = store.limits.max_bytes
                body = pieces(request, most=most, read_on=_READ_ON * most)
                kept = await store.upload(conversation_id, token, name, content_type(request), body)
        document = Uploaded(kept.id, kept.name, kept.sniffed_type, kept.size)
        return Response(document, status_code=201, headers={"Cache-Control": "no-store"})

    @get(
        "/{conversation_id:str}/attachments/{attachment_id:str}",
        media_type="application/octet-stream",
        responses={
            200: ResponseSpec(bytes, description="The file, to be saved", media_type="application/octet-stream")
        },
    )
    async def download(
        self, conversation_id: FromPath[str], attachment_id: FromPath[str], token: Token, doors: TheDoors
    ) -> Stream:
        """The file, always as bytes to be saved."""
        found, content = await doors.attachments.download(conversation_id, token, attachment_id)
        return Stream(content, headers=download_headers(found), media_type="application/octet-stream")
