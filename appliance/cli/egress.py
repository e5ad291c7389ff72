"""``appliance egress``: what left, whether the ledger is whole, and the kill switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.console import out, print_facts, print_json, print_rows
from appliance.cli.options import Data, Json, Profile, Settings, back, settings
from appliance.config import Config
from appliance.egress.anchor import Anchor
from appliance.egress.export import export as write_export
from appliance.egress.ledger import Ledger, departures
from appliance.egress.reanchor import reanchor as begin_anchor
from appliance.egress.status import status as status_of
from appliance.egress.switch import KillSwitch, pull
from appliance.egress.verify import Report
from appliance.egress.verify import verify as verify_ledger
from appliance.errors import ConfigInvalid
from appliance.store.database import Database
from appliance.store.ledger import SqlLedger

app = typer.Typer(help="What left the building, proof of it, and the kill switch.", no_args_is_help=True)

Since = Annotated[
    str | None,
    typer.Option(help="How far back: a number and d, h or w; unsaid: from the first row.", show_default=False),
]
Why = Annotated[str, typer.Option("--why", help="Stands in the ledger.")]
_SHOWN = ("sequence", "at", "message_id", "rule", "host", "model", "bytes", "masked", "status", "money")


@app.command()
def ledger(*, since: Since = None, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Every request that left, oldest first, and what became of it."""
    moment = datetime.now(UTC) - back(since) if since else None
    with _looking(settings(config, data)) as rows:
        found: list[dict[str, object]] = []
        if rows is not None and rows.exists():
            with rows.reading() as book:
                found = departures(book, moment)
    if json:
        print_json(found)
    else:
        print_rows("Left the building", [{name: row.get(name, "") for name in _SHOWN} for row in found])


@app.command()
def verify(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Is the ledger as it was written? Ends with 1, and says where it breaks, when not. Reads only; works while serving."""
    chosen = settings(config, data)
    with _looking(chosen) as rows:
        report = verify_ledger(rows, Anchor(chosen.egress_anchor))
    if json:
        print_json({"intact": report.intact, **asdict(report)})
    else:
        _tell(report)
    if not report.intact:
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A .jsonl or .csv file.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Every row with its hashes, for somebody who checks them without the appliance (docs/egress.md)."""
    with _looking(settings(config, data)) as rows:
        if rows is not None and rows.exists():
            with rows.reading() as book:
                written = write_export(book.every(), file)
        else:
            written = write_export((), file)
    if json:
        print_json({"file": str(file), "rows": written})
    else:
        out.print(f"{written} rows written to {file}.", markup=False, soft_wrap=True)


@app.command()
def status(*, profile: Profile = None, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Off or on, which provider, which rules, what is left of the budget, how the switch stands."""
    chosen = settings(config, data, profile)
    with _looking(chosen) as rows:
        facts = status_of(chosen, rows, now=datetime.now(UTC))
    print_json(facts) if json else print_facts("Egress", facts)


@app.command()
def off(*, why: Why = "", data: Data = None, config: Settings = None) -> None:
    """Kill switch: nothing is sent any more, and what is under way is cancelled within a second, also by an appliance that is serving."""
    chosen = settings(config, data)
    _there(chosen)
    pull(chosen.egress_brake)  # before the database is opened: it may be locked, or full
    with _writing(chosen) as (_, switch):
        switch.off(who=getuser(), why=why)
    out.print(f"Off: nothing leaves from {chosen.data.resolve()}.", markup=False, soft_wrap=True)


@app.command()
def on(*, why: Why = "", data: Data = None, config: Settings = None) -> None:
    """Allow again what the settings and the policy allow."""
    chosen = settings(config, data)
    _there(chosen)
    with _writing(chosen) as (_, switch):
        switch.on(who=getuser(), why=why, enabled=chosen.hosted.enabled)
    out.print("On: what the policy allows may leave.")


@app.command()
def reanchor(
    *,
    why: Annotated[str, typer.Option("--why", help="Stands in the ledger; needed.")],
    data: Data = None,
    config: Settings = None,
) -> None:
    """Begin a new anchor after an explained break, such as a restored backup; the old one is kept."""
    chosen = settings(config, data)
    _there(chosen)
    with _writing(chosen) as (opened, _):
        kept = begin_anchor(opened, who=getuser(), why=why, now=datetime.now(UTC))
    out.print(f"A new anchor was begun.{f' The old one is {kept}.' if kept else ''}", markup=False, soft_wrap=True)


def _there(config: Config) -> None:
    """Raises ``ConfigInvalid`` where no appliance is: a switch turned in another folder stops nothing, and would say that it did."""
    url = config.database_url
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else config.data
    if not file.exists():
        raise ConfigInvalid(
            f"There is no appliance in {config.data.resolve()}: nothing was turned.",
            remedy="Say with --data (or APPLIANCE_DATA) where the data directory of the appliance is that is to be stopped.",
        )


def _tell(report: Report) -> None:
    last = f"{report.rows} rows, the last one {report.last_sequence}; the anchor knows row {report.anchored}"
    if report.intact:
        out.print(f"Intact: {last}.", highlight=False)
        return
    out.print(f"BROKEN: {last}.", highlight=False)
    print_rows("Breaks", [asdict(one) for one in report.breaks])


@contextmanager
def _looking(config: Config) -> Iterator[SqlLedger | None]:
    """The ledger for reading; None when there is no database yet."""
    url = config.database_url
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        yield None
        return
    database = Database.look(url)
    try:
        yield SqlLedger(database)
    finally:
        database.close()


@contextmanager
def _writing(config: Config) -> Iterator[tuple[Ledger, KillSwitch]]:
    database = Database(config.database_url)
    try:
        ledger = Ledger(database, config.egress_anchor, now=lambda: datetime.now(UTC))
        yield ledger, KillSwitch(ledger, config.egress_brake)
    finally:
        database.close()
