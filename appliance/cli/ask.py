"""``appliance ask``: one ticket through the whole line, stored like any other."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.panel import Panel

from appliance.bootstrap import Appliance, open_appliance
from appliance.cli.console import err, out, print_json, progress_bar
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.line.events import reply_document
from appliance.ticket import Reply


def ask(
    text: Annotated[str, typer.Argument(help="The customer's message; - reads it from standard input.")],
    *,
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    tier: Annotated[
        Literal["free", "paid", "enterprise"] | None,
        typer.Option(help="Ask as a customer of this tier.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Ask one question and print the reply, or why a person has to answer."""
    message = sys.stdin.read() if text == "-" else text
    reply, conversation = asyncio.run(_ask(message, tier, settings_of=(config, data, profile)))
    if json:
        print_json(reply_document(reply) | {"conversation_id": conversation})
    else:
        _show(reply)


async def _ask(text: str, tier: str | None, *, settings_of: tuple[object, object, object]) -> tuple[Reply, str]:
    config, data, profile = settings_of
    async with open_appliance(settings(config, data, profile)) as appliance:  # type: ignore[arg-type] # typer has checked them
        await asyncio.to_thread(_first_articles, appliance)
        customer_id = await asyncio.to_thread(_customer, appliance, tier) if tier else None
        opened = await appliance.reception.open(channel="cli", customer_id=customer_id, text=text)
        assert opened.accepted is not None
        return await appliance.runner.reply(opened.accepted.message.id), opened.id


def _first_articles(appliance: Appliance) -> None:
    with progress_bar("Starter knowledge base") as progress:
        if added := appliance.knowledge.add_starter(appliance.policy.name, progress=progress):
            err.print(f"Imported {added} starter articles for the profile {appliance.policy.name}.")


def _customer(appliance: Appliance, tier: str) -> str:
    """The row of the customer table that stands for whoever asks from this machine with that tier."""
    from datetime import UTC, datetime

    return appliance.recognition.customers.put_customer(
        customer_id=f"cli-{tier}", email=f"{tier}@cli.invalid", name="", tier=tier, now=datetime.now(UTC)
    )


def _show(reply: Reply) -> None:
    style = {"answered": "green", "handed_over": "yellow"}.get(reply.outcome, "red")
    out.print(
        Panel(
            escape(reply.text or "(silent: a person has this conversation)"),
            title=reply.outcome.replace("_", " "),
            border_style=style,
        )
    )
    for citation in reply.citations:
        out.print(f"  [{citation.n}] {escape(citation.title)}  {escape(citation.url)}", highlight=False, soft_wrap=True)
    out.print(
        f"  {escape(reply.intent)} · urgency {reply.urgency} · confidence {reply.confidence:.2f} · {reply.rule} · {reply.timings_ms.get('total', 0):.0f} ms",
        style="dim",
        highlight=False,
    )
    out.print(f"  {escape(reply.reason)}", style="dim", highlight=False)
