"""Looks names up by the machine's own resolver, in threads of its own: a name server that hangs must not hold those of the database."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor


class SystemResolver:
    """``getaddrinfo``; each call asks anew."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
        return list(dict.fromkeys(found))


def _look_up(host: str) -> list[str]:
    entries = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in entries]
