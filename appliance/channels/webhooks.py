"""Webhooks: what happened is told to addresses of the operator's choice, signed as Standard Webhooks say (version 1, HMAC-SHA256).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, cast

from appliance.channels.carriers import Receipt, Undelivered
from appliance.errors import ConfigInvalid, OutgoingFailed, OutgoingRefused
from appliance.outgoing.client import Answer, Client
from appliance.outgoing_settings import Webhook
from appliance.store.outbox import Depart, Departure, Happened, Parcel, What
from appliance.store.telling import SqlTelling

KIND = "webhook"
_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
_MAX_SECRETS = 4
_PASSING = frozenset((408, 425, 429))
_LONGEST_PAUSE_S = 86_400.0
Result = Literal["delivered", "again", "refused"]
Count = Callable[[str, Result], None]


def departures(webhooks: Sequence[Webhook]) -> Depart:
    """What has to leave for each webhook that wants to hear of it. The row holds ids and states; words are read when it is sent."""

    def depart(happened: Happened) -> Iterator[Departure]:
        for webhook in webhooks:
            if happened.what in webhook.events:
                about = f"{happened.conversation_id}:{happened.message_id}:{happened.at.timestamp()}"
                key = f"{KIND}:{webhook.name}:{happened.what}:{about}"
                yield Departure(key, KIND, webhook.name, happened.what, _facts(happened), in_order=True)

    return depart


def _facts(happened: Happened) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "at": happened.at.astimezone(UTC).isoformat(),
        "conversation_id": happened.conversation_id,
        "channel": happened.channel,
    }
    if happened.what != "feedback.given":
        facts["message_id"] = happened.message_id
    if happened.source:
        facts["source"] = happened.source
    if happened.outcome is not None:
        facts |= {"outcome": happened.outcome, "rule": happened.rule}
    return facts


def secrets_of(webhook: Webhook) -> tuple[bytes, ...]:
    """The keys that sign. Raises ``ConfigInvalid``, without a word of the file."""
    remedy = f"Put a line of {_PREFIX} and the base64 of 24 to 64 random bytes into it (docs/api.md)."
    try:
        lines = Path(webhook.secret_file).read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"The secret file of webhook {webhook.name} cannot be read.", remedy=remedy) from error
    if not 1 <= len(lines) <= _MAX_SECRETS:
        raise ConfigInvalid(f"The secret file of webhook {webhook.name} has {len(lines)} secrets.", remedy=remedy)
    return tuple(_secret(line, webhook.name, remedy) for line in lines)


def _secret(line: str, name: str, remedy: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not line.startswith(_PREFIX) or len(secret) not in _SECRET_BYTES:
        raise ConfigInvalid(f"A secret of webhook {name} is none.", remedy=remedy) from None
    return secret


def signed(secrets: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers, with one signature a secret."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    marks = (base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


@dataclass(frozen=True)
class WebhookCarrier:
    """A ``Carrier``. ``count`` hears of each try by the webhook's name."""

    webhooks: Sequence[Webhook]
    client: Client
    telling: SqlTelling
    now: Callable[[], datetime]
    count: Count
    kind: str = KIND

    async def look_up(self, parcel: Parcel) -> Receipt | None:
        return None

    async def carry(self, parcel: Parcel) -> Receipt:
        webhook = next((one for one in self.webhooks if one.name == parcel.target), None)
        if webhook is None:
            raise Undelivered(f"No webhook is called {parcel.target} any more.", lasting=True)
        try:
            receipt = await self._post(webhook, parcel)
        except Undelivered as fault:
            self.count(webhook.name, "again" if fault.transient else "refused")
            raise
        self.count(webhook.name, "delivered")
        return receipt

    async def _post(self, webhook: Webhook, parcel: Parcel) -> Receipt:
        facts = await asyncio.to_thread(self._facts_and_words, webhook, parcel)
        at = facts.pop("at")
        answer = await deliver(
            self.client, webhook, parcel.id, {"type": parcel.purpose, "timestamp": at, "data": facts}, now=self.now()
        )
        if 200 <= answer.status < 300:
            return Receipt(f"HTTP {answer.status}")
        raise Undelivered(
            f"It answered {answer.status}.",
            lasting=answer.status < 500 and answer.status not in _PASSING,
            retry_after_s=retry_after(answer.headers.get("retry-after", ""), now=self.now()),
        )

    def _facts_and_words(self, webhook: Webhook, parcel: Parcel) -> dict[str, Any]:
        what, conversation = cast("What", parcel.purpose), parcel.conversation_id or ""
        facts = dict(parcel.body)
        if what == "feedback.given":
            facts |= self.telling.marks(conversation)
        if webhook.include_text:
            facts |= self.telling.words(what, conversation, parcel.message_id or "")
        return facts


async def deliver(
    client: Client, webhook: Webhook, message_id: str, payload: dict[str, Any], *, now: datetime
) -> Answer:
    """Send one message and say what was answered. Raises ``Undelivered``; an address that may not be called may be mended within the day."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        headers = signed(secrets_of(webhook), message_id, now, body) | {"content-type": "application/json"}
        return await client.request("POST", webhook.url, headers=headers, content=body, max_bytes=0)
    except (OutgoingRefused, OutgoingFailed, ConfigInvalid) as fault:
        raise Undelivered(fault.message, lasting=False) from fault


def retry_after(value: str, *, now: datetime) -> float | None:
    """Seconds to wait by RFC 9110, 10.2.3, within reason; None when nothing that can be read was asked for."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (TypeError, ValueError, OverflowError):
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(seconds, 1.0), _LONGEST_PAUSE_S)
