"""``appliance customers``: what the CRM says of a customer, and what is kept of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.cli.console import print_facts, print_json
from appliance.cli.options import Data, Json, Settings, settings
from appliance.config import Config
from appliance.crm.book import Book, Standing
from appliance.crm.opening import open_connector
from appliance.customers import Customer
from appliance.errors import CrmDown
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database

app = typer.Typer(help="Customers and their tiers.", no_args_is_help=True)


@app.callback()
def about() -> None:
    """Customers and their tiers."""


@app.command()
def look(
    key: Annotated[str, typer.Argument(help="E-mail address, or the host page's id.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Ask the CRM who that is, and show what is kept. Nothing is changed. Ends with 1 when the CRM is down."""
    chosen = settings(config, data)
    kept = _kept(chosen, key)
    asked = _asked(chosen, key, kept)
    document = {"key": key, "crm": asked, "kept": _document(kept)}
    print_json(document) if json else print_facts("Customer", document)
    if asked["state"] == "down":
        raise typer.Exit(1)


def _kept(config: Config, key: str) -> Customer | None:
    """The row of the customer table; read-only, beside a running appliance."""
    url = config.database_url
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    database = Database.look(url)
    try:
        return SqlCustomers(database).known_as(key)
    finally:
        database.close()


def _asked(config: Config, key: str, kept: Customer | None) -> dict[str, Any]:
    """``state``: none (no CRM), found, absent or down (with ``why``)."""
    connector = open_connector(config)
    if connector is None:
        return {"state": "none"}
    book = Book(config.crm, connector, clock=time.monotonic, observe=lambda _: None)
    by_mail = "@" in key
    try:
        said = book.ask(
            id=(kept.external_id if kept else "") or ("" if by_mail else key),
            email=(kept.email if kept else "") or (key.lower() if by_mail else ""),
            within_s=config.crm.timeout_s + 1,
            keep=_nowhere,
        )
    except CrmDown as fault:
        return {"state": "down", "why": fault.message, "remedy": fault.remedy}
    finally:
        book.close()
    if not said.listed:
        return {"state": "absent", "tier": said.tier}
    return {"state": "found", "tier": said.tier, "name": said.name}


def _nowhere(_: Standing) -> None:
    """Looking changes nothing."""


def _document(kept: Customer | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    age = None if kept.crm_at is None else round((datetime.now(UTC) - kept.crm_at).total_seconds(), 1)
    return {
        "id": kept.id,
        "external_id": kept.external_id or None,
        "email": kept.email or None,
        "name": kept.name,
        "tier": kept.tier,
        "listed": kept.listed,
        "crm_age_s": age,
    }
