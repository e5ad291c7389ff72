"""What commands print: one JSON document for machines on standard output, tables for people; progress and faults on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from kb.ingest import Progress as Report
from kb.ingest import Stage

out = Console()
err = Console(stderr=True)


def print_json(document: object) -> None:
    """One document, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False, indent=2) + "\n")


def print_rows(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """A table whose columns are the keys of the first row."""
    if not rows:
        out.print(f"{title}: none.")
        return
    table = Table(title=title, title_justify="left", show_lines=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=name == "id")  # an id is there to be copied
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    out.print(table)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Names and values, one a line; nested ones are flattened."""
    print_rows(title, [{"figure": name, "value": value} for name, value in _flat(facts)])


def complain(message: str, remedy: str = "") -> None:
    """Say what is wrong and what to do, in plain words."""
    err.print(f"[bold red]appliance:[/] {escape(message)}", soft_wrap=True)
    if remedy:
        err.print(f"  {escape(remedy)}", soft_wrap=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Report]:
    """A bar on standard error, silent when that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        tasks: dict[Stage, Any] = {}

        def show(stage: Stage, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(f"{label}: {stage}", total=None)
            bar.update(tasks[stage], completed=done, total=total or None)

        yield show


def _flat(facts: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
