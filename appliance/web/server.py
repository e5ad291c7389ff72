"""Serves the application with granian in this very process: the line and the models live here, so there is one process and one event loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from appliance.errors import ConfigInvalid
from appliance.web.app import create_app
from appliance.web.doors import Doors
from appliance.web.native_threads import ended, native_threads
from appliance.web.sockets import connections, guard_listeners
from appliance.web.stream import Streams

log = logging.getLogger("appliance.web")

HEADER_TIMEOUT_S = 15
"""A client that has not sent its whole request header by then is dropped; an idle kept-alive connection too."""
MAX_CONNECTIONS = 16_384
"""Connections at once, visitors who only listen to a stream included. A quarter is kept for those who do not; overload is refused by the reception,
not by silence here."""
GRACE_S = 20.0
"""How long a stop waits for answers that are under way. What is cut off was committed and is answered after the next start."""


async def serve(doors: Doors, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; then no new connections, streams end, answers under way are finished.

    ``announce`` is called once with the address when connections are accepted. Raises ``ConfigInvalid`` when the address cannot be used.
    """
    check_address(host, port)
    most = connections(MAX_CONNECTIONS)
    limits = doors.config.server
    streams = Streams(
        places=doors.runner.admission.places,
        most=min(limits.max_streams, most - most // 4),
        each=limits.max_streams_each,
    )
    server = granian_server(create_app(doors, streams), host, port, most)
    stop = asyncio.Event()
    _on_signals(stop)
    before = native_threads()
    started: frozenset[int] = frozenset()
    serving = asyncio.create_task(server.serve())
    try:
        await _accepting(host, port, serving)
        started = native_threads() - before
        guard_listeners(port)
        announce(f"http://{'[' + host + ']' if ':' in host else host}:{port}")
        await _first(stop, serving)
    finally:
        streams.close()
        server.stop()  # type: ignore[no-untyped-call]  # granian carries few annotations
        await _end(serving)
        await ended(started)


def check_address(host: str, port: int) -> None:
    """granian shares a port with whoever holds it (SO_REUSEPORT): two appliances on one port would each get half of the visitors."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigInvalid(
                f"Port {port} on {host} is in use by another program.",
                remedy="Choose another with --port, or end the other program.",
            ) from error
        if isinstance(error, PermissionError):
            raise ConfigInvalid(
                f"Port {port} may not be used: {error.strerror}.", remedy="Use one above 1023."
            ) from error
        raise _foreign(host) from error
    except UnicodeError as error:  # the name has a part that no host name can have
        raise _foreign(host) from error


def _foreign(host: str) -> ConfigInvalid:
    return ConfigInvalid(
        f"{host} is not an address of this machine.", remedy="Use --host 127.0.0.1, or 0.0.0.0 for every address."
    )


def granian_server(app: Any, host: str, port: int, most: int) -> Server:
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_S * 1000, max_buffer_size=65_536),
        websockets=False,
        backlog=1024,
        backpressure=most,
        log_level=LogLevels.error,
        # incremental: granian's own set-up would close every handler of this process and write to standard output, which is for documents
        log_dictconfig={"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}},
    )


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _accepting(host: str, port: int, serving: asyncio.Task[None]) -> None:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(reachable, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
    await serving


async def _first(stop: asyncio.Event, serving: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _end(serving: asyncio.Task[None]) -> None:
    done, _ = await asyncio.wait((serving,), timeout=GRACE_S)
    if done:
        await serving
        return
    log.warning("Some answers were not finished within %.0f s; they will be given after the next start.", GRACE_S)
    serving.cancel()
