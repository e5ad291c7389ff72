"""``appliance models train``: one command a model that can be trained on this machine."""

from __future__ import annotations

import typer

from appliance.cli import train_intent, train_reranker

app = typer.Typer(help="Train a model on your own data, here.", no_args_is_help=True)
app.command("intent")(train_intent.intent)
app.command("reranker")(train_reranker.train)
