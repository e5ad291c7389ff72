"""The chunks of one streamed answer, turned into text: every wait is bounded and every chunk is checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from models.errors import ModelUnavailable
from models.roles import Usage
from models.synthesis.faults import fault_of
from models.synthesis.stream import Meter

Chunks = openai.AsyncStream[ChatCompletionChunk]
_GARBAGE = (openai.OpenAIError, httpx2.HTTPError, ValueError, TypeError, AttributeError, RecursionError)
"""What the client raises on bytes that are not the protocol. It builds chunks without checking them, hence TypeError."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Moments of ``clock`` (seconds): until when the first word may take, and the whole draft."""

    first: float
    whole: float
    clock: Callable[[], float]

    def left(self, *, waiting_for_first: bool) -> float:
        return max(0.0, (min(self.first, self.whole) if waiting_for_first else self.whole) - self.clock())


@dataclass(slots=True)
class Finish:
    """Why the server ended the answer: ``stop``, ``length`` (its token limit), or None while it goes on."""

    reason: str | None = None


async def pieces(
    chunks: Chunks, finish: Finish, meter: Meter, deadlines: Deadlines, *, started: float, server: str
) -> AsyncGenerator[str, None]:
    """The text of each chunk, until the server says why it ended. Raises ``ModelUnavailable``."""
    while finish.reason is None:
        first = not meter.usage.first_token_ms
        try:
            async with asyncio.timeout(deadlines.left(waiting_for_first=first)):
                chunk = _checked(await anext(chunks))
            piece, finish.reason = _content(chunk)
        except StopAsyncIteration:
            raise ModelUnavailable(f"The model server {server} broke off in the middle of a draft.") from None
        except (*_GARBAGE, TimeoutError) as error:
            raise fault_of(error, server) from None
        meter.usage = counted(meter.usage, chunk)
        if piece and first:
            meter.usage = replace(meter.usage, first_token_ms=(deadlines.clock() - started) * 1000)
        if piece:
            yield piece


def _checked(chunk: object) -> ChatCompletionChunk:
    if not isinstance(chunk, ChatCompletionChunk):
        raise TypeError("not a chunk")
    return chunk


def _content(chunk: ChatCompletionChunk) -> tuple[str, str | None]:
    """Text and finish reason of a chunk; a chunk of counts alone has neither."""
    if not chunk.choices:
        return "", None
    choice = chunk.choices[0]
    content, reason = choice.delta.content, choice.finish_reason
    if not isinstance(content, str | None) or not isinstance(reason, str | None):
        raise TypeError("not text")
    return content or "", reason


def counted(usage: Usage, chunk: ChatCompletionChunk) -> Usage:
    """``usage`` with the counts of ``chunk``, if it carries any that are numbers."""
    prompt = getattr(chunk.usage, "prompt_tokens", None)
    completion = getattr(chunk.usage, "completion_tokens", None)
    if isinstance(prompt, int) and isinstance(completion, int):
        return replace(usage, prompt_tokens=prompt, completion_tokens=completion)
    return usage
