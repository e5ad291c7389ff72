"""``appliance models choose``: measure on your own data whether a model earns its place, and record it."""

from __future__ import annotations

import typer

from appliance.cli import train_reranker

app = typer.Typer(help="Measure whether a model earns its place here, and record it.", no_args_is_help=True)


@app.callback()
def about() -> None:
    """Keeps the name of the model a word of its own, so that there can be others."""


app.command("reranker")(train_reranker.choose)
