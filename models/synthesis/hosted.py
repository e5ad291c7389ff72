"""A model outside the building. It has one way in, which takes a permit and the very bytes that the permit is for."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

import httpx2
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from models.errors import ModelFault, ModelRefused
from models.permits import Checker, Seal
from models.roles import DraftSentence, Permit
from models.synthesis.chunks import Chunks, Deadlines, Finish, counted, pieces
from models.synthesis.faults import fault_of
from models.synthesis.reading import read_draft, unfenced
from models.synthesis.stream import Meter, SentenceStream
from models.synthesis.transport import http_client

_PATH = "/chat/completions"
_FAILED = (openai.OpenAIError, httpx2.HTTPError, ValueError, TimeoutError)
_TAIL_S = 0.7
"""How long the end of an answer is read for its count of tokens, once its sentences are there."""
_HEADERS = frozenset(("host", "accept", "connection", "authorization", "content-type", "content-length"))
"""All that a request may carry; the transport below adds ``Accept-Encoding: identity``."""
_ROW = "x-row"
"""Tells the last door which permit a request is for; it goes no further."""
_REMEDIES = {
    400: "The provider does not take these fields: check hosted.provider, hosted.model and hosted.form.",
    401: "Set the provider's key in the file that hosted.api_key_file names.",
    403: "Set the provider's key in the file that hosted.api_key_file names; it may lack the right to this model.",
    404: "Check hosted.base_url (it ends in /v1) and hosted.model.",
}
_ELSE = "Check hosted.base_url, and whether this machine may reach it."


class HostedModel:
    """Created only while hosted models are enabled. ``host`` and ``model`` are what a permit must name."""

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        *,
        seal: Seal,
        timeout_s: float = 25.0,
        first_token_timeout_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # at DEBUG these log whole requests
        for name in ("openai", "httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        url = _address(base_url, model)
        self.name = f"hosted:{model}"
        self.model = model
        self.host = url.netloc.decode("ascii")
        self._server = str(url)
        self._timeout_s, self._first_token_timeout_s = timeout_s, first_token_timeout_s
        self._clock = clock
        self._checker = Checker(seal, host=self.host, model=model, clock=clock)
        self._released: dict[str, str] = {}
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            organization="",
            project="",
            max_retries=0,  # a second sending needs a second row and a second permit
            http_client=http_client(
                around=lambda inner: _OnlyReleased(inner, f"{self._server.rstrip('/')}{_PATH}", self._released)
            ),
        )

    def sentences(self, permit: Permit, payload: bytes, *, passages: int, max_sentences: int) -> SentenceStream:
        """Send ``payload``, once, and read the draft. Raises ``ModelRefused`` (at the first sentence) when the permit does not allow it, else like a ``Synthesizer``.

        ``usage.extra`` says ``status`` when the server refused with an HTTP status, so that nothing was worked on.
        """
        return SentenceStream(
            lambda meter: self._write(permit, payload, meter, passages=passages, max_sentences=max_sentences),
            model=self.model,
        )

    async def aclose(self) -> None:
        """Close the connections. The model cannot be asked after this."""
        await self._client.close()

    async def _write(
        self, permit: Permit, payload: bytes, meter: Meter, *, passages: int, max_sentences: int
    ) -> AsyncGenerator[DraftSentence, None]:
        self._checker.take(permit, payload)
        started = self._clock()
        deadlines = Deadlines(started + self._first_token_timeout_s, started + self._timeout_s, self._clock)
        chunks = await self._opened(permit, payload, deadlines, meter)
        finish, cancelled = Finish(), False
        try:
            texts = unfenced(pieces(chunks, finish, meter, deadlines, started=started, server=self._server))
            drafted = read_draft(texts, finish, passages=passages, max_sentences=max_sentences, server=self._server)
            async with aclosing(drafted):
                async for sentence in drafted:
                    yield sentence
        except ModelFault as fault:
            fault.remedy = _ELSE
            raise
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            if not cancelled:
                await _count_the_rest(chunks, meter)
            await chunks.close()

    async def _opened(self, permit: Permit, payload: bytes, deadlines: Deadlines, meter: Meter) -> Chunks:
        row = str(permit.row)
        self._released[row] = permit.sha256
        try:
            async with asyncio.timeout(deadlines.left(waiting_for_first=True)):
                return await self._client.post(
                    _PATH,
                    cast_to=ChatCompletion,
                    content=payload,
                    options={"headers": {"Content-Type": "application/json", _ROW: row}},
                    stream=True,
                    stream_cls=openai.AsyncStream[ChatCompletionChunk],
                )
        except _FAILED as error:
            fault = fault_of(error, self._server)
            status = error.status_code if isinstance(error, openai.APIStatusError) else 0
            if status:
                meter.usage.extra["status"] = status
            fault.remedy = _REMEDIES.get(status, _ELSE)
            raise fault from None
        finally:
            self._released.pop(row, None)


class _OnlyReleased(httpx2.AsyncBaseTransport):
    """The last door: lets one request through to one address, if its body is the one that its permit was taken for. Whatever the client does above it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, address: str, released: dict[str, str]) -> None:
        self._inner = inner
        self._address = httpx2.URL(address)
        self._released = released

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        released = self._released.pop(request.headers.get(_ROW, ""), None)
        digest = hashlib.sha256(await request.aread()).hexdigest()
        if request.method != "POST" or request.url != self._address or digest != released:
            raise httpx2.UnsupportedProtocol("this request was not released", request=request)
        for name in [name for name in request.headers if name.lower() not in _HEADERS]:
            del request.headers[name]  # whatever the client adds of its own accord or of the environment's
        request.headers["User-Agent"] = "python"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _count_the_rest(chunks: Chunks, meter: Meter) -> None:
    """Providers count tokens in the last chunk, behind the draft. Not worth waiting for long: without it what was reserved stays spent."""
    if meter.usage.completion_tokens:
        return
    with suppress(
        openai.OpenAIError, httpx2.HTTPError, ValueError, TypeError, AttributeError, RecursionError, TimeoutError
    ):
        async with asyncio.timeout(_TAIL_S):
            async for chunk in chunks:
                meter.usage = counted(meter.usage, chunk)


def is_loopback(host: str) -> bool:
    """``127.0.0.1``, ``::1`` and the name ``localhost``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _address(base_url: str, model: str) -> httpx2.URL:
    """Checked: https, or http on loopback; no password in it. Raises ``ModelRefused``."""
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if not url.host or not model or url.scheme not in ("http", "https"):
        raise ModelRefused(
            "A hosted model needs an address and a name.",
            remedy='Set base_url (such as "https://api.example.com/v1") and model in [hosted].',
        )
    if url.userinfo or url.query or url.fragment:
        raise ModelRefused(
            "hosted.base_url holds more than an address.",
            remedy="Put the key in the file that hosted.api_key_file names.",
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise ModelRefused(
            f"hosted.base_url {url} is not encrypted.", remedy="Use https; http is for servers on this machine alone."
        )
    return url
