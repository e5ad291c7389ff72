"""``appliance models add``: take in a model that was carried here, and lock it so that no other can be loaded in its place."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.console import out, print_json
from appliance.cli.options import Data, Json, Settings, settings
from appliance.model_set import open_catalog
from models.catalog_add import Added
from models.catalog_add import add as add_model
from models.catalog_progress import Meter


def add(
    model: Annotated[
        str, typer.Argument(metavar="ID", help="The model's id in the catalogue: `appliance models list`.")
    ],
    folder: Annotated[Path, typer.Argument(help="The folder with its files; it stays where it is.")],
    *,
    revision: Annotated[
        str, typer.Option("--revision", help="The commit that was fetched, where nothing in the folder says it.")
    ] = "",
    expect: Annotated[
        Path | None,
        typer.Option(
            "--expect",
            help="The lock that the connected machine made (`python -m models.catalog lock`, or sha256sum): what differs is refused.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Check a model's folder, hash every file and lock it; later anything that differs is refused."""
    chosen = settings(config, data)
    with Meter(sys.stderr) as meter:
        added = add_model(
            open_catalog(chosen),
            model,
            folder,
            data=chosen.data,
            now=datetime.now(UTC),
            revision=revision,
            expect=expect,
            progress=meter,
        )
    print_json(_document(added)) if json else _show(added)


def _document(added: Added) -> dict[str, object]:
    return {
        "id": added.lock.id,
        "revision": added.lock.revision,
        "folder": added.lock.folder,
        "files": len(added.lock.files),
        "bytes": added.lock.bytes,
        "licence": added.licence,
        "compared": list(added.compared),
        "lock": str(added.path),
    }


def _show(added: Added) -> None:
    lock = added.lock
    agree = (
        "; ".join(added.compared)
        or "nothing: no --expect was given and the catalogue has no hashes, so this lock trusts the folder, its revision included"
    )
    out.print(f"Added {lock.id}, revision {lock.revision}: {len(lock.files)} files, {lock.bytes} bytes", markup=False)
    out.print(f"  folder   {lock.folder}", markup=False)
    out.print(f"  licence  {added.licence}", markup=False)
    out.print(f"  agrees   {agree}", markup=False)
    out.print(f"  lock     {added.path}", markup=False)
