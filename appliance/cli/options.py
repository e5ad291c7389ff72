"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from appliance.config import Config, load_config

Data = Annotated[
    Path | None, typer.Option("--data", help="Data directory (default: APPLIANCE_DATA or ./data).", show_default=False)
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", help="saas, it_helpdesk, shop, or the path of a profile of your own.", show_default=False
    ),
]
Settings = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file (default: appliance.toml in the data directory).", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]


def settings(config: Path | None, data: Path | None, profile: str | None = None, **others: object) -> Config:
    return load_config(config, data=data, profile=profile, **others)


def back(since: str) -> timedelta:
    """The span of ``--since``: a number and d, h or w."""
    span = re.fullmatch(r"(\d{1,4})([dhw])", since)
    if not span:
        raise typer.BadParameter("write a number and d, h or w, such as 30d", param_hint="--since")
    return timedelta(**{{"d": "days", "h": "hours", "w": "weeks"}[span[2]]: int(span[1])})
