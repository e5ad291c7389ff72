"""``appliance report``: the figures that count."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from appliance.cli.console import print_facts, print_json
from appliance.cli.options import Data, Json, Settings, back, settings
from appliance.measures.kpi import kpis
from appliance.store.database import Database


def report(
    *,
    since: Annotated[str, typer.Option(help="How far back: a number and d, h or w, such as 30d.")] = "30d",
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Resolution, satisfaction, time to resolution, escalation; a figure without data is null, never 0."""
    now = datetime.now(UTC)
    span = back(since)
    database = Database(settings(config, data).database_url)
    try:
        figures = kpis(database, since=now - span, now=now)
    finally:
        database.close()
    print_json(figures) if json else print_facts(f"Since {since}", figures)
