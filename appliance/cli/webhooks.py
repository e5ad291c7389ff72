"""``appliance webhooks``: who is told, whether it arrives, and what did not."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from appliance.channels.webhooks import KIND, deliver, secrets_of
from appliance.cli.console import out, print_json, print_rows
from appliance.cli.options import Data, Json, Settings, settings
from appliance.config import Config
from appliance.errors import NotFound
from appliance.outgoing.client import Client
from appliance.store.database import Database
from appliance.store.outbox import SqlOutbox

app = typer.Typer(help="Programs that are told of what happens to conversations.", no_args_is_help=True)
_STATES = ("waiting", "sending", "sent", "failed")


@contextmanager
def _outbox(config: Config) -> Iterator[SqlOutbox]:
    database = Database(config.database_url)
    try:
        yield SqlOutbox(database)
    finally:
        database.close()


@app.command("list")
def list_webhooks(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """The webhooks of the settings, with how many messages each has waiting, sent and failed."""
    settled = settings(config, data)
    with _outbox(settled) as outbox:
        tally = outbox.tally(KIND)
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "url": one.url,
            "events": list(one.events),
            "include_text": one.include_text,
            **{state: tally.get((one.name, state), 0) for state in _STATES},
        }
        for one in settled.webhooks
    ]
    print_json(rows) if json else print_rows("Webhooks", rows)


@app.command("test")
def send_test(
    name: Annotated[str, typer.Argument(help="As the settings call it.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Send one signed message of type webhook.test at once, and say what was answered."""
    settled = settings(config, data)
    webhook = next((one for one in settled.webhooks if one.name == name), None)
    if webhook is None:
        raise NotFound(f"No webhook is called {name!r}.", remedy="List them: appliance webhooks list")
    now = datetime.now(UTC)
    message_id = f"test_{secrets.token_hex(8)}"
    payload = {"type": "webhook.test", "timestamp": now.isoformat(), "data": {}}
    signatures = len(secrets_of(webhook))
    answer = asyncio.run(deliver(Client(settled.outgoing), webhook, message_id, payload, now=now))
    ok = 200 <= answer.status < 300
    if json:
        print_json({"id": message_id, "status": answer.status, "ok": ok, "signatures": signatures})
    else:
        said = "took it" if ok else "did not take it"
        out.print(f"{name} {said}: HTTP {answer.status}, message {message_id}.", markup=False)
    if not ok:
        raise typer.Exit(1)


@app.command()
def failed(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Messages that did not arrive and are not tried any more, the newest first."""
    with _outbox(settings(config, data)) as outbox:
        rows = [asdict(row) for row in outbox.listed(KIND, ("failed",), limit=limit)]
    print_json(rows) if json else print_rows("Failed", rows)


@app.command()
def retry(
    message_id: Annotated[str, typer.Argument(help="As the list of failed ones shows it.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Send a failed message again, under the same id; a running appliance takes it up within a second."""
    with _outbox(settings(config, data)) as outbox:
        row = outbox.again(message_id, kind=KIND, now=datetime.now(UTC))
    print_json(row) if json else out.print(f"Message {row.id} to {row.target} waits to be sent.", markup=False)
