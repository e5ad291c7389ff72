"""Webhooks as the three desks send them: bodies after their public documentation (tests/data/desks), signed with their own schemes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desks_server import ACCOUNT, OWN_USER, TOKEN, ZENDESK_USER

from appliance.desk_settings import DeskChange, DeskSettings

_SHAPES = Path(__file__).parent / "data" / "desks"
SECRET = "a-secret-of-32-characters-or-more"
KINDS = ("zammad", "chatwoot", "zendesk")
HAND_OVER = {
    "zammad": DeskChange(group="Second level", status="open"),
    "chatwoot": DeskChange(group="12", status="open"),
    "zendesk": DeskChange(group="44", status="open"),
}
HANDED_OVER = {
    "zammad": {"group": "Second level", "state": "open"},
    "chatwoot": {"team_id": 12, "status": "open"},
    "zendesk": {"group_id": 44, "status": "open"},
}
"""The state of the server's ticket after that."""
CUSTOMER, AGENT = 31, 5


def shape(name: str) -> dict[str, Any]:
    return dict(json.loads((_SHAPES / f"{name}.json").read_text("utf-8")))


def settings(kind: str, url: str, folder: Path, **more: Any) -> DeskSettings:
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "secret").write_text(f"{SECRET}\n")
    given: dict[str, Any] = {
        "name": f"{kind}-desk",
        "kind": kind,
        "base_url": url,
        "own_user": str(OWN_USER),
        "token_file": str(folder / "token"),
        "secret_file": str(folder / "secret"),
        "hand_over": HAND_OVER[kind],
        **({"account": str(ACCOUNT)} if kind != "zammad" else {}),
        **({"user": ZENDESK_USER} if kind == "zendesk" else {}),
        **more,
    }
    return DeskSettings(**given)


@dataclass(frozen=True)
class Webhook:
    """A body with the headers that the desk would send along."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Wire:
    """Makes the webhooks of one kind of desk. ``message`` is the desk's id of it."""

    kind: str

    def customer(self, text: str, *, ticket: int = 501, message: int = 712, **more: Any) -> dict[str, Any]:
        return self.made(text, ticket=ticket, message=message, author=CUSTOMER, **more)

    def agent(self, text: str, *, ticket: int = 501, message: int = 713, **more: Any) -> dict[str, Any]:
        return self.made(text, ticket=ticket, message=message, author=AGENT, **more)

    def own(self, text: str, *, ticket: int = 501, message: int = 714) -> dict[str, Any]:
        return self.made(text, ticket=ticket, message=message, author=OWN_USER)

    def made(
        self, text: str, *, ticket: int, message: int, author: int, private: bool = False, group: str = ""
    ) -> dict[str, Any]:
        make = {"zammad": _zammad, "chatwoot": _chatwoot, "zendesk": _zendesk}[self.kind]
        return make(text, ticket, message, author, private, group)

    def signed(self, document: Any, *, secret: str = SECRET, at: datetime | None = None) -> Webhook:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        moment = at or datetime.now(UTC)
        sign = {"zammad": _sign_zammad, "chatwoot": _sign_chatwoot, "zendesk": _sign_zendesk}[self.kind]
        return Webhook(body, {"content-type": "application/json", **sign(body, secret.encode(), moment)})


def _zammad(text: str, ticket: int, message: int, author: int, private: bool, group: str) -> dict[str, Any]:
    document = shape("zammad_article")
    document["ticket"] |= {"id": ticket, "group": document["ticket"]["group"] | ({"name": group} if group else {})}
    document["article"] |= {
        "id": message,
        "ticket_id": ticket,
        "body": text,
        "internal": private,
        "sender": "Customer" if author == CUSTOMER else "Agent",
        "created_by_id": author,
    }
    return document


def _chatwoot(text: str, ticket: int, message: int, author: int, private: bool, group: str) -> dict[str, Any]:
    document = shape("chatwoot_message")
    document |= {"id": message, "content": text, "private": private}
    document["conversation"] |= {"id": ticket}
    if group:
        document["inbox"] |= {"id": int(group)}
    if author != CUSTOMER:
        document |= {
            "message_type": "outgoing",
            "sender": {"id": author, "name": "Kim", "email": "kim@company.example", "type": "user"},
        }
    return document


def _zendesk(text: str, ticket: int, message: int, author: int, private: bool, group: str) -> dict[str, Any]:
    document = shape("zendesk_comment")
    document["detail"] |= {"id": str(ticket)} | ({"group_id": group} if group else {})
    document["event"]["comment"] |= {
        "id": str(message),
        "body": text,
        "is_public": not private,
        "author": {"id": str(author), "is_staff": author != CUSTOMER, "name": "Kim"},
    }
    return document


def _sign_zammad(body: bytes, secret: bytes, _: datetime) -> dict[str, str]:
    return {"x-hub-signature": f"sha1={hmac.new(secret, body, hashlib.sha1).hexdigest()}"}


def _sign_chatwoot(body: bytes, secret: bytes, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    mac = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-chatwoot-timestamp": stamp, "x-chatwoot-signature": f"sha256={mac}"}


def _sign_zendesk(body: bytes, secret: bytes, at: datetime) -> dict[str, str]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    mac = base64.b64encode(hmac.new(secret, stamp.encode() + body, hashlib.sha256).digest()).decode()
    return {"x-zendesk-webhook-signature-timestamp": stamp, "x-zendesk-webhook-signature": mac}
