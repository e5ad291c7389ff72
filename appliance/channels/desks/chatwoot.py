"""Chatwoot: webhooks of an account or an agent bot, signed over time and body; messages by the Application API.

Shapes after developers.chatwoot.com (Application API) and the user guide (webhooks). The idempotency key stands in ``content_attributes``: ``source_id`` would fit by
its name, but Chatwoot does not pass on to the customer's channel a message that has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from appliance.channels.desks.adapter import MARK, Call, Heard, Post, nobody
from appliance.channels.desks.bodies import Id, Wire, parse
from appliance.channels.desks.signing import digest, fresh, same, unix_time
from appliance.desk_settings import DeskKind, DeskSettings

_PAGES = 20
"""Of twenty messages each, that a look-up reads back at most."""


class _Account(Wire):
    id: Id = ""


class _Sender(Wire):
    id: Id = ""
    type: str | None = ""
    name: str | None = ""
    email: str | None = ""


class _Meta(Wire):
    sender: _Sender | None = None


class _Inbox(Wire):
    id: Id = ""


class _Conversation(Wire):
    id: Id = ""
    inbox_id: Id = ""
    meta: _Meta | None = None
    additional_attributes: dict[str, Any] | None = None


class _Webhook(Wire):
    event: str
    id: Id = ""
    account: _Account | None = None
    account_id: Id = ""
    content: str | None = ""
    message_type: str | int | None = ""
    private: bool | None = False
    content_type: str | None = "text"
    content_attributes: dict[str, Any] | None = None
    sender: _Sender | None = None
    inbox: _Inbox | None = None
    inbox_id: Id = ""
    conversation: _Conversation = _Conversation()
    changed_attributes: list[dict[str, Any]] | None = None


class Chatwoot:
    kind: DeskKind = "chatwoot"

    def signed(
        self, headers: Mapping[str, str], body: bytes, secret: bytes, *, now: datetime, max_age_s: float
    ) -> bool:
        stamp = headers.get("x-chatwoot-timestamp", "")
        if not fresh(unix_time(stamp), now=now, max_age_s=max_age_s):
            return False
        expected = digest("sha256", secret, stamp.encode(), b".", body).hex()
        return same(headers.get("x-chatwoot-signature", ""), f"sha256={expected}")

    def hear(self, body: bytes, settings: DeskSettings) -> Heard:
        webhook = parse(_Webhook, body)
        account = webhook.account.id if webhook.account else webhook.account_id
        if account and account != settings.account:
            return nobody("another account")
        if webhook.event == "conversation_status_changed":
            return _taken(webhook)
        if webhook.event != "message_created":
            return nobody("another event")
        if left_alone := _left_alone(webhook, settings):
            return nobody(left_alone)
        incoming = webhook.message_type in {"incoming", 0}
        conversation = webhook.conversation
        contact = webhook.sender if incoming else conversation.meta.sender if conversation.meta else None
        return Heard(
            who="customer" if incoming else "person",
            ticket=conversation.id,
            message=webhook.id,
            text=webhook.content or "",
            subject=str((conversation.additional_attributes or {}).get("mail_subject") or ""),
            email=(contact.email if contact else "") or "",
            name=(contact.name if contact else "") or "",
            group=(webhook.inbox.id if webhook.inbox else "") or conversation.inbox_id,
        )

    def authorization(self, settings: DeskSettings, token: str) -> Mapping[str, str]:
        return {"api_access_token": token}

    async def find(self, call: Call, settings: DeskSettings, post: Post) -> str | None:
        """Newest first, back to the time before which no try can have been made."""
        before = ""
        for _ in range(_PAGES):
            found = (await call("GET", f"{_conversation(settings, post)}/messages{before}")).document
            page = [one for one in found.get("payload", []) if isinstance(one, dict)]
            for message in page:
                if (message.get("content_attributes") or {}).get(MARK) == post.key:
                    return str(message.get("id", ""))
            if not page or _oldest(page) < post.since:
                return None
            before = f"?before={min(int(one['id']) for one in page)}"
        return None

    async def post(self, call: Call, settings: DeskSettings, post: Post) -> str:
        if earlier := await self.find(call, settings, post):
            return earlier
        here, change = _conversation(settings, post), post.change
        if change.group:
            await call("POST", f"{here}/assignments", body={"team_id": _number(change.group)})
        if change.assignee:
            await call("POST", f"{here}/assignments", body={"assignee_id": _number(change.assignee)})
        if change.status:
            await call("POST", f"{here}/toggle_status", body={"status": change.status})
        created = await call(
            "POST",
            f"{here}/messages",
            body={
                "content": post.text,
                "message_type": "outgoing",
                "private": not post.public,
                "content_type": "text",
                "content_attributes": {MARK: post.key},
            },
        )
        return str(created.document.get("id", ""))

    async def me(self, call: Call, settings: DeskSettings) -> str:
        return str((await call("GET", "/api/v1/profile")).document.get("id", ""))


def _left_alone(webhook: _Webhook, settings: DeskSettings) -> str:
    """``template`` and ``activity`` are Chatwoot's own words; an agent bot's or a campaign's message is no person's."""
    attributes = webhook.content_attributes or {}
    sender = webhook.sender or _Sender()
    if webhook.message_type not in {"incoming", "outgoing", 0, 1}:
        return "automatic"
    if webhook.private:
        return "private note"
    if webhook.message_type in {"incoming", 0}:
        mail = attributes.get("email")
        return "automatic reply" if isinstance(mail, dict) and mail.get("auto_reply") else ""
    if MARK in attributes or sender.id == settings.own_user:
        return "own message"
    if sender.type != "user" or "automation_rule_id" in attributes:
        return "automatic"
    return ""


def _taken(webhook: _Webhook) -> Heard:
    """``pending`` is the bot's turn; from it to ``open`` is somebody taking the conversation. The event is the conversation's own document."""
    turns = [one["status"] for one in webhook.changed_attributes or [] if isinstance(one.get("status"), dict)]
    if not any((one.get("previous_value"), one.get("current_value")) == ("pending", "open") for one in turns):
        return nobody("another change of status")
    return Heard("person", ticket=webhook.id, message=f"opened:{webhook.id}", group=webhook.inbox_id)


def _conversation(settings: DeskSettings, post: Post) -> str:
    return f"/api/v1/accounts/{settings.account}/conversations/{post.ticket}"


def _oldest(page: list[dict[str, Any]]) -> datetime:
    """Times are whole seconds, so the one in which the first try may have been made is not yet "before"."""
    return datetime.fromtimestamp(min(int(one.get("created_at") or 0) for one in page) + 1, UTC)


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() else value
