"""What the world outside knows: a server that is told of events by webhook, which never dies and forgets nothing."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Told:
    """Deliveries by webhook-id: the same id again is the same delivery, as the specification of webhooks has it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.deliveries: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, identity: str, document: dict[str, Any]) -> None:
        with self._lock:
            self.deliveries[identity].append(document)

    @property
    def again(self) -> int:
        """Deliveries that came more than once under their id."""
        with self._lock:
            return sum(len(each) - 1 for each in self.deliveries.values())

    def events(self) -> list[dict[str, Any]]:
        """Each delivery once."""
        with self._lock:
            return [each[0] for each in self.deliveries.values()]


@contextmanager
def listening(told: Told) -> Iterator[int]:
    """A receiver of webhooks on loopback; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            told.add(self.headers.get("webhook-id", ""), json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
