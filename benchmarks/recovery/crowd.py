"""People who write by every HTTP channel, try again when nobody answers, and remember what was acknowledged to them."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

TEXTS = (
    "Which payment methods can I use for an invoice billing question?",
    "agent please",
    "How do I export my data?",
    "Thank you!",
    "My account was hacked!",
    "How do I reset my password?",
)
_TRIES_S = 90.0
_EDGE = "an-edge-that-no-text-has"


@dataclass(frozen=True, slots=True)
class Ack:
    """A message that the appliance has said it has. ``key``: its idempotency key, empty for a first message."""

    channel: str
    conversation: str
    key: str
    text: str
    token: str = ""


@dataclass
class Log:
    """The outside log. Each line is written when the acknowledgement has come, never before."""

    acknowledged: list[Ack] = field(default_factory=list)
    refused: int = 0
    unheard: int = 0
    """Sent without any answer: they may be there or not."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ack(self, one: Ack) -> None:
        with self._lock:
            self.acknowledged.append(one)

    def lost_sight(self) -> None:
        with self._lock:
            self.unheard += 1


class Writer:
    """One person on one or more replicas: an address that does not answer is left for the next."""

    def __init__(self, ports: Sequence[int], log: Log, seed: int, over: Callable[[], bool]) -> None:
        self._ports = list(ports)
        self._log = log
        self._random = random.Random(seed)
        self._over = over

    def chat(self, messages: int) -> None:
        """Open a conversation, and write in it with keys: the same key until there is an answer."""
        opened = self._until("POST", "/api/conversations", {"channel": "chat"})
        if opened is None:
            return
        for number in range(messages):
            key, text = f"k{self._random.getrandbits(64):x}", f"{self._random.choice(TEXTS)} ({number})"
            path = f"/api/conversations/{opened['id']}/messages"
            reply = self._until("POST", path, {"text": text, "idempotency_key": key}, opened["token"])
            if reply is not None:
                self._log.ack(Ack("chat", opened["id"], key, text, opened["token"]))

    def first(self) -> None:
        """A conversation with its first message: 201 is the acknowledgement. There is no key, so it is sent once."""
        text = f"{self._random.choice(TEXTS)} [{self._random.getrandbits(32):x}]"
        status, opened = self._once("POST", "/api/conversations", {"channel": "api", "message": text})
        if status == 201:
            self._log.ack(Ack("api", opened["id"], "", text, opened["token"]))
        elif status is None:
            self._log.lost_sight()

    def form(self) -> None:
        """The contact form: 303 is the acknowledgement. Sent once."""
        page = self._page()
        if page is None:
            return
        text = f"{self._random.choice(TEXTS)} [{self._random.getrandbits(32):x}]"
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        fields = {**hidden, "message": text, "name": "", "email": "", "subject": "", "website": ""}
        status, location = self._submit(fields)
        if status == 303 and location.startswith("/contact/"):
            self._log.ack(Ack("form", location.split("/")[2].partition("?")[0], "", text))
        elif status is None:
            self._log.lost_sight()

    def _page(self) -> str | None:
        connection = HTTPConnection("127.0.0.1", self._port(), timeout=20)
        try:
            connection.request("GET", "/contact")
            return connection.getresponse().read().decode()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def _submit(self, fields: dict[str, str]) -> tuple[int | None, str]:
        port = self._port()
        parts = [
            f'--{_EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        body = f"{''.join(parts)}--{_EDGE}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={_EDGE}", "Origin": f"http://127.0.0.1:{port}"}
        connection = HTTPConnection("127.0.0.1", port, timeout=40)
        try:
            connection.request("POST", "/contact", body, headers)
            response = connection.getresponse()
            return response.status, response.headers.get("location", "")
        except (OSError, HTTPException):
            return None, ""
        finally:
            connection.close()

    def _until(self, method: str, path: str, document: dict[str, Any], token: str = "") -> dict[str, Any] | None:
        end = time.monotonic() + _TRIES_S
        while time.monotonic() < end and not self._over():
            status, answer = self._once(method, path, document, token)
            if status in {200, 201}:
                return answer
            if status in {429, 503}:
                self._log.refused += 1
            time.sleep(0.2)
        return None

    def _once(
        self, method: str, path: str, document: dict[str, Any], token: str = ""
    ) -> tuple[int | None, dict[str, Any]]:
        connection = HTTPConnection("127.0.0.1", self._port(), timeout=40)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request(method, path, json.dumps(document), headers)
            response = connection.getresponse()
            body = response.read()
            return response.status, json.loads(body) if body else {}
        except (OSError, HTTPException, ValueError):
            return None, {}
        finally:
            connection.close()

    def _port(self) -> int:
        return self._random.choice(self._ports)
