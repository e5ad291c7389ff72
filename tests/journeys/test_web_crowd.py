"""Many and bad listeners, over real sockets on the real server: who never reads, who resets at once, who leaves without a word."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from web_fixtures import Visitor, free_port

from appliance.line.events import Event
from appliance.web.native_threads import ended, native_threads
from appliance.web.server import granian_server
from appliance.web.sockets import connections, guard_listeners, raise_open_files
from appliance.web.stream import Streams

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset instead of the polite end."""


class Source:
    """Events without end; ``open`` counts those who are being told."""

    def __init__(self, size: int = 10) -> None:
        self.size = size
        self.open = 0
        self.told = 0

    async def events(self) -> AsyncIterator[Event]:
        self.open += 1
        try:
            for number in range(100_000):
                yield Event(f"1.{number}", "sentence", {"text": "x" * self.size})
                self.told += self.size
                await asyncio.sleep(0 if self.size > 10 else 3600)
        finally:
            self.open -= 1


async def until(true: Callable[[], bool]) -> None:
    """A server that never does it fails the test instead of holding it up."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for is the operating system's, which sets no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(streams: Streams, source: Source) -> AsyncIterator[int]:
    """The streams alone on granian, in this process, so that a test can look inside."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with suppress(asyncio.CancelledError):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await streams.run(scope["path"], source.events(), receive, send)

    port = free_port()
    before = native_threads()
    server = granian_server(app, "127.0.0.1", port, 2_048)
    task = asyncio.create_task(server.serve())
    await until(lambda: guard_listeners(port) == 1)
    started = native_threads() - before
    try:
        yield port
    finally:
        streams.close()
        server.stop()  # type: ignore[no-untyped-call]  # granian carries few annotations
        await task
        await ended(started)


def connected(port: int, *, receive_bytes: int = 0) -> socket.socket:
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET /c HTTP/1.1\r\nHost: here\r\n\r\n")
    return client


async def test_a_reader_who_never_reads_is_dropped_with_little_in_memory_while_others_go_on() -> None:
    streams, source = Streams(write_s=0.3, each=1_000), Source(size=50_000)
    async with serving(streams, source) as port:
        idle = connected(port, receive_bytes=4_096)
        await until(lambda: streams.ended.get("slow") == 1)
        assert (streams.open, source.open) == (0, 0)
        assert source.told < 3_000_000
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /d HTTP/1.1\r\nHost: here\r\n\r\n")
        assert len(await reader.readexactly(5_000_000)) == 5_000_000
        writer.close()
        idle.close()
        await until(lambda: streams.open == 0)


async def test_resets_before_and_after_the_first_byte_leave_no_slot_no_source_and_no_task() -> None:
    streams, source = Streams(each=1_000), Source()
    async with serving(streams, source) as port:
        await until(lambda: streams.open == 0)
        before = len(asyncio.all_tasks())
        for number in range(300):
            client = connected(port)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if number % 3 == 0:
                await asyncio.sleep(0.005)
            client.close()
        last = connected(port)
        await until(lambda: source.open >= 1 and sum(streams.ended.values()) == streams.ended.get("left"))
        last.close()
        await until(lambda: (streams.open, source.open) == (0, 0))
        await until(lambda: len(asyncio.all_tasks()) <= before + 1)  # the clock of the streams stays
        assert set(streams.ended) == {"left"}


async def test_a_connection_inherits_what_closes_it_when_its_client_is_dead() -> None:
    async with serving(Streams(), Source()) as port:
        client = connected(port)
        await asyncio.to_thread(client.recv, 10)
        with _server_side(client.getsockname()[1]) as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 65_536
        client.close()


def _server_side(peer_port: int) -> socket.socket:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()).startswith("socket:") and _peer(int(entry.name)) == peer_port:
                return socket.socket(fileno=os.dup(int(entry.name)))
    raise AssertionError("the server has no such connection")


def _peer(descriptor: int) -> int:
    with socket.socket(fileno=os.dup(descriptor)) as found:
        return int(found.getpeername()[1]) if found.family == socket.AF_INET else 0


def test_open_files_are_raised_to_what_is_allowed_and_bound_the_connections() -> None:
    allowed = raise_open_files()
    assert connections(100_000_000) <= max(512, allowed - 512)
    assert connections(100) >= 100


def test_the_whole_appliance_forgets_listeners_that_reset_at_once(visitor: Visitor, client: httpx.Client) -> None:
    request = (
        f"GET {visitor.path}/events HTTP/1.1\r\nHost: here\r\nAuthorization: {visitor.headers['Authorization']}\r\n\r\n"
    )
    port = client.base_url.port
    assert port
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            rude.sendall(request.encode())
    for _ in range(600):
        if "appliance_streams_open 0.0" in client.get("/metrics").text:
            return
        time.sleep(0.1)
    raise AssertionError("streams of clients that are gone are still open")
