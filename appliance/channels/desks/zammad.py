"""Zammad: webhooks of a trigger (ticket and article), ``X-Hub-Signature``; articles by the REST API.

Shapes after admin-docs.zammad.org (Webhook, Payload) and docs.zammad.org (REST API: tickets, articles). Zammad signs no time, so a replay is known by the
article's id alone. Its API has no idempotency key: ours stands in the article's ``preferences`` and is looked up before each try.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from appliance.channels.desks.adapter import MARK, Call, Heard, Post, nobody
from appliance.channels.desks.bodies import Id, Wire, parse, text_of_html
from appliance.channels.desks.signing import digest, same
from appliance.desk_settings import DeskKind, DeskSettings

_SIGNATURE = "x-hub-signature"
_CHAT_LIKE = frozenset(("web", "chat", "sms", "telegram personal-message", "whatsapp message", "facebook feed comment"))
"""Types of article that an answer takes over from the question; everything else is answered by ``email`` or as a note."""


class _Group(Wire):
    name: str = ""


class _Person(Wire):
    id: Id = ""
    email: str | None = ""
    firstname: str | None = ""
    lastname: str | None = ""

    @property
    def name(self) -> str:
        return f"{self.firstname or ''} {self.lastname or ''}".strip()


class _Ticket(Wire):
    id: Id
    title: str | None = ""
    group: _Group | None = None
    customer: _Person | None = None


class _Article(Wire):
    id: Id
    ticket_id: Id = ""
    sender: str = ""
    type: str = ""
    internal: bool = False
    body: str | None = ""
    content_type: str | None = "text/plain"
    created_by_id: Id = ""
    preferences: dict[str, Any] | None = None


class _Webhook(Wire):
    ticket: _Ticket
    article: _Article | None = None


class Zammad:
    kind: DeskKind = "zammad"

    def signed(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secret: bytes,
        *,
        now: datetime,
        max_age_s: float,
    ) -> bool:
        return same(headers.get(_SIGNATURE, ""), f"sha1={digest('sha1', secret, body).hex()}")

    def hear(self, body: bytes, settings: DeskSettings) -> Heard:
        webhook = parse(_Webhook, body)
        article = webhook.article
        if article is None:
            return nobody("no article")
        if left_alone := _left_alone(article, settings):
            return nobody(left_alone)
        ticket = webhook.ticket
        person = ticket.customer or _Person()
        theirs = article.created_by_id in {"", person.id}  # and not of somebody else who was in copy
        return Heard(
            who="customer" if article.sender == "Customer" and article.type != "phone" else "person",
            ticket=ticket.id,
            message=article.id,
            text=_text(article),
            subject=ticket.title or "",
            email=(person.email or "") if theirs else "",
            name=person.name,
            group=ticket.group.name if ticket.group else "",
        )

    def authorization(self, settings: DeskSettings, token: str) -> Mapping[str, str]:
        return {"Authorization": f"Token token={token}"}

    async def find(self, call: Call, settings: DeskSettings, post: Post) -> str | None:
        return _marked(await _articles(call, post.ticket), post.key)

    async def post(self, call: Call, settings: DeskSettings, post: Post) -> str:
        articles = await _articles(call, post.ticket)
        if earlier := _marked(articles, post.key):
            return earlier
        article = {
            "body": post.text,
            "content_type": "text/plain",
            "sender": "Agent",
            "internal": not post.public,
            "preferences": {MARK: {"key": post.key}},
            **(_addressed(articles) if post.public else {"type": "note"}),
        }
        change = _change(post)
        if not change:
            created = await call("POST", "/api/v1/ticket_articles", body={"ticket_id": _number(post.ticket), **article})
            return str(created.document.get("id", ""))
        await call("PUT", f"/api/v1/tickets/{post.ticket}", body={**change, "article": article})
        return _marked(await _articles(call, post.ticket), post.key) or ""

    async def me(self, call: Call, settings: DeskSettings) -> str:
        return str((await call("GET", "/api/v1/users/me")).document.get("id", ""))


def _left_alone(article: _Article, settings: DeskSettings) -> str:
    preferences = article.preferences or {}
    if article.created_by_id == settings.own_user or MARK in preferences:
        return "own message"
    if article.sender == "System":
        return "automatic"
    if preferences.get("is-auto-response"):
        return "automatic reply"
    return "private note" if article.internal else ""


def _text(article: _Article) -> str:
    body = article.body or ""
    return text_of_html(body) if "html" in (article.content_type or "") else body


async def _articles(call: Call, ticket: str) -> list[dict[str, Any]]:
    found = (await call("GET", f"/api/v1/ticket_articles/by_ticket/{ticket}")).document
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _marked(articles: list[dict[str, Any]], key: str) -> str | None:
    for article in articles:
        mark = (article.get("preferences") or {}).get(MARK)
        if isinstance(mark, dict) and mark.get("key") == key:
            return str(article.get("id", ""))
    return None


def _addressed(articles: list[dict[str, Any]]) -> dict[str, str]:
    """Type and recipient by the customer's last article: an e-mail is answered by e-mail, or the customer would never see it."""
    last: dict[str, Any] = next((one for one in reversed(articles) if one.get("sender") == "Customer"), {})
    kind = str(last.get("type") or "")
    if kind == "email":
        fields = {
            "type": "email",
            "to": str(last.get("reply_to") or last.get("from") or ""),
            "subject": str(last.get("subject") or ""),
            "in_reply_to": str(last.get("message_id") or ""),
        }
        return {name: value for name, value in fields.items() if value}
    return {"type": kind if kind in _CHAT_LIKE else "note"}


def _change(post: Post) -> dict[str, str]:
    change = post.change
    named = {"group": change.group, "owner": change.assignee, "state": change.status}
    return {name: value for name, value in named.items() if value}


def _number(ticket: str) -> int | str:
    return int(ticket) if ticket.isdigit() else ticket
