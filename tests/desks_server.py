"""A help desk on loopback that speaks the reply APIs of Zammad, Chatwoot and Zendesk, as far as their documentation says.

What it has stored stands in ``said``, in order, so that a doubled reply is visible from outside. ``trouble`` is met by the next writing requests, one each.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Trouble = Literal["", "stored_then_500", "stored_then_silence", "500", "429", "401", "404", "garbage", "redirect"]
TOKEN = "token-of-the-desk"
OWN_USER = 99
ACCOUNT = 7
ZENDESK_USER = "bot@company.example"
SILENCE_S = 4.0


@dataclass(frozen=True)
class Said:
    """One message that the desk has stored."""

    id: int
    ticket: str
    text: str
    public: bool
    type: str = ""
    to: str = ""


@dataclass
class DeskServer:
    """``tickets``: the desk's own state by ticket id; ``messages``: all messages of a ticket as the API lists them."""

    url: str = ""
    said: list[Said] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    next_id: int = 9000

    def public(self, ticket: str) -> list[str]:
        return [one.text for one in self.said if one.ticket == ticket and one.public]

    def notes(self, ticket: str) -> list[str]:
        return [one.text for one in self.said if one.ticket == ticket and not one.public]

    def wait(self, enough: Callable[[], bool], *, patience_s: float = 30.0) -> bool:
        with self.changed:
            return self.changed.wait_for(enough, patience_s)

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def keep(self, said: Said, message: dict[str, Any]) -> None:
        with self.changed:
            self.said.append(said)
            self.messages.setdefault(said.ticket, []).append(message)
            self.changed.notify_all()


@contextmanager
def serving() -> Iterator[DeskServer]:
    desk = DeskServer()
    handler = type("Handler", (_Handler,), {"desk": desk})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        desk.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield desk
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One request a connection. Unknown tickets answer 404: a token sees its own account alone."""

    desk: DeskServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.desk.calls.append((method, self.path, headers))
        if not self._known(headers):
            self._send(401, {"error": "Authentication required"})
            return
        trouble: Trouble = self.desk.trouble.pop(0) if method != "GET" and self.desk.trouble else ""
        if trouble in {"500", "401", "404"}:
            self._send(int(trouble), {"error": "trouble"})
        elif trouble == "429":
            self._send(429, {"error": "slow down"}, {"Retry-After": "1"})
        elif trouble == "redirect":
            self._send(302, {}, {"Location": "http://169.254.169.254/latest/meta-data"})
        else:
            self._carried_out(method, json.loads(body) if body else {}, trouble)

    def _carried_out(self, method: str, document: dict[str, Any], trouble: Trouble) -> None:
        status, answer = self._route(method, document)
        if trouble == "stored_then_500":
            self._send(500, {"error": "after the fact"})
        elif trouble == "stored_then_silence":
            time.sleep(SILENCE_S)
            self.close_connection = True
        elif trouble == "garbage":
            self._send(200, None, raw=b"<html>gateway</html>")
        else:
            self._send(status, answer)

    def _known(self, headers: dict[str, str]) -> bool:
        basic = base64.b64encode(f"{ZENDESK_USER}/token:{TOKEN}".encode()).decode()
        given = headers.get("authorization") or headers.get("api_access_token") or ""
        return given in {f"Token token={TOKEN}", TOKEN, f"Basic {basic}", f"Bearer {TOKEN}"}

    def _route(self, method: str, document: dict[str, Any]) -> tuple[int, Any]:
        for pattern, action in _ROUTES:
            found = re.fullmatch(pattern, f"{method} {self.path}")
            if found is None:
                continue
            ticket = found.groupdict().get("ticket", "")
            if ticket and ticket not in self.desk.tickets:
                return 404, {"error": "not found"}
            return action(self.desk, ticket, document, found)
        return 404, {"error": "no such address"}

    def _send(
        self, status: int, document: Any, headers: dict[str, str] | None = None, *, raw: bytes | None = None
    ) -> None:
        body = raw if raw is not None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


# Zammad


def _zammad_articles(desk: DeskServer, ticket: str, _: dict[str, Any], __: re.Match[str]) -> tuple[int, Any]:
    return 200, desk.messages.get(ticket, [])


def _zammad_write(desk: DeskServer, ticket: str, article: dict[str, Any]) -> dict[str, Any]:
    kept = {
        "id": desk.new_id(),
        "ticket_id": int(ticket),
        "sender": article.get("sender", "Agent"),
        "type": article.get("type", "note"),
        "internal": article.get("internal", False),
        "body": article["body"],
        "content_type": article.get("content_type", "text/html"),
        "to": article.get("to"),
        "subject": article.get("subject"),
        "in_reply_to": article.get("in_reply_to"),
        "preferences": article.get("preferences", {}),
        "created_by_id": OWN_USER,
    }
    said = Said(kept["id"], ticket, kept["body"], not kept["internal"], kept["type"], kept["to"] or "")
    desk.keep(said, kept)
    return kept


def _zammad_create(desk: DeskServer, _: str, document: dict[str, Any], __: re.Match[str]) -> tuple[int, Any]:
    ticket = str(document["ticket_id"])
    if ticket not in desk.tickets:
        return 404, {"error": "Couldn't find Ticket"}
    return 201, _zammad_write(desk, ticket, document)


def _zammad_update(desk: DeskServer, ticket: str, document: dict[str, Any], _: re.Match[str]) -> tuple[int, Any]:
    desk.tickets[ticket] |= {name: document[name] for name in ("group", "owner", "state") if name in document}
    if "article" in document:
        _zammad_write(desk, ticket, document["article"])
    return 200, {"id": int(ticket)}


def _zammad_me(_: DeskServer, __: str, ___: dict[str, Any], ____: re.Match[str]) -> tuple[int, Any]:
    return 200, {"id": OWN_USER, "login": ZENDESK_USER}


# Chatwoot: pages of twenty, oldest first within a page, as its messages index


def _chatwoot_messages(desk: DeskServer, ticket: str, _: dict[str, Any], found: re.Match[str]) -> tuple[int, Any]:
    before = found["before"]
    all_of_them = [one for one in desk.messages.get(ticket, []) if before is None or one["id"] < int(before)]
    return 200, {"meta": {}, "payload": all_of_them[-20:]}


def _chatwoot_create(desk: DeskServer, ticket: str, document: dict[str, Any], _: re.Match[str]) -> tuple[int, Any]:
    kept = {
        "id": desk.new_id(),
        "content": document["content"],
        "message_type": 1,
        "private": document.get("private", False),
        "content_attributes": document.get("content_attributes", {}),
        "source_id": document.get("source_id"),
        "created_at": int(time.time()),
        "sender": {"id": OWN_USER, "type": "user"},
    }
    desk.keep(Said(kept["id"], ticket, kept["content"], not kept["private"]), kept)
    return 200, kept


def _chatwoot_assign(desk: DeskServer, ticket: str, document: dict[str, Any], _: re.Match[str]) -> tuple[int, Any]:
    desk.tickets[ticket] |= document
    return 200, document


def _chatwoot_status(desk: DeskServer, ticket: str, document: dict[str, Any], _: re.Match[str]) -> tuple[int, Any]:
    desk.tickets[ticket]["status"] = document["status"]
    return 200, {"payload": {"success": True, "current_status": document["status"]}}


# Zendesk: an update makes an audit, which keeps its metadata


def _zendesk_update(desk: DeskServer, ticket: str, document: dict[str, Any], _: re.Match[str]) -> tuple[int, Any]:
    fields = document["ticket"]
    desk.tickets[ticket] |= {name: fields[name] for name in ("group_id", "assignee_id", "status") if name in fields}
    comment = fields.get("comment", {})
    event = {"id": desk.new_id(), "type": "Comment", "body": comment["body"], "public": comment.get("public", True)}
    audit = {"id": desk.new_id(), "metadata": {"custom": fields.get("metadata", {}), "system": {}}, "events": [event]}
    desk.keep(Said(event["id"], ticket, event["body"], event["public"]), audit)
    return 200, {"ticket": {"id": int(ticket)}, "audit": audit}


def _zendesk_audits(desk: DeskServer, ticket: str, _: dict[str, Any], found: re.Match[str]) -> tuple[int, Any]:
    page, size = int(found["page"]), int(found["size"])
    audits = desk.messages.get(ticket, [])
    more = len(audits) > page * size
    return 200, {"audits": audits[(page - 1) * size : page * size], "next_page": "https://elsewhere/" if more else None}


def _zendesk_me(_: DeskServer, __: str, ___: dict[str, Any], ____: re.Match[str]) -> tuple[int, Any]:
    return 200, {"user": {"id": OWN_USER, "role": "agent"}}


_CHATWOOT = rf"/api/v1/accounts/{ACCOUNT}/conversations/(?P<ticket>\d+)"
_Action = Callable[[DeskServer, str, dict[str, Any], re.Match[str]], tuple[int, Any]]
_ROUTES: tuple[tuple[str, _Action], ...] = (
    (r"GET /api/v1/ticket_articles/by_ticket/(?P<ticket>\d+)", _zammad_articles),
    (r"POST /api/v1/ticket_articles", _zammad_create),
    (r"PUT /api/v1/tickets/(?P<ticket>\d+)", _zammad_update),
    (r"GET /api/v1/users/me", _zammad_me),
    (rf"GET {_CHATWOOT}/messages(?:\?before=(?P<before>\d+))?", _chatwoot_messages),
    (rf"POST {_CHATWOOT}/messages", _chatwoot_create),
    (rf"POST {_CHATWOOT}/assignments", _chatwoot_assign),
    (rf"POST {_CHATWOOT}/toggle_status", _chatwoot_status),
    (r"GET /api/v1/profile", _zammad_me),
    (r"PUT /api/v2/tickets/(?P<ticket>\d+)\.json", _zendesk_update),
    (
        r"GET /api/v2/tickets/(?P<ticket>\d+)/audits\.json\?per_page=(?P<size>\d+)&page=(?P<page>\d+)",
        _zendesk_audits,
    ),
    (r"GET /api/v2/users/me\.json", _zendesk_me),
)
