"""``appliance models train intent``: fit intent heads on your own tickets, here, and use them if they are better."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from appliance.cli.console import err, print_json, print_rows
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.config import Config
from appliance.model_set import open_catalog
from appliance.policy import load_policy
from appliance.rerankers import open_encoder
from appliance.retraining.encoding import Advance
from appliance.retraining.intents import Order, train_intents
from appliance.store.corrections import Example, SqlCorrections
from appliance.store.database import Database

_SHOWN = (
    "accuracy",
    "macro_f1",
    "ece",
    "coverage@0.7",
    "accuracy@0.7",
    "oos_auroc",
    "urgency_accuracy",
    "unsafe",
    "needless",
)
RESTART = "A running `appliance up` takes it up at its next start."


def intent(
    *,
    train: Annotated[
        list[Path] | None,
        typer.Option(
            "--train", help="CSV with the header text,intent[,urgency]; may be given several times.", show_default=False
        ),
    ] = None,
    heldout: Annotated[
        Path | None,
        typer.Option(
            "--heldout",
            help="CSV to compare on, never trained on (default: one text in five of the others).",
            show_default=False,
        ),
    ] = None,
    with_corrections: Annotated[
        bool, typer.Option("--with-corrections", help="Add what agents corrected; their word goes before the files'.")
    ] = False,
    with_shipped: Annotated[
        bool, typer.Option("--with-shipped", help="Add the texts that ship for this profile; your rows go before them.")
    ] = False,
    risk_budget: Annotated[
        float | None,
        typer.Option(
            "--risk-budget",
            min=0.001,
            max=0.5,
            help="Largest share of unsafe automatic answers: thresholds an intent are learnt for it.",
            show_default=False,
        ),
    ] = None,
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Train intent heads here and install them beside those in use; they are used only if they are better on held-out rows."""
    if not train and not with_corrections and not with_shipped:
        raise typer.BadParameter("give --train CSV, --with-corrections or --with-shipped", param_hint="--train")
    chosen = settings(config, data, profile)
    order = Order(
        train=tuple(train or ()),
        heldout=heldout,
        corrections=_corrections(chosen) if with_corrections else (),
        shipped=with_shipped,
        risk_budget=risk_budget,
    )
    policy = load_policy(chosen.profile)
    encoder = open_encoder(chosen, open_catalog(chosen))
    with _bar() as advance:
        found = train_intents(chosen, policy, encoder, order, now=datetime.now(UTC), advance=advance)
    print_json(found) if json else _show(found)


def _corrections(config: Config) -> list[Example]:
    database = Database(config.database_url)
    try:
        return SqlCorrections(database).examples()
    finally:
        database.close()


def _show(found: dict[str, Any]) -> None:
    rows, before, after = found["rows"], found["before"] or {}, found["after"] or {}
    if after:
        print_rows(
            f"{rows['held_out']} held-out rows ({rows['held_out_from']})",
            [{"figure": name, "in_use": before.get(name), "new": after.get(name)} for name in _SHOWN],
        )
    if found["notice"]:
        typer.echo(found["notice"], err=True)
    typer.echo(
        f"{rows['fitted']} rows fitted in {found['seconds']} s; {rows['duplicates']} said a text again, {rows['twins']} nearly so; "
        f"{rows['corrections_left_out']} corrections left out, whose intent this profile has not."
    )
    typer.echo(found["reason"])
    _show_budget(found)
    if found["result"] == "installed":
        typer.echo(f"{found['candidate']} is in use from now on. {RESTART}")
        if found["previous"]:
            typer.echo(f"`appliance models rollback intent` brings back: {found['previous']}.")
    else:
        typer.echo(
            f"Still in use: {found['active'] or 'nothing'}. The new one lies beside it, not used: {found['folder']}"
        )


def _show_budget(found: dict[str, Any]) -> None:
    """What the risk budget did: nothing, or a threshold an intent and tier, with what the held-out rows prove of it."""
    asked, rows = found["risk_budget"], found["thresholds"]
    if asked is None:
        return
    if found["risk_budget_in_force"] != asked:
        typer.echo(
            f"No thresholds were learnt for the risk budget of {asked:.1%}: no rows are held out. Give some with --heldout.",
            err=True,
        )
        return
    columns = ("tier", "intent", "threshold", "bound", "missing", "declared")
    print_rows(f"Thresholds for a risk budget of {asked:.1%}", [{name: row[name] for name in columns} for row in rows])
    typer.echo("No threshold: a person gets the tickets of that intent, until so many more held-out rows are there.")
    for row in rows:
        if row["over_budget"]:
            typer.echo(
                f"Warning: the profile's own threshold {row['threshold']:.2f} for {row['intent']} ({row['tier']}) goes before the "
                f"budget, and up to {row['bound']:.1%} of its answers may be unsafe. Remove it from the profile to learn one.",
                err=True,
            )
    if not found["rows"]["held_out_from"].startswith("the file"):
        typer.echo(
            "The thresholds are proven for the head that was fitted without the held-out rows, so that head is the one for use. "
            "With --heldout CSV all other rows are fitted, and the proof holds for that head."
        )


@contextmanager
def _bar() -> Iterator[Advance]:
    """A bar on standard error, silent when that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("Texts read", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
