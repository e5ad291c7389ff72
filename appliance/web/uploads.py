"""Bodies that hold files: read piece by piece, never as a whole, with a cap and a deadline."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from litestar.exceptions import HTTPException

from appliance.attachment import UNKNOWN, Attachment, display_name, file_size
from appliance.errors import ApplianceFault, InputInvalid, InputTooLarge
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest

_LENGTH_DIGITS = 15
_READ_OFF_S = 5.0
_PARAMETER = re.compile(r""";\s*([\w!#$&+.^`|~*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"\s]+)""")
SAVED_AS_BYTES = (
    ("Content-Type", UNKNOWN),
    # a second policy beside the one of every answer: browsers keep both
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
    ("Cache-Control", "private, no-store"),
)


async def pieces(request: AnyRequest, *, most: int, read_on: int = 0) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises ``InputTooLarge`` before reading when its announced length is too large, or while reading.

    ``read_on``: bytes beyond the cap that are still taken and dropped before that is said: a client that is cut off while it sends often
    sees a broken connection instead of the answer.
    """
    announced = request.headers.get("content-length", "")
    too_large = announced.isdecimal() and (len(announced) > _LENGTH_DIGITS or int(announced) > most)
    if too_large and (len(announced) > _LENGTH_DIGITS or int(announced) > most + read_on):
        raise _too_large(most)
    read, more = 0, True
    while more:
        event: Any = await request.receive()
        if event["type"] == "http.disconnect":
            raise HTTPException(status_code=400, detail="The body did not arrive whole")
        piece, more = event.get("body", b""), event.get("more_body", False)
        read += len(piece)
        too_large = too_large or read > most
        if read > most + read_on:
            break
        if not too_large:
            yield piece
    if too_large:
        raise _too_large(most)


async def let_in(request: AnyRequest, doors: Doors, conversation_id: str, token: str) -> None:
    """Raises ``Unauthorized`` or ``NotFound`` before a byte of a file is kept. A little of the body is read off first, so that the answer arrives."""
    try:
        await doors.reception.authorize(conversation_id, token)
    except ApplianceFault:
        with suppress(ApplianceFault, HTTPException):
            async with deadline(_READ_OFF_S):
                async for _ in pieces(request, most=doors.config.server.max_body_bytes):
                    pass
        raise


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Who sends a byte now and then must not hold a place for ever."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise HTTPException(status_code=408, detail=f"The files did not arrive within {seconds:.0f} s") from error


def file_name(header: str) -> str:
    """The name in a Content-Disposition (RFC 6266), as the client wrote it. Raises ``InputInvalid`` when there is none."""
    text = header.encode("latin-1", "replace").decode(
        "utf-8", "replace"
    )  # clients write UTF-8; HTTP hands it on as Latin-1
    options = {found[1].lower(): _unquoted(found[2]) for found in _PARAMETER.finditer(text)}
    extended, plain = options.get("filename*"), options.get("filename")
    if extended is not None and (name := _extended(extended)):
        return name
    if plain:
        return plain
    raise InputInvalid(
        "The file has no name.", remedy="Send Content-Disposition: attachment; filename*=UTF-8''name.pdf (RFC 6266)."
    )


def disposition(name: str) -> str:
    """A Content-Disposition that saves and never shows. ``name`` is cleaned once more; old readers get its ASCII, others RFC 8187."""
    clean = display_name(name)
    ascii_name = "".join(sign if sign.isascii() and sign not in '%"\\' else "_" for sign in clean)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(clean, safe='')}"


def download_headers(attachment: Attachment) -> dict[str, str]:
    """The type is never the sender's word nor our guess: browsers get bytes to save."""
    return {
        **dict(SAVED_AS_BYTES),
        "Content-Disposition": disposition(attachment.name),
        "Content-Length": str(attachment.size),
    }


def content_type(request: AnyRequest) -> str:
    return str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _unquoted(value: str) -> str:
    return re.sub(r"\\([\\\"])", r"\1", value[1:-1]) if value.startswith('"') else value


def _extended(value: str) -> str:
    """RFC 8187: charset'language'percent-encoded. Others than UTF-8 are not read."""
    charset, _, rest = value.partition("'")
    _, quoted, encoded = rest.partition("'")
    if not quoted or charset.lower() != "utf-8":
        return ""
    return unquote_to_bytes(encoded).decode("utf-8", "replace")


def _too_large(most: int) -> InputTooLarge:
    return InputTooLarge(f"At most {file_size(most)} are read here.", remedy="Send a smaller file, or fewer at once.")
