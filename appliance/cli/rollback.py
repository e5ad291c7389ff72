"""``appliance models rollback``: bring the previous model back."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from appliance.cli import train_reranker
from appliance.cli.console import out, print_json
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.cli.train_intent import RESTART
from appliance.config import Config
from appliance.heads import intent_shelf, open_revision
from appliance.learned import read_thresholds
from appliance.model_set import open_catalog
from appliance.policy import Policy, load_policy
from appliance.rerankers import open_encoder
from appliance.retraining.lock import training_lock
from models.installed import InUse, Shelf

app = typer.Typer(help="Bring the previous model back.", no_args_is_help=True)
app.command("reranker")(train_reranker.rollback)


@app.command()
def intent(*, profile: Profile = None, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """The intent heads that were in use before the present ones; doing it twice undoes it."""
    chosen = settings(config, data, profile)
    policy = load_policy(chosen.profile)
    shelf = intent_shelf(chosen.data, policy.name, open_catalog(chosen))
    with training_lock(shelf.folder, now=datetime.now(UTC)):
        if previous := shelf.in_use().previous:
            _check_serves(chosen, policy, shelf, previous)
        now = shelf.roll_back()
    if json:
        print_json({"active": now.active, "previous": now.previous, "risk_budget_in_force": now.budget})
        return
    out.print(
        f"{now.active} is in use again, in place of {now.previous}. {_given_up(now)}{RESTART}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _given_up(now: InUse) -> str:
    if now.budget is not None or now.previous_budget is None:
        return ""
    return f"The risk budget of {now.previous_budget:.1%} is given up with it. "


def _check_serves(config: Config, policy: Policy, shelf: Shelf, revision: str) -> None:
    """Would the appliance start with it? Raises ``ModelRefused`` or ``ConfigInvalid`` where not, before anything is switched."""
    catalog = open_catalog(config)
    encoder = open_encoder(config, catalog)
    folder, classifier = open_revision(shelf, policy.name, revision, encoder.revision, catalog)
    for name in classifier.intents:
        policy.intent(name)
    if learned := read_thresholds(folder):
        policy.with_learned(learned, revision=classifier.revision)
