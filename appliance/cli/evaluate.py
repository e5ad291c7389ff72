"""``appliance eval``: measure on data of your own, in a throw-away data directory unless ``--data`` is given."""

from __future__ import annotations

import asyncio
import json as json_lines
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from appliance.bootstrap import Appliance, open_appliance
from appliance.cli import evaluate_mask
from appliance.cli import evaluate_writers as writers
from appliance.cli.console import err, print_facts, print_json, progress_bar
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.config import Config
from appliance.evaluation import answers as answering
from appliance.evaluation import floors as sweeping
from appliance.evaluation import guard as guarding
from appliance.evaluation import intent as classifying
from appliance.evaluation import retrieval as searching
from appliance.evaluation import routing as routes
from appliance.evaluation.datasets import read_guard_cases, read_labelled, read_questions
from appliance.evaluation.neutral import neutral_desk
from appliance.evaluation.stock import Stock, data_directory, stock
from appliance.ticket import Tier

app = typer.Typer(help="Measure retrieval, intents, routing, answers, the guard and masking.", no_args_is_help=True)

Kb = Annotated[
    list[Path] | None,
    typer.Option(
        "--kb",
        help="Articles: .jsonl or a folder; may be given several times. Left out: those of --data.",
        show_default=False,
    ),
]
Questions = Annotated[Path, typer.Option("--questions", help="JSON lines: id, question, title, gold_ids.")]
_RERANK = {None: True, True: "always", False: False}
Measured = Callable[[Appliance, Stock], Awaitable[dict[str, Any]]]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many.", show_default=False)]


@app.command()
def retrieval(
    *,
    questions: Questions,
    kb: Kb = None,
    rerank: Annotated[
        bool | None,
        typer.Option(help="With the cross-encoder or without it; unsaid: as the line does here.", show_default=False),
    ] = None,
    limit: Limit = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Is the right article found, and at which place? hit@k, MRR, milliseconds of a search."""
    asked = read_questions(questions)[:limit]

    async def measured(appliance: Appliance, stocked: Stock) -> dict[str, Any]:
        with _bar("Questions") as advance:
            return await searching.measure(appliance.desk, appliance.knowledge, asked, stocked, advance=advance)

    with data_directory(_checked(kb, data)) as folder:
        chosen = _config(config, folder, thrown_away=data is None)
        chosen = _with(chosen, "retrieval", {"rerank": _RERANK[rerank]})
        _show("Retrieval", asyncio.run(_on_stock(chosen, kb, measured)), json)


@app.command()
def intent(
    *,
    train: Annotated[Path, typer.Option("--train", help="CSV with the header text,category.")],
    test: Annotated[Path, typer.Option("--test", help="CSV with the header text,category.")],
    out_of_scope: Annotated[
        Path | None, typer.Option("--out-of-scope", help="CSV of texts that belong to no category.", show_default=False)
    ] = None,
    charts: Annotated[
        Path | None,
        typer.Option("--charts", help="Folder for reliability.svg and confusion.svg.", show_default=False),
    ] = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Train intent heads on the shipped encoder and see how right, how well calibrated and how fast they are."""
    sets = (
        read_labelled(train),
        read_labelled(test, several=False),
        read_labelled(out_of_scope, several=False) if out_of_scope else None,
    )
    _show("Intent", classifying.measure(settings(config, data), *sets, charts=charts), json)


@app.command()
def routing(
    *,
    cases: Annotated[Path, typer.Option("--cases", help="CSV with the header text,intent[,urgency].")],
    tier: Annotated[Tier, typer.Option("--tier", help="The customers' tier.")] = "free",
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Who would get an answer and who a person? Unsafe and unnecessary routes on labelled tickets, with the heads in use."""
    with data_directory(data) as folder:
        chosen = _config(config, folder, thrown_away=data is None, profile=profile)
        _show("Routing", routes.measure(chosen, cases, tier=tier), json)


@app.command()
def answers(
    *,
    questions: Questions,
    kb: Kb = None,
    synthesizer: Annotated[
        Literal["quote", "vllm", "hosted"],
        typer.Option(help="Who writes the draft; hosted: by way of gate, mask and ledger, but on this machine."),
    ] = "quote",
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Of the model server (vllm: default as in the settings; hosted: loopback).", show_default=False
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="That the server serves.", show_default=False)] = None,
    mask: Annotated[
        bool | None, typer.Option(help="hosted: under the mask (default) or not, to see its price.", show_default=False)
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the server's key; otherwise APPLIANCE_VLLM_API_KEY.", show_default=False),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(help="Write one JSON line a question: draft, reply, citations, verdicts.", show_default=False),
    ] = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Instead: what each floor (thresholds.answerable) would answer and leave to people."
        ),
    ] = False,
    limit: Limit = None,
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """What leaves for these questions? Without --profile nothing is classified: the knowledge base is no shipped profile's."""
    if sweep and records:
        raise typer.BadParameter(
            "a sweep keeps no records: they would be of answers that no floor stopped", param_hint="--sweep"
        )
    asked = read_questions(questions)[:limit]
    synthesis, server = writers.chosen(synthesizer, base_url, model, api_key_file, mask=mask)

    with data_directory(_checked(kb, data)) as folder, _recorder(records) as keep:

        async def measured(appliance: Appliance, _stocked: Stock) -> dict[str, Any]:
            own = appliance.desk if profile else neutral_desk(appliance.desk)
            await writers.probe(own.ladder[0])
            async with writers.asking(appliance, own, server) as desk:
                with _bar("Questions") as advance:
                    if sweep:
                        return await sweeping.measure(desk, appliance.knowledge, asked, advance=advance)
                    return await answering.measure(desk, appliance.knowledge, asked, keep=keep, advance=advance)

        chosen = _with(_config(config, folder, thrown_away=data is None, profile=profile), "synthesis", synthesis)
        _show("Answers", asyncio.run(_on_stock(chosen, kb, measured)), json)


@app.command()
def guard(
    *,
    cases: Annotated[Path, typer.Option("--cases", help="JSON lines: passages, draft, supported.")],
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Do the gates catch invented drafts and let borne-out ones pass?"""
    given = read_guard_cases(cases)

    async def measured(chosen: Config) -> dict[str, Any]:
        async with open_appliance(chosen) as appliance:
            with _bar("Cases") as advance:
                return await guarding.measure(appliance.desk, given, advance=advance)

    with data_directory(data) as folder:
        _show("Guard", asyncio.run(measured(_config(config, folder, thrown_away=data is None))), json)


app.command()(evaluate_mask.mask)


async def _on_stock(config: Config, kb: Sequence[Path] | None, measured: Measured) -> dict[str, Any]:
    """Import, warn of what was rejected, measure."""
    async with open_appliance(config) as appliance:
        with progress_bar("Import") as progress:
            stocked = await asyncio.to_thread(stock, appliance.knowledge, kb or (), progress=progress)
        for rejected in stocked.rejected:
            err.print(f"rejected: {rejected}", markup=False, highlight=False, soft_wrap=True)
        return await measured(appliance, stocked)


def _config(file: Path | None, folder: Path, *, thrown_away: bool, profile: str | None = None) -> Config:
    """Settings on ``folder``. A throw-away run never touches the database that a settings file names."""
    return settings(file, folder, profile, database={} if thrown_away else None)


def _with(config: Config, section: str, values: Mapping[str, object]) -> Config:
    """The settings with some of one section's as the command line says; the options have checked them."""
    return config.model_copy(update={section: getattr(config, section).model_copy(update=values)})


def _checked(kb: Sequence[Path] | None, data: Path | None) -> Path | None:
    if not kb and data is None:
        raise typer.BadParameter("give the articles, or --data with a directory that holds some", param_hint="--kb")
    return data


@contextmanager
def _recorder(file: Path | None) -> Iterator[answering.Keep]:
    if file is None:
        yield answering.forget
        return
    with file.open("w", encoding="utf-8") as lines:

        def keep(answer: answering.Answer) -> None:
            lines.write(json_lines.dumps(answering.record(answer), ensure_ascii=False) + "\n")
            lines.flush()

        yield keep


@contextmanager
def _bar(label: str) -> Iterator[searching.Advance]:
    """A bar on standard error, silent when that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(title: str, figures: dict[str, Any], json: bool) -> None:
    print_json(figures) if json else print_facts(title, figures)
