"""P5: the first verified sentence through the appliance, against calling the model server directly with the very same request, beyond retrieval.

Without ``--base-url`` the model server is one of this program's own that streams at a fixed pace, which leaves nothing but what the appliance adds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx2

from appliance.evaluation.figures import percentile
from appliance.line.desk import Desk
from appliance.line.ladder import Local
from appliance.line.line import run as run_line
from appliance.ticket import Closed, Message, Ticket
from benchmarks.ground import Ground, ground
from benchmarks.options import Options, run
from models.roles import DraftSentence, SynthesisRequest
from models.synthesis import wire
from models.synthesis.prompts import LIMITS, build
from models.synthesis.transport import BoundedTransport
from models.synthesis.vllm import VllmSynthesizer

_ROUNDS = 5
_PIECE_S = 0.02
"""Between two pieces of the paced server: a model that writes 50 tokens a second."""
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


class Kept(httpx2.AsyncBaseTransport):
    """Sends, and keeps the bytes of the requests until they are asked for."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._inner = BoundedTransport(httpx2.AsyncHTTPTransport(trust_env=False))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(await request.aread())
        return await self._inner.handle_async_request(request)

    def first(self) -> bytes:
        """Of the requests since this was last asked: the first. Another one is a redraft."""
        body, self.bodies = self.bodies[0], []
        return body

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass(slots=True)
class Watched:
    """A synthesizer of which it is known when its first sentence came and when the gates had judged it."""

    inner: VllmSynthesizer
    name: str = "watched"
    verbatim: bool = False
    asked: SynthesisRequest | None = None
    began: float = 0.0
    came: float = 0.0
    judged: float = 0.0

    async def sentences(self, request: SynthesisRequest) -> AsyncGenerator[DraftSentence, None]:
        self.asked = self.asked or request
        stream = self.inner.sentences(request)
        self.began = self.began or time.perf_counter()
        async with aclosing(stream):
            async for sentence in stream:
                self.came = self.came or time.perf_counter()
                try:
                    yield sentence
                finally:  # whoever wants the next sentence, or no more, has judged this one
                    self.judged = self.judged or time.perf_counter()


@dataclass(slots=True)
class Paced:
    """A model server that writes what it is told, a piece every ``_PIECE_S``."""

    document: str = ""
    base_url: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._answer(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
            await reader.readexactly(int(length.partition(":")[2]))
            writer.write(_HEAD)
            began = time.perf_counter()
            for n, at in enumerate(range(0, len(self.document), 4)):
                writer.write(_chunk(self.document[at : at + 4]))
                await writer.drain()
                # by the clock, not from piece to piece: it shares a loop with its client, whose work must not slow the model down
                await asyncio.sleep(max(0.0, began + (n + 1) * _PIECE_S - time.perf_counter()))
            writer.write(_chunk("", "stop") + b"data: [DONE]\n\n")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def paced() -> AsyncIterator[Paced]:
    model = Paced()
    server = await asyncio.start_server(model.accept, "127.0.0.1", 0)
    model.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        server.close()
        for task in list(model.tasks):
            task.cancel()
        await asyncio.gather(*model.tasks, return_exceptions=True)


def _chunk(text: str, finish: str | None = None) -> bytes:
    event = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(event).encode() + b"\n\n"


async def first_direct(client: httpx2.AsyncClient, url: str, key: str, body: bytes, asked: SynthesisRequest) -> float:
    """Milliseconds from sending the request to its first whole sentence, by the plainest client that there is."""
    reader = wire.DraftReader(build(asked, LIMITS).passages)
    headers = {"Authorization": f"Bearer {key or 'none'}", "Content-Type": "application/json"}
    began = time.perf_counter()
    async with client.stream("POST", url, content=body, headers=headers) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            choices = json.loads(line[6:])["choices"]
            if choices and list(reader.feed(choices[0]["delta"].get("content") or "")):
                return (time.perf_counter() - began) * 1000
    raise ValueError("no sentence came")


@dataclass(frozen=True, slots=True)
class Server:
    """Which model server is asked, and how."""

    base_url: str
    model: str
    key: str


@dataclass(frozen=True, slots=True)
class Ways:
    """The two ways to it, each opened once as a running appliance has it."""

    vllm: VllmSynthesizer
    kept: Kept
    plain: httpx2.AsyncClient
    server: Server


@asynccontextmanager
async def ways(server: Server) -> AsyncIterator[Ways]:
    kept = Kept()
    client = httpx2.AsyncClient(transport=kept, timeout=httpx2.Timeout(None), trust_env=False)
    vllm = VllmSynthesizer(
        server.base_url, server.model, server.key, timeout_s=120.0, first_token_timeout_s=120.0, http_client=client
    )
    try:
        async with httpx2.AsyncClient(timeout=httpx2.Timeout(None), trust_env=False) as plain:
            yield Ways(vllm, kept, plain, server)
    finally:
        await vllm.aclose()


async def one(desk: Desk, way: Ways, question: str) -> tuple[dict[str, float], bool]:
    """The times of one question in milliseconds, and whether its first sentence passed."""
    marks: dict[str, float] = {}

    def emit(kind: str, data: dict[str, Any]) -> None:
        marks.setdefault(f"{kind}:{data.get('stage', '')}", time.perf_counter())

    watched = Watched(way.vllm)
    ladder = (Local(watched), desk.ladder[-1])
    closed: Closed = await run_line(replace(desk, ladder=ladder), _ticket(question), emit)
    if not watched.asked or not watched.judged:
        raise ValueError("no sentence came")
    url = f"{way.server.base_url}/chat/completions"
    direct = await first_direct(way.plain, url, way.server.key, way.kept.first(), watched.asked)
    through = (watched.judged - marks["stage:retrieve"]) * 1000
    first = closed.draft.attempts[0] if closed.draft else None
    figures = {
        "through_ms": through,
        "direct_ms": direct,
        "overhead_ms": through - direct,
        "before_request_ms": (watched.began - marks["stage:retrieve"]) * 1000,
        "gates_ms": (watched.judged - watched.came) * 1000,
        "client_ms": (watched.came - watched.began) * 1000 - direct,
    }
    return figures, bool(first and first.passed)


def _ticket(question: str) -> Ticket:
    return Ticket(Message("bench", "bench", 1, "customer", question, datetime.now(UTC)))


async def measure(where: Ground, way: Ways, pace: Paced | None) -> dict[str, Any]:
    """Each question ``_ROUNDS`` times after a first one that is not counted (it fills the server's prefix cache). Medians of all."""
    desk = where.appliance.desk
    desk = replace(desk, policy=desk.policy.model_copy(update={"deadlines": _patient(desk)}))
    found: list[dict[str, float]] = []
    passed = silent = 0
    for question in where.options.questions:
        quoted = await run_line(desk, _ticket(question), lambda _kind, _data: None)
        if quoted.draft is None or not quoted.draft.sentences:
            continue
        if pace:
            said = [{"text": one.text, "citations": list(one.citations)} for one in quoted.draft.sentences]
            pace.document = json.dumps({"covered": True, "sentences": said})
        try:
            rounds = [await one(desk, way, question) for _ in range(1 + _ROUNDS)][1:]
        except ValueError:
            silent += 1
            way.kept.bodies.clear()
            continue
        found += [figures for figures, _ in rounds]
        passed += sum(ok for _, ok in rounds)
    return {
        "server": "paced, 50 pieces a second" if pace else way.server.model,
        "asked": len(found),
        "first_sentence_passed": passed,
        "questions_without_a_sentence": silent,
        **{f"{name}_p50": percentile([one[name] for one in found], 50) for name in (found[0] if found else ())},
        "overhead_ms_p95": percentile([one["overhead_ms"] for one in found], 95),
        "P5_target": "overhead_ms_p50 <= 15",
    }


def _patient(desk: Desk) -> Any:
    return desk.policy.deadlines.model_copy(update={"simple_s": 300.0})


async def beside_paced(where: Ground) -> dict[str, Any]:
    """On a server of this program's own; the articles are there already."""
    async with paced() as pace, ways(Server(pace.base_url, "m", "")) as way:
        return {"first_token": await measure(where, way, pace)}


async def _measured(options: Options, server: Server | None) -> dict[str, Any]:
    async with ground(options) as where:
        await asyncio.to_thread(where.appliance.knowledge.add, [options.kb])
        if server is None:
            return await beside_paced(where)
        async with ways(server) as way:
            return {"first_token": await measure(where, way, None)}


def main() -> None:
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--base-url")
    own.add_argument("--model", default="smollm2-135m")
    given, rest = own.parse_known_args()
    key = os.environ.get("APPLIANCE_VLLM_API_KEY", "")
    server = Server(given.base_url, given.model, key) if given.base_url else None
    run(__doc__ or "", lambda options: asyncio.run(_measured(options, server)), rest)


if __name__ == "__main__":
    main()
