"""The positive control: leaves on purpose, by every way, so that a blind sinkhole cannot pass for a silent box.

Run inside the box. It fails if it cannot even try; whether it was *seen* is the sinkhole's word.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct

NAME = "on-purpose.control.example"
TCP = ("198.51.100.7", 8123)
UDP = ("203.0.113.9", 4444)
TCP6 = ("2001:db8:77::5", 443)
PING = "203.0.113.10"
_TIMEOUT_S = 5.0


def look_up_and_speak_tls() -> None:
    context = ssl.create_default_context()
    with (
        socket.create_connection((NAME, 443), _TIMEOUT_S) as plain,
        contextlib.suppress(OSError),  # the sinkhole hangs up after the first bytes
    ):
        context.wrap_socket(plain, server_hostname=NAME)


def speak_http(address: tuple[str, int]) -> None:
    with socket.create_connection(address, _TIMEOUT_S) as plain:
        plain.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode("ascii"))
        plain.settimeout(_TIMEOUT_S)
        with contextlib.suppress(OSError):
            plain.recv(1)


def ask_by_tcp(server: tuple[str, int]) -> None:
    """A DNS question over TCP, to a server that the machine is not set up for."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in f"tcp.{NAME}".split("."))
    message = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
    with socket.create_connection(server, _TIMEOUT_S) as plain:
        plain.sendall(struct.pack("!H", len(message)) + message)
        if not plain.recv(2):
            raise ConnectionError("The sinkhole gave no answer to a question over TCP")


def main() -> None:
    look_up_and_speak_tls()
    speak_http(TCP)
    speak_http(TCP6)
    ask_by_tcp(("198.51.100.53", 53))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"on purpose", UDP)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        one.sendto(b"\x08\x00\xf7\xff\x00\x00\x00\x00", (PING, 0))  # an echo request


if __name__ == "__main__":
    main()
