"""The outermost layer: what has to hold for every request, also for those that reach no handler.

Headers of every answer, a limit on the size of request headers, a deadline for slow bodies, a word to those who cannot be taken on, HEAD, and
figures for Prometheus.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import HTTPException
from litestar.serialization import encode_json
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from appliance.crash_points import reach
from appliance.web.doors import Admission
from appliance.web.headers import Headers
from appliance.web.problems import PROBLEM_JSON, TABLE, Problem, problem_of
from appliance.web.traffic import Traffic

MAX_HEADER_BYTES = 32_768
_TALK = "/api/conversations"


@dataclass(frozen=True, slots=True)
class Shield:
    """Wraps the application. ``body_timeout_s``: how long a client may take to send its body before it is told to stop (408)."""

    app: ASGIApp
    traffic: Traffic
    default_headers: Headers
    special_headers: dict[str, Headers]
    """Other security headers for single paths."""
    admission: Admission
    body_timeout_s: float = 20.0
    clock: Callable[[], float] = time.perf_counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return  # the server is set up without websockets and without lifespan events
        answer = _Answer(
            send, self.special_headers.get(scope["path"], self.default_headers), head=scope["method"] == "HEAD"
        )
        began = self.clock()
        try:
            await self._guarded(scope, receive, answer)
            if scope["method"] == "POST" and 200 <= answer.status < 400:
                reach("acknowledged")
        finally:
            self.traffic.count(scope, answer.status, self.clock() - began)

    async def _guarded(self, scope: HTTPScope, receive: Receive, answer: _Answer) -> None:
        headers = scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
            await answer.refuse("headers_too_large", f"At most {MAX_HEADER_BYTES} bytes of headers are read.")
            return
        if _is_message(scope) and self.admission.full:
            # here and not in a handler: under ten times the load, reading what is refused would cost more than answering what is not
            await answer.show(problem_of(self.admission.busy()))
            return
        if scope["method"] == "HEAD" and not scope["path"].startswith("/api"):
            scope["method"] = HttpMethod.GET  # pages answer GET; their HEAD is the same without the body
        try:
            await self.app(scope, _Body(receive, self.body_timeout_s), answer)
        except Exception as fault:  # nothing may reach the server's own handler: it would log customers' text
            problem = problem_of(fault)
            if not answer.status:
                await answer.show(problem)


def _is_message(scope: HTTPScope) -> bool:
    """By the API; the form's own page keeps what was typed, so its handler says it."""
    path = scope["path"]
    return scope["method"] == "POST" and path.startswith(_TALK) and (path == _TALK or path.endswith("/messages"))


class _Body:
    """``receive`` with a deadline until the body is complete; after it, waiting for the client to leave may take for ever."""

    __slots__ = ("_complete", "_receive", "_timeout_s")

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._complete = False

    async def __call__(self) -> Any:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(
                status_code=408, detail=f"The body did not arrive within {self._timeout_s:.0f} s"
            ) from error
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class _Answer:
    """``send`` that adds the headers, drops the body for HEAD, and remembers the status."""

    __slots__ = ("_head", "_headers", "_send", "status")

    def __init__(self, send: Send, headers: Headers, *, head: bool) -> None:
        self._send = send
        self._headers = headers
        self._head = head
        self.status = 0
        """0 until the answer has begun."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), *self._headers]
        elif message["type"] == "http.response.body" and self._head:
            message["body"] = b""
        await self._send(message)

    async def refuse(self, code: str, detail: str) -> None:
        row = TABLE[code]
        await self.show(Problem(code, row.status, row.title, detail, row.remedy))

    async def show(self, problem: Problem) -> None:
        if self.status:
            return
        pairs = {"content-type": PROBLEM_JSON, **problem.all_headers()}
        headers = [(name.lower().encode(), value.encode()) for name, value in pairs.items()]
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": encode_json(problem.document()), "more_body": False})
