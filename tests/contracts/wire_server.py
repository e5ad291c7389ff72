"""A server on a real loopback socket that speaks the OpenAI streaming wire, byte by byte as a test says: well or badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Writes one whole HTTP response, or whatever the test wants instead."""

SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
GOOD = {
    "covered": True,
    "sentences": [
        {"text": "Open Settings and click Billing.", "citations": [1]},
        {"text": "The change takes effect at once.", "citations": [1, 2]},
    ],
}


@dataclass(slots=True)
class WireServer:
    """``answers`` are given in order; the last one is given again and again."""

    answers: list[Answer]
    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a client has closed its connection before the answer was whole."""

    handlers: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self.handle(reader, writer))
        self.handlers.add(task)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.answer(reader, writer)
        finally:
            writer.transport.abort() if self.gone.is_set() else writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        named = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in named}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(json.loads(body) if body else {})
        self.headers.append(headers)
        writing = asyncio.ensure_future(answer(writer))
        hearing = asyncio.ensure_future(reader.read())  # ends when the client hangs up
        try:
            await asyncio.wait({writing, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                self.gone.set()
        finally:
            for task in (writing, hearing):
                task.cancel()
            await asyncio.gather(writing, hearing, return_exceptions=True)


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[WireServer]:
    wire = WireServer(list(answers))
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    wire.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield wire
    finally:
        server.close()
        await server.wait_closed()
        for task in wire.handlers:
            task.cancel()
        await asyncio.gather(*wire.handlers, return_exceptions=True)


def chunk(text: str | None, *, finish: str | None = None, tokens: int = 7) -> bytes:
    """One server-sent event as vLLM writes it."""
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 50, "completion_tokens": tokens, "total_tokens": 50 + tokens},
    }
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def raw(*parts: bytes, pause_s: float = 0.0) -> Answer:
    """Exactly these bytes, then the end of the connection."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer


def draft(document: object, *, piece: int = 4, finish: str | None = "stop") -> Answer:
    """``document`` as JSON in chunks of ``piece`` characters."""
    text = document if isinstance(document, str) else json.dumps(document)
    chunks = [chunk(text[start : start + piece], tokens=start) for start in range(0, len(text), piece)]
    end = [chunk("", finish=finish), b"data: [DONE]\n\n"] if finish else []
    return raw(SSE_HEAD, *chunks, *end)


def status(code: int, *, retry_after: str = "", body: bytes = b'{"error":{"message":"SECRET words"}}') -> Answer:
    extra = f"Retry-After: {retry_after}\r\n" if retry_after else ""
    head = f"HTTP/1.1 {code} Status\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return raw(head.encode(), body)


def hanging(*parts: bytes) -> Answer:
    """These bytes, then nothing, while the connection stays open."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await raw(*parts)(writer)
        await asyncio.Event().wait()

    return answer


def endless(part: bytes) -> Answer:
    """``part`` again and again."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD)
        while True:
            writer.write(part)
            await writer.drain()

    return answer
