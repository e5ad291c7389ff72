"""A whole box with a webhook: a ticket comes in, and the receiver hears of it without a word of the customer's."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest
from far_server import far, says

from appliance.bootstrap import answering, open_appliance
from appliance.config import Config, Models
from appliance.outgoing_settings import Outgoing, Webhook
from models.standin import StandInWarning

WORDS = "How do I reset the password of ann@example.org?"


async def test_a_receiver_hears_of_message_reply_and_feedback(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"whsec_{base64.b64encode(b'k' * 32).decode()}")
    complete = asyncio.Event()

    async def take(writer: asyncio.StreamWriter) -> None:
        await says(204)(writer)
        if any(b"feedback.given" in heard.body for heard in server.heard):
            complete.set()

    async with far(take) as server:
        hook = Webhook(
            name="crm",
            url=f"http://127.0.0.1:{server.port}/in",
            events=("message.received", "reply.sent", "conversation.handed_over", "feedback.given"),
            secret_file=str(secret),
        )
        config = Config(
            data=tmp_path / "data",
            models=Models(stand_in=True),
            webhooks=(hook,),
            outgoing=Outgoing(allow_networks={"127.0.0.1": ("127.0.0.1/32",)}),
        )
        with pytest.warns(StandInWarning):
            async with open_appliance(config) as box, answering(box):
                opened = await box.reception.open(channel="api", customer_email="ann@example.org", text=WORDS)
                assert opened.accepted
                reply = await box.runner.reply(opened.accepted.message.id)
                await box.reception.feedback(opened.id, opened.token, resolved=False, csat=1, comment="Not ann's day")
                async with asyncio.timeout(20):
                    await complete.wait()
                for _ in range(200):  # what has arrived is marked and counted a moment later
                    if {state for _, state in box.line.outbox.tally("webhook")} == {"sent"}:
                        break
                    await asyncio.sleep(0.05)
                figures = [sample for metric in box.metrics.collect() for sample in metric.samples]
        told = sorted((json.loads(heard.body) for heard in server.heard), key=lambda one: one["data"]["sequence"])
    assert [one["type"] for one in told][:2] == ["message.received", "reply.sent"]
    assert told[1]["data"]["outcome"] == reply.outcome
    assert len({heard.headers["webhook-id"] for heard in server.heard}) == len(told)
    assert not any(word in str(server.heard) for word in ("password", "ann@", "ann's"))
    [sent] = [
        one.value
        for one in figures
        if one.name == "appliance_webhook_tries_total" and one.labels["result"] == "delivered"
    ]
    assert sent == len(told)
