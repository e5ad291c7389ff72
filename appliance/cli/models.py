"""``appliance models``: what the appliance can use, whether what is on disk is what it should be, and models made here."""

from __future__ import annotations

from dataclasses import asdict

import typer

from appliance.cli import choose, rollback, train
from appliance.cli.add_model import add
from appliance.cli.console import out, print_json, print_rows
from appliance.cli.options import Data, Json, Settings, settings
from appliance.config import Config
from appliance.errors import ApplianceFault
from appliance.heads import installed_heads
from appliance.model_rows import listed, verified
from appliance.model_set import encoder_in_use, open_catalog
from appliance.rerankers import InstalledReranker, installed_rerankers, order_of, recorded, revisions_in_use
from models import hardware
from models.errors import ModelFault

app = typer.Typer(help="The models.", no_args_is_help=True)
app.add_typer(train.app, name="train")
app.add_typer(rollback.app, name="rollback")
app.add_typer(choose.app, name="choose")
app.command("add")(add)
_SHOWN = ("id", "role", "revision", "licence", "bytes", "memory_mb", "gpu_memory_mb", "on_disk", "fits")


@app.command("list")
def list_(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Every model of the catalogue: licence, size, memory, whether it is here and fits this machine. And what was trained here.

    With --json also how to fetch what does not ship, and the exact arguments with which vLLM serves it.
    """
    chosen = settings(config, data)
    rows = listed(chosen, open_catalog(chosen), hardware.look())
    installed = _installed(chosen)
    if json:
        print_json([*rows, *installed])
        return
    print_rows(
        "Models", [{name: row[name] for name in _SHOWN} | {"revision": str(row["revision"])[:20]} for row in rows]
    )
    print_rows("Trained here", installed)
    for choice in recorded(chosen.data)[0]:
        out.print(f"{choice.reranker_revision} with {choice.encoder_revision}: {choice.summary}.", highlight=False)
    out.print(f"Ranking: {_ranking(chosen)}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def verify(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Hash the weight files on disk: those that ship, those added and those trained here. Large ones take minutes."""
    chosen = settings(config, data)
    rows = [asdict(result) for result in verified(chosen, open_catalog(chosen))]
    rows += [asdict(one.status) for one in installed_heads(chosen.data)]
    rows += [asdict(one.status) for one in installed_rerankers(chosen.data)]
    print_json(rows) if json else print_rows("Verified", rows)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _ranking(config: Config) -> str:
    """Which order serves and why; a model that cannot serve is named here, and `doctor` says more."""
    catalog = open_catalog(config)
    try:
        return order_of(config, catalog, revisions_in_use(config, catalog)).described(config)
    except (ApplianceFault, ModelFault) as fault:
        return f"{fault.message} {fault.remedy}"


def _installed(config: Config) -> list[dict[str, object]]:
    """One row a revision that was trained here."""
    heads: list[dict[str, object]] = [
        {
            "id": one.status.id,
            "role": one.status.role,
            "revision": one.status.revision,
            "licence": one.status.licence,
            "installed": True,
            "active": one.active,
            "previous": one.previous,
            "created": one.created,
            "rows": one.rows,
            "accuracy": one.accuracy,
            "ok": one.status.ok,
            "detail": one.status.detail,
            "path": one.status.path,
        }
        for one in installed_heads(config.data, encoder_in_use(config))
    ]
    return [*heads, *(_reranker(one) for one in installed_rerankers(config.data))]


def _reranker(one: InstalledReranker) -> dict[str, object]:
    status = one.status
    return {
        "id": status.id,
        "role": status.role,
        "revision": status.revision,
        "licence": status.licence,
        "installed": True,
        "active": one.active,
        "previous": one.previous,
        "created": one.created,
        "rows": one.choice.questions if one.choice else None,
        "accuracy": None,
        "ok": status.ok,
        "path": status.path,
        "choice": one.choice.model_dump(exclude={"fusion"}) if one.choice else None,
    }
