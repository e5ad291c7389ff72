"""``appliance up``: serve."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.cli.console import err, out, progress_bar
from appliance.cli.options import Data, Profile, Settings, settings
from appliance.config import Config
from appliance.errors import ConfigInvalid
from appliance.retraining.leftovers import remove_leftovers
from appliance.store.settings import SqlSettings
from appliance.web.server import check_address, serve
from appliance.web.sockets import raise_open_files


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
    chosen = settings(config, data, profile, host=host, port=port)
    raise_open_files()
    check_address(chosen.server.host, chosen.server.port)  # before models are loaded and articles imported in vain
    with _only_one(chosen.data):
        remove_leftovers(chosen.data, now=datetime.now(UTC))
        asyncio.run(_up(chosen))


async def _up(config: Config) -> None:
    async with open_appliance(config) as appliance:
        with progress_bar("Starter knowledge base") as progress:
            added = await asyncio.to_thread(appliance.knowledge.add_starter, appliance.policy.name, progress=progress)
        if added:
            err.print(f"Imported {added} starter articles for the profile {appliance.policy.name}.")
        async with answering(appliance):
            await serve(
                appliance,
                host=config.server.host,
                port=config.server.port,
                announce=lambda url: _announce(url, appliance),
            )


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Two servers on one data directory would both answer its open tickets. The operating system lets the lock go when its process dies."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigInvalid(
                f"Another appliance is serving the data directory {data}.",
                remedy="Stop it first, or choose another directory with --data.",
            ) from error
        yield


def _announce(url: str, appliance: Appliance) -> None:
    """The token is made here, not earlier: it is shown once, and a start that fails must not use it up."""
    if token := SqlSettings(appliance.database).first_admin_token():
        out.print(f"Administrator's token (shown once, keep it): {token}", highlight=False)
    out.print(f"Support appliance ({appliance.policy.name}) is ready on {url}", highlight=False)
    out.print(f"  chat: {url}/chat   form: {url}/contact   widget: {url}/widget.js", highlight=False, soft_wrap=True)
