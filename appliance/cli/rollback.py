"""``appliance models rollback``: bring the previous model back."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from appliance.cli import train_reranker
from appliance.cli.console import out, print_json
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.cli.train_intent import RESTART
from appliance.heads import intent_shelf
from appliance.model_set import open_catalog
from appliance.policy import load_policy
from appliance.retraining.lock import training_lock

app = typer.Typer(help="Bring the previous model back.", no_args_is_help=True)
app.command("reranker")(train_reranker.rollback)


@app.command()
def intent(*, profile: Profile = None, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """The intent heads that were in use before the present ones; doing it twice undoes it."""
    chosen = settings(config, data, profile)
    shelf = intent_shelf(chosen.data, load_policy(chosen.profile).name, open_catalog(chosen))
    with training_lock(shelf.folder, now=datetime.now(UTC)):
        now = shelf.roll_back()
    if json:
        print_json({"active": now.active, "previous": now.previous})
        return
    out.print(
        f"{now.active} is in use again, in place of {now.previous}. {RESTART}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
