"""Prints a TCP port of the loopback address that nobody holds just now."""

import socket

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    print(probe.getsockname()[1])
