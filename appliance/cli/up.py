"""``appliance up``: serve."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from appliance.bootstrap import answering, open_appliance
from appliance.cli.console import err, out, progress_bar
from appliance.cli.options import Data, Profile, Settings, settings
from appliance.config import Config
from appliance.store.settings import SqlSettings
from appliance.web.server import serve


def up(
    *,
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (default 127.0.0.1).", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on (default 8080).", show_default=False)
    ] = None,
) -> None:
    """Serve the appliance; prints its address, and the administrator's token at the first start."""
    asyncio.run(_up(settings(config, data, profile, host=host, port=port)))


async def _up(config: Config) -> None:
    async with open_appliance(config) as appliance:
        with progress_bar("Starter knowledge base") as progress:
            added = await asyncio.to_thread(appliance.knowledge.add_starter, appliance.policy.name, progress=progress)
        if added:
            err.print(f"Imported {added} starter articles for the profile {appliance.policy.name}.")
        if token := SqlSettings(appliance.database).first_admin_token():
            out.print(f"Administrator's token (shown once, keep it): {token}", highlight=False)
        async with answering(appliance):
            await serve(
                appliance,
                host=config.server.host,
                port=config.server.port,
                announce=lambda url: _announce(url, appliance.policy.name),
            )


def _announce(url: str, profile: str) -> None:
    out.print(f"Support appliance ({profile}) is ready on {url}", highlight=False)
    out.print(f"  chat: {url}/chat   form: {url}/contact   widget: {url}/widget.js", highlight=False)
