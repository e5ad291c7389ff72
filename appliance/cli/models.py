"""``appliance models``: what the appliance can use, and whether what is on disk is what it should be."""

from __future__ import annotations

from dataclasses import asdict

import typer

from appliance.cli.console import print_json, print_rows
from appliance.cli.options import Data, Json, Settings, settings
from appliance.model_set import open_catalog

app = typer.Typer(help="The models.", no_args_is_help=True)


@app.command("list")
def list_(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Every model of the catalogue: role, revision, licence, and how to fetch what does not ship."""
    rows = [model.model_dump() for model in open_catalog(settings(config, data)).list_models()]
    print_json(rows) if json else print_rows("Models", rows)


@app.command()
def verify(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Hash the weight files on disk and hold them against the catalogue."""
    rows = [asdict(result) for result in open_catalog(settings(config, data)).verify()]
    print_json(rows) if json else print_rows("Verified", rows)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)
