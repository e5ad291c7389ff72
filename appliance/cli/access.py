"""``appliance access``: keys for the people and programs of the house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.access import SCOPES, Role
from appliance.cli.console import out, print_json, print_rows
from appliance.cli.options import Data, Json, Settings, settings
from appliance.store.access import SqlAccess
from appliance.store.database import Database

app = typer.Typer(help="Keys: of people for the admin pages, of programs for the API.", no_args_is_help=True)


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
    role: Annotated[
        Role | None,
        typer.Option(
            help="Of a person: what they may do; auditor: read the egress ledger and stop hosted models.",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Of a program at the API, in place of a role; may be given several times: {', '.join(SCOPES)}.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Make a key for a person (--role) or a program (--scope). It is shown once."""
    if (role is None) == (not scope):
        raise typer.BadParameter("give a role for a person, or scopes for a program", param_hint="--role or --scope")
    scopes = [one for one in SCOPES if one in (scope or ())]
    if unknown := set(scope or ()) - set(scopes):
        raise typer.BadParameter(f"there is no scope {', '.join(sorted(unknown))}", param_hint="--scope")
    with _open(config, data) as access:
        now = datetime.now(UTC)
        made, key = access.add_key(name, role, now=now) if role else access.add_program(name, scopes, now=now)
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
