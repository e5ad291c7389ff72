"""``appliance kb``: import, search, check and rebuild the knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.console import err, out, print_facts, print_json, print_rows, progress_bar
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.config import Config
from appliance.knowledge import Knowledge, open_knowledge
from appliance.languages import open_tongue
from appliance.model_set import ModelSet, open_models
from appliance.policy import load_policy
from appliance.store.database import Database
from appliance.store.gaps import SqlGaps
from kb.article import AUDIENCES, REASONS, Article, Visibility
from kb.gaps import find_gaps
from kb.hygiene import Shelf, article_vectors
from kb.hygiene import lint as lint_articles
from kb.ingest import ImportReport
from kb.ranking import Ranking
from kb.sources.suspicion import shown
from kb.tongue import Tongue
from models.questions import question_vectors

app = typer.Typer(help="The knowledge base.", no_args_is_help=True)


@contextmanager
def _open(config: Config, tongue: Tongue | None = None) -> Iterator[tuple[Knowledge, ModelSet, Database]]:
    database = Database(config.database_url)
    try:
        models = open_models(config)
        yield open_knowledge(config, database, models.encoder, tongue=tongue), models, database
    finally:
        database.close()


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Folders of Markdown and HTML, single files, or .jsonl files.")],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Bring the knowledge base level with these files; what they no longer hold is removed. Doing it twice changes nothing."""
    chosen = settings(config, data)
    tongue = open_tongue(chosen, load_policy(chosen.profile))
    with _open(chosen, tongue) as (knowledge, _, _), progress_bar("Import") as progress:
        report = knowledge.add(paths, progress=progress)
    if json:
        print_json(_counts(report))
        return
    for label, notices in (("warning", report.warnings), ("rejected", report.rejected)):
        for notice in notices:
            err.print(f"{label}: {notice}", markup=False, highlight=False, soft_wrap=True)
    waiting = f", {len(report.held)} held" if report.held else ""
    if report.held:
        err.print(
            f"held until an author approves them (look with `appliance kb held`): {', '.join(report.held)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    out.print(
        f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged, {report.removed} removed, "
        f"{len(report.rejected)} rejected{waiting}; {report.passages} passages in {report.seconds:.1f} s.",
        highlight=False,
    )


def _counts(report: ImportReport) -> dict[str, object]:
    """Counts for scripts, and what was rejected or looks odd in full for people."""
    return {
        **asdict(report),
        "rejected": len(report.rejected),
        "rejections": report.rejected,
        "warnings": [str(warning) for warning in report.warnings],
        "seconds": round(report.seconds, 3),
    }


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    top: Annotated[int, typer.Option("--top", min=1, max=100, help="How many passages.")] = 5,
    rerank: Annotated[bool, typer.Option(help="Let the cross-encoder order them, as the line does.")] = True,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """The passages that the line would see for a question, best first. Staff may see every audience."""
    import asyncio

    chosen = settings(config, data)
    with _open(chosen) as (knowledge, models, _):
        [vector] = question_vectors(models.encoder, [text])
        visibility = Visibility(frozenset(AUDIENCES), datetime.now(UTC).date())
        found = knowledge.search.find(text, vector, visibility, limit=max(top, knowledge.pool))

        async def score(pairs: object) -> list[float]:
            return models.reranker.score(pairs).tolist()  # type: ignore[arg-type,no-any-return] # the ranking gives pairs

        ranked, _probability = asyncio.run(
            Ranking(models.fusion, score if rerank else None, depth=max(top, chosen.retrieval.candidates))(text, found)
        )
    rows = [
        {
            "article_id": one.passage.article_id,
            "title": one.title,
            "url": one.url,
            "passage": one.passage.text,
            "score": round(one.score, 4),
        }
        for one in ranked[:top]
    ]
    print_json(rows) if json else print_rows(
        f"“{text}”", [{**row, "passage": str(row["passage"])[:160]} for row in rows]
    )


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of articles.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Take articles out of the knowledge base; an unknown id removes none. A later import of their file brings them back."""
    with _open(settings(config, data)) as (knowledge, _, _):
        removed = knowledge.remove(ids)
    print_json({"removed": removed}) if json else out.print(f"{removed} removed.", highlight=False)


@app.command("held")
def held_(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Articles that wait for an author: text was hidden in their source, or they speak to a model. They are not used before."""
    with _open(settings(config, data)) as (knowledge, _, _):
        waiting = knowledge.articles.held()
    if json:
        print_json([_held(article) for article in waiting])
        return
    rows = [
        {
            "id": article.id,
            "title": shown(article.title),
            "source": article.source,
            "why": "\n".join(f"{REASONS[one.why]}: {one.text}" for one in article.held),
        }
        for article in waiting
    ]
    print_rows("Held", rows)


def _held(article: Article) -> dict[str, object]:
    return {
        "id": article.id,
        "title": shown(article.title),
        "source": article.source,
        "why": list(dict.fromkeys(one.why for one in article.held)),
        "hidden": [{"why": one.why, "text": one.text} for one in article.held],
        "content_hash": article.content_hash(),
    }


@app.command()
def approve(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of held articles.", show_default=False)],
    *,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Let held articles be used as they are now. Changed content is held anew; an unknown id approves none."""
    with _open(settings(config, data)) as (knowledge, _, _):
        approved = knowledge.approve(ids)
    print_json({"approved": approved}) if json else out.print(f"{len(approved)} approved.", highlight=False)


@app.command()
def rebuild(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Make the LanceDB index anew from the articles in SQL; searches go on meanwhile."""
    with _open(settings(config, data)) as (knowledge, _, _), progress_bar("Rebuild") as progress:
        passages = knowledge.rebuild(progress=progress)
        articles = knowledge.articles.count()[0]
    facts = {"articles": articles, "passages": passages}
    print_json(facts) if json else print_facts("Rebuilt", facts)


@app.command()
def lint(*, data: Data = None, profile: Profile = None, config: Settings = None, json: Json = False) -> None:
    """What is wrong with the articles: stale, duplicate, without owner, never shown."""
    chosen = settings(config, data, profile)
    policy = load_policy(chosen.profile)
    tongue = open_tongue(chosen, policy)
    with _open(chosen) as (knowledge, _, _):
        articles = tuple(article for article, _ in knowledge.articles.every())
        _, article_ids, vectors = knowledge.index.vectors()
        findings = lint_articles(
            Shelf(
                articles=articles,
                today=datetime.now(UTC).date(),
                intents=frozenset(intent.name for intent in policy.intents),
                vectors=article_vectors(article_ids, vectors),
                shown={article.id: tongue.shown(article) for article in articles},
                home=tongue.home,
            )
        )
    rows = [
        {"check": one.check, "article_id": one.article_id, "message": one.message, "severity": one.severity}
        for one in findings
    ]
    print_json(rows) if json else print_rows("Findings", rows)


@app.command()
def gaps(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """What customers asked and no article answers, like questions together."""
    with _open(settings(config, data)) as (_, models, database):
        questions = SqlGaps(database).questions()
        found = find_gaps(questions, models.encoder.encode(questions))
    rows = [{"title": gap.title, "count": gap.count, "examples": list(gap.examples)} for gap in found]
    print_json(rows) if json else print_rows("Gaps", rows)
