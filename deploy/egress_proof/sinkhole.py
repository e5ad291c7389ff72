"""The only peer: answers every name with itself, accepts every TCP connection, and writes down what comes, as JSON lines.

Two witnesses that know nothing of each other: the servers say which names and hosts were wanted, and a capture of the link counts every frame,
whatever its protocol. Run inside the namespace of the sinkhole, where nftables sends all TCP, and UDP to port 53, to the ports below.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from deploy.egress_proof import dns
from deploy.egress_proof.first_bytes import wanted
from deploy.egress_proof.packets import packet

TCP_PORT, DNS_PORT = 10_000, 10_053
READY, END = "ready", "end"
_PATIENCE_S = 3.0
"""How long a client may take to say whom it wants."""
_FRAME_BYTES = 65_600
_BUFFER_BYTES = 64 * 1024 * 1024
_ORIGINAL_DESTINATION = 80
"""SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of <linux/netfilter>: where a redirected connection was going."""
_SOL_PACKET, _STATISTICS, _OUTGOING = 263, 6, 4
_ALL_PROTOCOLS = 3

Write = Callable[..., None]


def destination(connection: socket.socket) -> tuple[str, int]:
    """The address and port that the client asked for."""
    if connection.family == socket.AF_INET:
        raw = connection.getsockopt(socket.IPPROTO_IP, _ORIGINAL_DESTINATION, 16)
        return str(ipaddress.IPv4Address(raw[4:8])), int.from_bytes(raw[2:4], "big")
    raw = connection.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DESTINATION, 28)
    return str(ipaddress.IPv6Address(raw[8:24])), int.from_bytes(raw[2:4], "big")


def listening(family: socket.AddressFamily, kind: socket.SocketKind, port: int) -> socket.socket:
    """On every address of one family: a socket for both would hide where an IPv4 client was going."""
    one = socket.socket(family, kind)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.setblocking(False)
    one.bind(("", port))
    return one


class Names(asyncio.DatagramProtocol):
    """DNS over UDP and TCP."""

    def __init__(self, write: Write, v4: str, v6: str) -> None:
        self._write, self._v4, self._v6 = write, v4, v6

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self.reply(data), addr)  # type: ignore[attr-defined]  # it is a DatagramTransport here

    def reply(self, message: bytes) -> bytes:
        asked = dns.question(message)
        if asked is None:
            self._write("name", name="(no question that can be read)", type="")
            return message[:2] + b"\x81\x81" + bytes(8)  # format error
        self._write("name", name=asked.name, type=asked.kind)
        return dns.answer(asked, self._v4, self._v6)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), _PATIENCE_S), "big")
                answer = self.reply(await asyncio.wait_for(reader.readexactly(size), _PATIENCE_S))
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            return
        finally:
            writer.close()


class Connections:
    """Every TCP connection to whatever port: listened to for a moment, then closed."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.open: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(asyncio.current_task())  # type: ignore[arg-type]  # a handler runs in a task
        at = time.monotonic()
        address, port = "", 0
        said = b""
        try:
            address, port = destination(writer.get_extra_info("socket"))
            said = await asyncio.wait_for(reader.read(4096), _PATIENCE_S)
        except (OSError, TimeoutError):
            pass  # a client that hung up or says nothing has connected all the same
        self._write("connection", at=at, address=address, port=port, wanted=wanted(said))
        writer.close()


class Capture:
    """Every frame that arrives on the link."""

    def __init__(self, write: Write, interface: str) -> None:
        self._write = write
        self.frames = self.dropped = 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self.socket.setblocking(False)
        self._counter = Path(f"/sys/class/net/{interface}/statistics/rx_packets")
        self.socket.bind((interface, _ALL_PROTOCOLS))
        self._before = self._counted()

    def read(self) -> None:
        while True:
            try:
                frame, sender = self.socket.recvfrom(_FRAME_BYTES)
            except BlockingIOError:
                return
            if sender[2] == _OUTGOING:
                continue
            self.frames += 1
            found = packet(frame)
            self._write(
                "packet",
                protocol=found.protocol,
                address=found.address,
                port=found.port,
                neighbour=found.neighbour,
                bytes=len(frame),
            )

    def lost(self) -> int:
        """Frames that the kernel could not hand over."""
        return int(struct.unpack("II", self.socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1])

    def arrived(self) -> int:
        """Frames since the capture began, by the interface's own counter."""
        return self._counted() - self._before

    def _counted(self) -> int:
        return int(self._counter.read_text("ascii"))


async def serve(write: Write, interface: str, v4: str, v6: str) -> None:
    """Until SIGTERM. The last line has the figures by which a reader knows that nothing was missed."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    connections, capture = Connections(write), Capture(write, interface)
    loop.add_reader(capture.socket, capture.read)
    for family in (socket.AF_INET, socket.AF_INET6):
        names = Names(write, v4, v6)
        await loop.create_datagram_endpoint(
            lambda names=names: names, sock=listening(family, socket.SOCK_DGRAM, DNS_PORT)
        )  # type: ignore[misc]  # bound now
        await asyncio.start_server(names.stream, sock=listening(family, socket.SOCK_STREAM, DNS_PORT))
        await asyncio.start_server(
            connections.accept, sock=listening(family, socket.SOCK_STREAM, TCP_PORT), backlog=1024
        )
    write(READY)
    await ended.wait()
    if connections.open:
        await asyncio.wait(connections.open, timeout=_PATIENCE_S + 1)
    arrived = capture.arrived()
    capture.read()
    write(END, frames=capture.frames, lost=capture.lost(), arrived=arrived)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interface", required=True)
    parser.add_argument("--v4", required=True)
    parser.add_argument("--v6", required=True)
    parser.add_argument("--events", type=Path, required=True)
    given = parser.parse_args()
    with given.events.open("a", encoding="ascii", buffering=1) as lines:

        def write(event: str, *, at: float | None = None, **facts: object) -> None:
            lines.write(json.dumps({"event": event, "at": at or time.monotonic(), **facts}) + "\n")

        asyncio.run(serve(write, given.interface, given.v4, given.v6))


if __name__ == "__main__":
    main()
