"""The entry: puts the commands together and turns every fault into words."""

from __future__ import annotations

import logging
import os
import sys

import typer

from appliance import __version__
from appliance.cli import (
    access,
    ask,
    corrections,
    customers,
    doctor,
    egress,
    evaluate,
    handoffs,
    kb,
    mail,
    models,
    report,
    up,
    webhooks,
)
from appliance.cli.console import complain
from appliance.errors import ApplianceFault
from kb.errors import KnowledgeFault
from models.errors import ModelFault
from models.telemetry import switch_off

app = typer.Typer(
    name="appliance",
    help="Answers support tickets from your own knowledge base with local models, and hands over to a person when it should.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up.up)
app.command()(ask.ask)
app.add_typer(kb.app, name="kb")
app.add_typer(evaluate.app, name="eval")
app.command()(handoffs.handoffs)
app.add_typer(corrections.app, name="corrections")
app.command()(report.report)
app.add_typer(models.app, name="models")
app.add_typer(egress.app, name="egress")
app.add_typer(mail.app, name="mail")
app.add_typer(access.app, name="access")
app.add_typer(customers.app, name="customers")
app.add_typer(webhooks.app, name="webhooks")
app.command()(doctor.doctor)


@app.callback(invoke_without_command=True)
def about(*, version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Run before any command."""
    if version:
        typer.echo(f"appliance {__version__}")
        raise typer.Exit


def run() -> None:
    """Exit codes: 0 done, 1 the job failed (the message says what and what to do), 2 wrong arguments."""
    switch_off()
    logging.basicConfig(level=_log_level(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        app()
    except (ApplianceFault, ModelFault, KnowledgeFault) as fault:
        complain(fault.message, fault.remedy)
        sys.exit(1)
    except BrokenPipeError:
        os._exit(0)  # whoever read our output has gone; there is nobody left to tell
    except OSError as error:
        complain(
            f"{error.filename or 'A file'}: {error.strerror or error}.",
            "Check the path, its permissions and the free space.",
        )
        sys.exit(1)


def _log_level() -> str:
    level = os.environ.get("APPLIANCE_LOG", "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        complain(
            f"APPLIANCE_LOG is {level!r}, which is no level of the log.",
            "Set it to DEBUG, INFO, WARNING, ERROR or CRITICAL, or leave it out.",
        )
        sys.exit(2)
    return level
