"""The doors that customers use, over HTTP: API, streams, form, pages, widget."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from deploy.egress_proof.steps import Failed

_TIMEOUT_S = 120.0
_WRITES_S = 2.5
"""What comes back faster than people write is shown again (``openings.form_min_s``)."""
_LOADED = re.compile(r"""(?:\bsrc|\bsrcset|\baction)=["']([^"']+)|<link\b[^>]*\bhref=["']([^"']+)""", re.I)
_JSON = {"Content-Type": "application/json"}


class Appliance:
    """Speaks to a running one on loopback."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.ticket: tuple[str, str] = ("", "")
        """Id and key of the newest conversation."""

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPResponse, str]:
        given = dict(headers or {})
        if isinstance(body, dict):
            body, given = json.dumps(body), {**_JSON, **given}
        connection = HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body if isinstance(body, str) else None, given)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
        finally:
            connection.close()
        if answer.status >= 400:
            raise Failed(f"{method} {path}: {answer.status} {text[:300]}")
        return answer, text

    def page(self, path: str) -> str:
        """A page, and all that it loads, which must be ours."""
        answer, text = self.ask("GET", path)
        if not answer.headers["Content-Type"].startswith("text/html"):
            return f"{len(text)} characters"
        for found in _LOADED.finditer(text):
            part = found[1] or found[2]
            if not part.startswith("/") or part.startswith("//"):
                raise Failed(f"{path} loads {part}")
            self.ask("GET", part)
        return f"{len(text)} characters"

    def open(self, channel: str, message: str | None = None) -> str:
        body: dict[str, object] = {"channel": channel, "customer": {"email": "jo@customer.example", "name": "Jo"}}
        document = json.loads(
            self.ask("POST", "/api/conversations", body | ({"message": message} if message else {}))[1]
        )
        self.ticket = (document["id"], document["token"])
        return f"{channel} {document['id']}"

    def say(self, text: str) -> str:
        """The reply as one JSON document."""
        number, key = self.ticket
        answer = self.ask(
            "POST", f"/api/conversations/{number}/messages", {"text": text}, {"Authorization": f"Bearer {key}"}
        )
        reply = json.loads(answer[1])
        return f"{reply['outcome']} by {reply['rule']}: {reply['text'][:100]}"

    def stream(self, text: str) -> str:
        """The reply as events."""
        number, key = self.ticket
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        events = self.ask("POST", f"/api/conversations/{number}/messages", {"text": text}, headers)[1]
        kinds = re.findall(r"^event: ?(\w+)", events, re.M)
        if "done" not in kinds:
            raise Failed(f"the stream ended without done: {kinds}")
        return " ".join(kinds)

    def messages(self) -> list[dict[str, Any]]:
        """Of the newest conversation."""
        number, key = self.ticket
        answer = self.ask("GET", f"/api/conversations/{number}", headers={"Authorization": f"Bearer {key}"})
        found: list[dict[str, Any]] = json.loads(answer[1])["messages"]
        if not found:
            raise Failed("the conversation is empty")
        return found

    def feedback(self) -> str:
        number, key = self.ticket
        said = {"resolved": True, "csat": 5, "comment": "Thanks, see https://comment.material.example/"}
        return self.ask("POST", f"/api/conversations/{number}/feedback", said, {"Authorization": f"Bearer {key}"})[1]

    def form(self, message: str) -> str:
        """Sent as a browser without JavaScript does, then the ticket's page, one more message and a word on whether it helped."""
        shown = re.search(r'name="form" value="([^"]+)"', self.ask("GET", "/contact")[1])
        if shown is None:
            raise Failed("the contact form holds no word of its own")
        time.sleep(_WRITES_S)
        typed = {"message": message, "name": "Jo", "email": "jo@customer.example", "subject": "A question"}
        answer = self._form("/contact", {"form": shown[1], **typed})
        where, cookie = answer.headers["Location"], answer.headers["Set-Cookie"].partition(";")[0]
        self.ask("GET", where, headers={"Cookie": cookie})
        self._form(f"{where}/messages", {"message": "And how long does it take?", "key": "once"}, cookie)
        self._form(f"{where}/feedback", {"resolved": "no"}, cookie)
        return self.page_of(where, cookie)

    def officer(self, key: str) -> str:
        """The page of what left the building, as somebody who signs in with a key reads it."""
        answer = self._form("/admin/login", {"key": key})
        return self.page_of("/admin/egress", answer.headers["Set-Cookie"].partition(";")[0])

    def page_of(self, where: str, cookie: str) -> str:
        return f"{len(self.ask('GET', where, headers={'Cookie': cookie})[1])} characters"

    def _form(self, path: str, fields: Mapping[str, str], cookie: str = "") -> HTTPResponse:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self.host}:{self.port}"}
        answer, text = self.ask("POST", path, urlencode(fields), headers | ({"Cookie": cookie} if cookie else {}))
        if answer.status != 303:
            raise Failed(f"POST {path}: {answer.status} instead of 303: {text[:200]}")
        return answer
