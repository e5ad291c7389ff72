"""The local rung: a vLLM server through its OpenAI-compatible API, held to a JSON schema and read sentence by sentence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import httpx2
import openai

from models.errors import ModelRefused
from models.roles import DraftSentence, SynthesisRequest
from models.synthesis import wire
from models.synthesis.chunks import Chunks, Deadlines, Finish, pieces
from models.synthesis.faults import fault_of, retry_delay_s
from models.synthesis.prompts import LIMITS, Prompt, PromptLimits, build
from models.synthesis.reading import read_draft
from models.synthesis.stream import Meter, SentenceStream
from models.synthesis.transport import http_client as local_http_client

_FAILED = (openai.OpenAIError, httpx2.HTTPError, ValueError, TimeoutError)
"""What asking for a response can raise; ValueError: the body of a 200 is not what its header says."""
_TOKENS_A_SENTENCE = 120
_TOKENS_AROUND = 60


class VllmSynthesizer:
    """A ``Synthesizer``. Each call of ``sentences`` is one request; closing the stream cancels it on the server.

    ``first_token_timeout_s`` bounds the wait for the first word, retries included; ``timeout_s`` the whole draft.
    """

    verbatim = False

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        *,
        timeout_s: float = 30.0,
        first_token_timeout_s: float = 10.0,
        max_retries: int = 2,
        http_client: httpx2.AsyncClient | None = None,
        limits: PromptLimits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        # at DEBUG the client logs whole prompts, and a prompt holds a customer's words
        logging.getLogger("openai").setLevel(logging.WARNING)
        self.name = f"vllm:{model}"
        self._server = _address(base_url, model)
        self._model = model
        self._timeout_s = timeout_s
        self._first_token_timeout_s = first_token_timeout_s
        self._max_retries = max_retries
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,  # ours are bounded by the customer's deadline, the client's are not
            http_client=http_client or local_http_client(),
        )

    def sentences(self, request: SynthesisRequest) -> SentenceStream:
        return SentenceStream(lambda meter: self._write(request, meter), model=self._model)

    async def aclose(self) -> None:
        """Close the connections. The synthesizer cannot be used after this."""
        await self._client.close()

    async def probe(self) -> None:
        """Ask the server whether it is up and serves the model. Raises ``ModelUnavailable`` or ``ModelRefused``."""
        try:
            async with asyncio.timeout(self._first_token_timeout_s):
                page = await self._client.models.list()
            served = sorted(str(model.id) for model in page.data)
        except (*_FAILED, TypeError, AttributeError) as error:
            raise fault_of(error, self._server) from None
        if self._model not in served:
            names = ", ".join(served[:10]) or "none"
            raise ModelRefused(
                f"The model server {self._server} does not serve {self._model!r}; it serves: {names}.",
                remedy="Set [synthesis] model to one of these, or start the server with --served-model-name.",
            )

    async def _write(self, request: SynthesisRequest, meter: Meter) -> AsyncGenerator[DraftSentence, None]:
        if not request.passages or request.max_sentences < 1:
            return
        started = self._clock()
        deadlines = Deadlines(started + self._first_token_timeout_s, started + self._timeout_s, self._clock)
        prompt = build(request, self._limits)
        finish = Finish()
        chunks = await self._opened(self._arguments(prompt, request.max_sentences), deadlines)
        try:
            texts = pieces(chunks, finish, meter, deadlines, started=started, server=self._server)
            drafted = read_draft(
                texts,
                finish,
                passages=prompt.passages,
                max_sentences=request.max_sentences,
                server=self._server,
            )
            async with aclosing(drafted):
                async for sentence in drafted:
                    yield sentence
        finally:
            await chunks.close()

    async def _opened(self, arguments: dict[str, Any], deadlines: Deadlines) -> Chunks:
        """The response, its headers read; tried again while that is of use and the time for the first word allows."""
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(deadlines.left(waiting_for_first=True)):
                    chunks: Chunks = await self._client.chat.completions.create(**arguments)
                    return chunks
            except _FAILED as error:
                delay = retry_delay_s(error, attempt)
                late = delay is None or delay >= deadlines.left(waiting_for_first=True)
                if delay is None or late or attempt >= self._max_retries:
                    raise fault_of(error, self._server) from None
            attempt += 1
            await self._sleep(delay)

    def _arguments(self, prompt: Prompt, max_sentences: int) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "response_format": wire.response_format(prompt.passages, max_sentences),
            "temperature": 0.0,  # the same ticket gets the same draft
            "seed": 0,
            "max_tokens": _TOKENS_AROUND + _TOKENS_A_SENTENCE * max_sentences,
            "stream": True,
            # vLLM counts in every chunk, so the cost of a stream that is closed early is known as well
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        }


def _address(base_url: str, model: str) -> str:
    """The address as messages may show it, without any password in it. Raises ``ModelRefused``."""
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or not model:
        raise ModelRefused(
            "A model server needs an address and a model.",
            remedy='Set base_url (such as "http://127.0.0.1:8000/v1") and model in [synthesis].',
        )
    return str(url.copy_with(userinfo=b""))
