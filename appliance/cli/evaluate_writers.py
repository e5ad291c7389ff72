"""Who writes the drafts that ``appliance eval answers`` measures: from options to settings, or to a hosted rung on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import typer

from appliance.bootstrap import Appliance
from appliance.evaluation.hosted import Server
from appliance.line.desk import Desk


def chosen(
    synthesizer: str, base_url: str | None, model: str | None, key: Path | None, *, mask: bool | None
) -> tuple[dict[str, str], Server | None]:
    """The settings of ``[synthesis]``, and the server behind the hosted rung where one is measured. Raises ``BadParameter``."""
    if mask is not None and synthesizer != "hosted":
        raise typer.BadParameter("this is for --synthesizer hosted", param_hint="--mask")
    given = synthesis(synthesizer, base_url, model, key)
    if synthesizer != "hosted":
        return given, None
    return {"mode": "quote"}, hosted(given, mask=mask is not False)


def synthesis(synthesizer: str, base_url: str | None, model: str | None, key: Path | None) -> dict[str, str]:
    given = {"base_url": base_url, "model": model, "api_key_file": str(key) if key else None}
    values = {name: value for name, value in given.items() if value is not None}
    if synthesizer != "quote" and not model:
        raise typer.BadParameter(
            f"--synthesizer {synthesizer} needs the name of the model that is served", param_hint="--model"
        )
    if synthesizer == "quote" and values:
        raise typer.BadParameter(
            "this is for --synthesizer vllm or hosted", param_hint=f"--{next(iter(values)).replace('_', '-')}"
        )
    return {"mode": synthesizer, **values}


def hosted(given: Mapping[str, str], *, mask: bool) -> Server:
    if "base_url" not in given:
        raise typer.BadParameter("--synthesizer hosted needs a server on this machine", param_hint="--base-url")
    return Server(given["base_url"], given["model"], given.get("api_key_file", ""), mask)


@asynccontextmanager
async def asking(appliance: Appliance, desk: Desk, server: Server | None) -> AsyncIterator[Desk]:
    """The desk as it is, or with the hosted rung on top, which is imported only where it is asked for."""
    if server is None:
        yield desk
        return
    from appliance.evaluation.hosted_desk import hosted_desk

    async with hosted_desk(appliance.config, appliance.database, desk, server) as opened:
        yield opened


async def probe(rung: object) -> None:
    """A model server that is down would leave every answer to the next rung, and the figures would not be the model's."""
    probe = getattr(getattr(rung, "synthesizer", rung), "probe", None)
    if probe is not None:
        await probe()
