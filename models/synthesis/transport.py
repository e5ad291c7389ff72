"""The way to a local model server: nothing from the environment, nothing about us in the headers, nothing unbounded back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2

MAX_RESPONSE_BYTES = 4_000_000
"""Of one response. vLLM writes about 250 bytes a token, so this is far more than any draft; a body of 10 MB or a line
without end is cut off here, before the client's own buffers would take it in."""
_TELLING_HEADERS = ("x-stainless-", "openai-")
"""The client describes the machine (x-stainless-*) and sends OPENAI_ORG_ID of the environment; a model needs neither."""


class _Bounded(httpx2.AsyncByteStream):
    """A response body that ends in ``ReadError`` when it grows past the limit."""

    def __init__(self, body: httpx2.AsyncByteStream, limit: int, request: httpx2.Request) -> None:
        self._body = body
        self._limit = limit
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._body:
            seen += len(chunk)
            if seen > self._limit:
                raise httpx2.ReadError(f"response larger than {self._limit} bytes", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Wraps a transport: strips telling headers, bounds every response, refuses packed ones (a small bomb unpacks big)."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, max_bytes: int = MAX_RESPONSE_BYTES) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        for name in [name for name in request.headers if name.lower().startswith(_TELLING_HEADERS)]:
            del request.headers[name]
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.DecodingError("packed response refused", request=request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, self._max_bytes, request)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def http_client(
    *,
    connect_timeout_s: float = 3.0,
    max_connections: int = 64,
    around: Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport] = lambda transport: transport,
) -> httpx2.AsyncClient:
    """A client that reads no proxy, certificate or netrc setting of the environment and follows no redirect.

    Reading has no time-out of its own here: who reads a stream knows its deadline. ``around`` wraps the transport once more.
    """
    limits = httpx2.Limits(max_connections=max_connections, max_keepalive_connections=16)
    return httpx2.AsyncClient(
        transport=around(BoundedTransport(httpx2.AsyncHTTPTransport(trust_env=False, limits=limits))),
        timeout=httpx2.Timeout(None, connect=connect_timeout_s, pool=connect_timeout_s),
        trust_env=False,
        follow_redirects=False,
    )
