"""What a synthesizer hands out: an iterator of sentences that also knows, at its end, what the draft cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Self

from models.roles import DraftSentence, Usage


class Meter:
    """Where one call notes its cost while it runs. One meter a call, so that calls side by side never mix."""

    def __init__(self, model: str) -> None:
        self.usage = Usage(model=model)


class SentenceStream:
    """Sentences as they become known. Closing it (or dropping it) cancels the request behind it.

    ``usage`` is filled in as the stream goes and is final once the stream has ended or was closed.
    """

    def __init__(self, write: Callable[[Meter], AsyncGenerator[DraftSentence, None]], *, model: str) -> None:
        self._meter = Meter(model)
        self._sentences = write(self._meter)

    @property
    def usage(self) -> Usage:
        return self._meter.usage

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DraftSentence:
        return await anext(self._sentences)

    async def aclose(self) -> None:
        """End the request now; the sentences handed out so far stay valid. Idempotent."""
        await self._sentences.aclose()
