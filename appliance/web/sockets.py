"""What the operating system does for the server's connections: how many there may be, and when one that is dead or never reads is closed.

granian has no settings for these, but on Linux a connection inherits them from the socket that listens.
"""

from __future__ import annotations

import os
import resource
import socket
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_UNREAD_S = 20
"""Data that a client has not taken, or not confirmed, for so long ends the connection. It also bounds a client that died without a word:
a stream is sent something every 15 seconds."""
_SILENT_S = 30
"""An idle connection is probed after that; three probes without an answer end it."""
_SEND_BYTES = 65_536
"""The kernel would let a client that never reads pile up 3 MB (measured); it doubles this for its own book-keeping."""
_OURS = 512
"""Files that are not connections: databases, index, models, log."""


def raise_open_files() -> int:
    """Let this process open as many files as it is allowed to at the most; returns how many. The usual 1,024 is for programs without visitors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # a system that caps it below its own hard limit: what there is has to do
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections(most: int) -> int:
    """How many connections the open files allow, at most ``most``."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return most if limit == resource.RLIM_INFINITY else max(_OURS, min(most, limit - _OURS))


def guard_listeners(port: int) -> int:
    """Set what connections inherit, on every socket of this process that listens on ``port``; returns how many there were. None where the system is not Linux."""
    found = 0
    for entry in _DESCRIPTORS.iterdir() if _DESCRIPTORS.is_dir() else ():
        with suppress(OSError), _socket(entry) as listener:  # other files, and those closed meanwhile, are no sockets
            listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and listener.family in {socket.AF_INET, socket.AF_INET6} and listener.getsockname()[1] == port:
                _guard(listener)
                found += 1
    return found


def _socket(entry: Path) -> socket.socket:
    """Its own descriptor of the same socket, so that closing it closes nothing of the server's."""
    if not str(entry.readlink()).startswith("socket:"):
        raise OSError
    return socket.socket(fileno=os.dup(int(entry.name)))


def _guard(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _SILENT_S)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_S * 1000)
