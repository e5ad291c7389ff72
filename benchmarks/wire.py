"""HTTP by hand over asyncio's streams: a generator of load has to be lighter than what it loads."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

EVENT_STREAM = "text/event-stream"
_END = b"event: done\n"
_FAULT = b"event: error\n"


@dataclass(slots=True)
class Answer:
    """Times are of ``time.perf_counter``. ``status`` 0: the connection gave no answer; ``fault`` says why."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    first_at: float = 0.0
    """When the status line had arrived."""
    last_at: float = 0.0
    fault: str = ""

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def request(method: str, path: str, document: dict[str, Any] | None = None, token: str = "", accept: str = "") -> bytes:
    """HTTP/1.0, so that a stream has no chunks and ends with its connection."""
    body = b"" if document is None else json.dumps(document).encode()
    lines = [f"{method} {path} HTTP/1.0", "Host: 127.0.0.1"]
    lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"] if document is not None else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Accept: {accept}"] if accept else []
    return "\r\n".join([*lines, "", ""]).encode() + body


async def ask(port: int, sent: bytes, *, ack_s: float = 30.0, whole_s: float = 180.0) -> Answer:
    """One request on a connection of its own. An event stream is read up to its ``done`` or ``error``.

    ``ack_s``: patience until the status line; ``whole_s``: from then to the end.
    """
    answer, writer = Answer(), None
    try:
        async with asyncio.timeout(ack_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            answer.first_at = time.perf_counter()
        _read_head(answer, head)
        async with asyncio.timeout(whole_s):
            await _read_body(answer, reader)
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        answer.fault = type(error).__name__
    finally:
        if writer is not None:
            writer.close()
    answer.last_at = time.perf_counter()
    return answer


def _read_head(answer: Answer, head: bytes) -> None:
    first, *lines = head.decode("latin-1").split("\r\n")
    answer.status = int(first.split(" ")[1])
    answer.headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines) if name}


async def _read_body(answer: Answer, reader: asyncio.StreamReader) -> None:
    if not answer.headers.get("content-type", "").startswith(EVENT_STREAM):
        answer.body = await reader.read(-1)
        return
    seen = b""
    while chunk := await reader.read(65_536):
        seen += chunk
        if _END in seen and seen.endswith(b"\n\n"):
            answer.body = seen
            return
        if _FAULT in seen:
            answer.body, answer.fault = seen, "error event"
            return
    answer.body, answer.fault = seen, "cut stream"
