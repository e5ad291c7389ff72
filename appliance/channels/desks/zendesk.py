"""Zendesk: event webhooks (or those of a trigger) with a signature over time and body; ticket updates by the Support API.

Shapes after developer.zendesk.com: Verifying webhooks, Ticket events, Tickets, Ticket audits. ``Idempotency-Key`` is documented for creating tickets only, so the key also
stands in the metadata of the update, where its audit keeps it, and is looked up before each further try.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import model_validator

from appliance.channels.desks.adapter import MARK, Call, Heard, Post, nobody
from appliance.channels.desks.bodies import Id, Wire, parse
from appliance.channels.desks.signing import digest, fresh, iso_time, same
from appliance.desk_settings import DeskKind, DeskSettings

_COMMENT = "zen:event-type:ticket.comment_added"
_CREATED = "zen:event-type:ticket.created"
_TRIGGER = "support-appliance.comment"
"""The type that docs/desks.md has operators write into the body of a trigger's webhook."""
_PER_PAGE = 100
_PAGES = 10


class _Author(Wire):
    id: Id = ""
    is_staff: bool = False
    name: str | None = ""


class _Comment(Wire):
    id: Id = ""
    body: str | None = ""
    is_public: bool = True
    author: _Author = _Author()


class _Event(Wire):
    comment: _Comment | None = None


class _Detail(Wire):
    id: Id
    description: str | None = ""
    subject: str | None = ""
    group_id: Id | None = ""
    requester_id: Id | None = ""
    submitter_id: Id | None = ""
    is_public: bool = True


class _Requester(Wire):
    email: str | None = ""
    name: str | None = ""


class _Webhook(Wire):
    """``requester`` and ``updated_at`` only stand in the body that a trigger sends."""

    type: str
    account_id: Id | None = ""
    detail: _Detail | None = None
    event: _Event | None = None
    requester: _Requester = _Requester()
    updated_at: str | None = ""

    @model_validator(mode="after")
    def _has_what_it_names(self) -> _Webhook:
        if self.type in {_COMMENT, _CREATED, _TRIGGER} and self.detail is None:
            raise ValueError("detail is missing")
        if self.type in {_COMMENT, _TRIGGER} and (self.event is None or self.event.comment is None):
            raise ValueError("event.comment is missing")
        return self


class Zendesk:
    kind: DeskKind = "zendesk"

    def signed(
        self, headers: Mapping[str, str], body: bytes, secret: bytes, *, now: datetime, max_age_s: float
    ) -> bool:
        stamp = headers.get("x-zendesk-webhook-signature-timestamp", "")
        if not fresh(iso_time(stamp), now=now, max_age_s=max_age_s):
            return False
        expected = base64.b64encode(digest("sha256", secret, stamp.encode(), body)).decode()
        return same(headers.get("x-zendesk-webhook-signature", ""), expected)

    def hear(self, body: bytes, settings: DeskSettings) -> Heard:
        webhook = parse(_Webhook, body)
        if settings.account and webhook.account_id and webhook.account_id != settings.account:
            return nobody("another account")
        if webhook.type not in {_COMMENT, _CREATED, _TRIGGER} or webhook.detail is None:
            return nobody("another event")
        comment = webhook.event.comment if webhook.event else None
        return (
            _first(webhook.detail, settings)
            if comment is None
            else _comment(webhook, webhook.detail, comment, settings)
        )

    def authorization(self, settings: DeskSettings, token: str) -> Mapping[str, str]:
        if not settings.user:
            return {"Authorization": f"Bearer {token}"}
        pair = base64.b64encode(f"{settings.user}/token:{token}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    async def find(self, call: Call, settings: DeskSettings, post: Post) -> str | None:
        for page in range(1, _PAGES + 1):
            path = f"/api/v2/tickets/{post.ticket}/audits.json?per_page={_PER_PAGE}&page={page}"
            found = (await call("GET", path)).document
            for audit in found.get("audits", []):
                if _mark_of(audit) == post.key:
                    return _comment_id(audit)
            if not found.get("next_page"):
                return None
        return None

    async def post(self, call: Call, settings: DeskSettings, post: Post) -> str:
        if earlier := await self.find(call, settings, post):
            return earlier
        change = post.change
        fields = {"group_id": change.group, "assignee_id": change.assignee, "status": change.status}
        ticket: dict[str, Any] = {
            "comment": {"body": post.text, "public": post.public},
            "metadata": {MARK: post.key},
            **{name: int(value) if value.isdigit() else value for name, value in fields.items() if value},
        }
        changed = await call(
            "PUT",
            f"/api/v2/tickets/{post.ticket}.json",
            body={"ticket": ticket},
            headers={"Idempotency-Key": post.key},
        )
        return _comment_id(changed.document.get("audit") or {})

    async def me(self, call: Call, settings: DeskSettings) -> str:
        found = (await call("GET", "/api/v2/users/me.json")).document.get("user") or {}
        return str(found.get("id") or "")


def _comment(webhook: _Webhook, detail: _Detail, comment: _Comment, settings: DeskSettings) -> Heard:
    author = comment.author
    if author.id and author.id == settings.own_user:
        return nobody("own message")
    if not comment.is_public:
        return nobody("private note")
    text = comment.body or ""
    first = text.strip() == (detail.description or "").strip()  # it comes once with the ticket and once as a comment
    return Heard(
        who="person" if author.is_staff else "customer",
        ticket=detail.id,
        message=f"first:{detail.id}" if first else comment.id or _made_up(webhook, detail, text),
        text=text,
        subject=detail.subject or "",
        email=webhook.requester.email or "",
        name=webhook.requester.name or author.name or "",
        group=detail.group_id or "",
    )


def _first(detail: _Detail, settings: DeskSettings) -> Heard:
    """A new ticket. Who submitted it for somebody else is an agent, or another machine: a person has it."""
    if detail.submitter_id == settings.own_user:
        return nobody("own message")
    if not detail.is_public:
        return nobody("private note")
    return Heard(
        who="customer" if detail.submitter_id == detail.requester_id else "person",
        ticket=detail.id,
        message=f"first:{detail.id}",
        text=detail.description or "",
        subject=detail.subject or "",
        group=detail.group_id or "",
    )


def _made_up(webhook: _Webhook, detail: _Detail, text: str) -> str:
    """A trigger knows no id of the comment: the time of the update and the words make one that is the same at each delivery."""
    words = f"{detail.id}\n{webhook.updated_at}\n{text}".encode("utf-8", "surrogatepass")
    return f"made:{hashlib.sha256(words).hexdigest()[:32]}"


def _mark_of(audit: dict[str, Any]) -> Any:
    return ((audit.get("metadata") or {}).get("custom") or {}).get(MARK)


def _comment_id(audit: dict[str, Any]) -> str:
    comments = (event for event in audit.get("events", []) if event.get("type") == "Comment")
    return str(next(comments, audit).get("id", ""))
