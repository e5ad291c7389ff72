"""``appliance corrections``: an agent's word on a message's category, kept as a labelled example."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Literal

import typer

from appliance.cli.console import err, out, print_json, print_rows
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.config import Config
from appliance.errors import InputInvalid
from appliance.policy import Policy, load_policy
from appliance.store.corrections import Example, SqlCorrections
from appliance.store.database import Database
from models.training.heads import OUT_OF_SCOPE_LABELS

app = typer.Typer(
    help="What agents say of the classifier's word: labelled examples for the next training.", no_args_is_help=True
)


@contextmanager
def _open(config: Config) -> Iterator[SqlCorrections]:
    database = Database(config.database_url)
    try:
        yield SqlCorrections(database)
    finally:
        database.close()


@app.command()
def add(
    message_id: Annotated[str, typer.Argument(help="Of the customer's message.", show_default=False)],
    *,
    intent: Annotated[
        str,
        typer.Option(
            "--intent", help="What it really is about; the same as before confirms it; out_of_scope: nothing of ours."
        ),
    ],
    urgency: Annotated[
        Literal["low", "normal", "high", "critical"] | None,
        typer.Option(help="How urgent it really is.", show_default=False),
    ] = None,
    needed_person: Annotated[
        bool | None,
        typer.Option("--needed-person/--needed-no-person", help="Did it need a person?", show_default=False),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="Who says so (default: the user of this machine).", show_default=False)
    ] = None,
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Correct or confirm the category of one message. The newest word on a message counts."""
    chosen = settings(config, data, profile)
    _check_intent(load_policy(chosen.profile), intent)
    with _open(chosen) as corrections:
        kept = corrections.add(
            message_id,
            intent=intent,
            urgency=urgency,
            needed_person=needed_person,
            agent=(agent or getuser())[:320],
            now=datetime.now(UTC),
        )
    if json:
        print_json(kept)
        return
    word = "confirmed" if kept.intent_before == kept.intent_after else f"corrected from {kept.intent_before}"
    out.print(f"{kept.message_id}: {kept.intent_after} ({word}).", markup=False, highlight=False)
    out.print("`appliance models train intent --with-corrections` learns from it.", markup=False, highlight=False)


@app.command("list")
def list_(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """The newest word on each message, without the customers' text."""
    with _open(settings(config, data)) as corrections:
        rows = [asdict(one) for one in corrections.newest()]
    print_json(rows) if json else print_rows("Corrections", rows)


@app.command()
def export(
    *,
    train: Annotated[Path, typer.Option("--train", help="CSV file to write: text,intent,urgency.", show_default=False)],
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Write the corrected messages as a training file. It holds what customers wrote: only its owner may read it."""
    with _open(settings(config, data)) as corrections:
        examples = corrections.examples()
    if not examples:
        raise InputInvalid(
            "No message has been corrected yet.", remedy="appliance corrections add MESSAGE_ID --intent X"
        )
    _write(train, examples)
    err.print(
        f"{train} holds what {len(examples)} customers wrote. Only you can read it (mode 0600); delete it when it has served.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if json:
        print_json({"path": str(train), "rows": len(examples)})


def _check_intent(policy: Policy, intent: str) -> None:
    known = [one.name for one in policy.intents]
    if intent not in {*known, *OUT_OF_SCOPE_LABELS}:
        raise InputInvalid(
            f"The profile {policy.name} has no intent {intent!r}.",
            remedy=f"Use one of {', '.join(known)}, out_of_scope.",
        )


def _write(path: Path, examples: Sequence[Example]) -> None:
    """Beside its place and then moved; nobody else can open it at any moment, whatever file stood there before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("text", "intent", "urgency"))
            rows.writerows((one.text, one.intent, one.urgency) for one in examples)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
