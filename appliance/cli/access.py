"""``appliance access``: keys for the people and programs of the house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.access import Role
from appliance.cli.console import out, print_json, print_rows
from appliance.cli.options import Data, Json, Settings, settings
from appliance.store.access import SqlAccess
from appliance.store.database import Database

app = typer.Typer(help="Keys with a role, for the admin pages.", no_args_is_help=True)


@contextmanager
def _open(config: Path | None, data: Path | None) -> Iterator[SqlAccess]:
    database = Database(settings(config, data).database_url)
    try:
        yield SqlAccess(database)
    finally:
        database.close()


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whom or what the key is for.", show_default=False)],
    *,
    role: Annotated[Role, typer.Option(help="What it may do; auditor: read the egress ledger and stop hosted models.")],
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Make a key. It is shown once."""
    with _open(config, data) as access:
        made, key = access.add_key(name, role, now=datetime.now(UTC))
    if json:
        print_json({**asdict(made), "key": key})
        return
    out.print(f"Key of {made.name} ({made.role}, id {made.id}), shown once: {key}", markup=False, soft_wrap=True)


@app.command("list")
def list_keys(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """The keys that were made, without their words."""
    with _open(config, data) as access:
        keys = access.keys()
    print_json(keys) if json else print_rows("Keys", [asdict(key) for key in keys])


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As the list shows it.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """End a key, and the sessions that began with it, at once."""
    with _open(config, data) as access:
        ended = access.revoke(key_id, now=datetime.now(UTC))
    print_json(ended) if json else out.print(f"The key of {ended.name} ({ended.role}) is ended.", markup=False)
