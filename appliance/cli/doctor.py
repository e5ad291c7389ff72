"""``appliance doctor``: what is in order, what is not, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from appliance.cli.console import print_json, print_rows
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.doctor import checks


def doctor(
    *,
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    host: Annotated[str | None, typer.Option(help="Address that `appliance up` would use.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port that `appliance up` would use.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Check this installation without changing it. Exit code 1 when something is not in order."""
    found = checks(settings(config, data, profile, host=host, port=port))
    if json:
        print_json([asdict(one) for one in found])
    else:
        print_rows(
            "Doctor",
            [
                {"check": one.check, "ok": "ok" if one.ok else "NOT OK", "detail": one.detail, "fix": one.fix}
                for one in found
            ],
        )
    if not all(one.ok for one in found):
        raise typer.Exit(1)
