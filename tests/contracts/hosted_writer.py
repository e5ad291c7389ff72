"""The hosted rung as a ``Synthesizer`` of any request: the real gate, ledger and client of a throw-away house around each call."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from egress_parts import House, errand

from appliance.line.ladder import Skipped
from appliance.store.database import Database
from models.roles import DraftSentence, SynthesisRequest
from models.synthesis.stream import Meter, SentenceStream


class HostedWriter:
    """Each call passes the whole gate: a rule that allows it, a row, a permit."""

    verbatim = False

    def __init__(self, base_url: str, **times: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hosted-")
        data = Path(self._folder.name)
        self.database = Database(f"sqlite:///{data / 'appliance.db'}")
        self.house = House(data, self.database)
        self.rung = self.house.rung(base_url, **times)
        self.name = self.rung.name

    def sentences(self, request: SynthesisRequest) -> SentenceStream:
        return SentenceStream(lambda meter: self._write(request, meter), model="m")

    async def aclose(self) -> None:
        await self.rung.aclose()
        self.database.close()
        self._folder.cleanup()

    async def _write(self, request: SynthesisRequest, meter: Meter) -> AsyncGenerator[DraftSentence, None]:
        asked = errand(request.question or "?", passages=tuple(one.text for one in request.passages) or ("none",))
        writer = await self.rung.writer(_with(asked, request))
        assert not isinstance(writer, Skipped), writer
        stream = writer.sentences(request)
        async with aclosing(stream):
            try:
                async for sentence in stream:
                    yield sentence
            finally:
                await stream.aclose()
                meter.usage = stream.usage


def _with(asked: Any, request: SynthesisRequest) -> Any:
    found = asked.case.retrieved.passages[: len(request.passages)]
    retrieved = replace(asked.case.retrieved, passages=found)
    return replace(asked, request=request, case=replace(asked.case, retrieved=retrieved))
