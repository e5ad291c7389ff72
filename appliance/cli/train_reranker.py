"""``appliance models train|choose|rollback reranker``: a reranker for your own questions, used only if it earns its place."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.console import err, out, print_json, print_rows, progress_bar
from appliance.cli.options import Data, Json, Settings, settings
from appliance.retraining.child import ends_in_order
from appliance.retraining.choosing import choose_reranker, roll_back
from appliance.retraining.reranker import Task, train_reranker

RESTART = "A running `appliance up` takes it up at its next start."
Kb = Annotated[
    list[Path] | None,
    typer.Option(
        "--kb",
        help="Articles: .jsonl or a folder; may be given several times. Left out: those of this installation.",
        show_default=False,
    ),
]


def train(
    *,
    pairs: Annotated[Path, typer.Option("--pairs", help="JSON lines: id, question[, title], gold_ids.")],
    kb: Kb = None,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, max=1_440, help="Stop training after this long.")
    ] = 30,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Train the reranker on your own history, and use it only if it beats both what runs and the search alone. Needs the extra "train"."""
    with ends_in_order(), progress_bar("Import") as progress:
        outcome = train_reranker(
            settings(config, data),
            Task(pairs, tuple(kb or ()), minutes),
            now=datetime.now(UTC),
            say=_say,
            progress=progress,
        )
    if json:
        print_json(asdict(outcome))
        return
    _table(outcome.figures, f"On {outcome.questions['judged_on']} questions kept aside")
    _tell(outcome.reason)
    if outcome.installed:
        _tell(f"{outcome.revision} is in use. {RESTART} Back again: appliance models rollback reranker")
    else:
        _tell(f"{outcome.in_use} stays in use; nothing was changed.")


def choose(
    *,
    questions: Annotated[Path, typer.Option("--questions", help="JSON lines: id, question[, title], gold_ids.")],
    kb: Kb = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Measure the search with and without the reranker in use on your own questions, fit the order to them, and record which is used."""
    with progress_bar("Import") as progress:
        chosen = choose_reranker(
            settings(config, data), questions, tuple(kb or ()), now=datetime.now(UTC), progress=progress
        )
    choice = chosen.choice
    if json:
        facts = choice.model_dump(exclude={"fusion"})
        print_json({**facts, "certainty": chosen.certainty, "unknown": chosen.unknown, "trained_on": chosen.trained_on})
        return
    _table(choice.figures, f"On {choice.questions} questions, five-fold")
    if chosen.unknown or chosen.trained_on:
        _tell(f"Left out: {chosen.unknown} whose article is unknown here, {chosen.trained_on} that it was trained on.")
    _tell(f"Recorded: {choice.summary}. {RESTART} Back again: appliance models rollback reranker")


def rollback(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Take the last choice for the models in use back; without one, the reranker before the present one, and twice undoes that."""
    now = roll_back(settings(config, data), now=datetime.now(UTC))
    if json:
        print_json({name: value for name, value in asdict(now).items() if name != "order" or value})
        return
    if now.order:
        _tell(f"The last choice is taken back. Now: {now.order}. {RESTART}")
        return
    _tell(f"{now.active} is in use again, in place of {now.previous}. {RESTART}")


def _table(figures: dict[str, dict[str, float]], title: str) -> None:
    print_rows(title, [{"order": name.replace("_", " "), **values} for name, values in figures.items()])


def _tell(line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def _say(line: str) -> None:
    err.print(line, markup=False, highlight=False, soft_wrap=True)
