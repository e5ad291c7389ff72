"""``appliance report``: the figures that count."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from appliance.cli.console import print_facts, print_json
from appliance.cli.options import Data, Json, Settings, settings
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
    span = re.fullmatch(r"(\d{1,4})([dhw])", since)
    if not span:
        raise typer.BadParameter("write a number and d, h or w, such as 30d", param_hint="--since")
    now = datetime.now(UTC)
    back = timedelta(**{{"d": "days", "h": "hours", "w": "weeks"}[span[2]]: int(span[1])})
    database = Database(settings(config, data).database_url)
    try:
        figures = kpis(database, since=now - back, now=now)
    finally:
        database.close()
    print_json(figures) if json else print_facts(f"Since {since}", figures)
