"""The answer that is a stream of events. It has a slot among the streams for as long as it lasts, and not a moment longer."""

from __future__ import annotations

from typing import Any

from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

from appliance.web.stream import Events, Streams

EVENT_STREAM = "text/event-stream"


class EventStream(Stream):
    """Unbuffered on its way through proxies, and never stored."""

    __slots__ = ("_conversation_id", "_events", "_streams")

    def __init__(self, streams: Streams, conversation_id: str, events: Events) -> None:
        super().__init__(
            (),
            media_type=EVENT_STREAM,
            status_code=200,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._streams = streams
        self._conversation_id = conversation_id
        self._events = events

    def to_asgi_response(self, app: Any, request: Any, **given: Any) -> Any:
        """Litestar's own answer would start two more tasks, and never run the events' ``finally`` for a client that left before the first of them."""
        head = super().to_asgi_response(app, request, **given)
        return self._listen(head)

    def _listen(self, head: ASGIResponse) -> ASGIApp:
        async def listen(_scope: Scope, receive: Receive, send: Send) -> None:
            await head.start_response(send)
            await self._streams.run(self._conversation_id, self._events, receive, send)

        return listen
