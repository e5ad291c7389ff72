"""What every benchmark can be told, and how it tells what it found."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from appliance.cli.console import err
from appliance.evaluation.datasets import read_questions
from models.cores import physical_cores
from models.telemetry import switch_off

_TORCH_PYTHON = Path(__file__).parent.parent / ".venv-train" / "bin" / "python"
_QUESTIONS = Path(__file__).parent.parent / "tests" / "data" / "questions" / "saas.jsonl"


@dataclass(frozen=True, slots=True)
class Options:
    """``kb`` and ``questions`` are what is imported and asked; ``seconds`` how long load lasts; ``venv`` what is weighed;
    ``torch_python`` an interpreter that has sentence-transformers."""

    kb: Path
    questions: tuple[str, ...]
    seconds: float
    venv: Path | None
    torch_python: Path | None = None


def parse(description: str, arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kb", type=Path, help="articles: .jsonl or a folder (default: the starter articles of saas)")
    parser.add_argument(
        "--questions", type=Path, help="JSON lines with question and title (default: those of the tests)"
    )
    parser.add_argument("--count", type=int, default=20, help="how many of the questions are asked (default 20)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long 16 clients ask (default 15)")
    parser.add_argument("--venv", type=Path, help="an environment with the default install, to be weighed")
    parser.add_argument(
        "--torch-python",
        type=Path,
        default=_TORCH_PYTHON if _TORCH_PYTHON.is_file() else None,
        help="an interpreter with the extra `train`, to compare with (default: that of .venv-train, if there)",
    )
    given = parser.parse_args(arguments)
    kb = given.kb or Path(str(resources.files("kb") / "starter" / "saas"))
    asked = read_questions(given.questions or _QUESTIONS)
    step = max(1, len(asked) // max(1, given.count))  # from all over the file: its order may be by subject
    questions = tuple(one.text[:2_000] for one in asked[::step][: given.count])
    return Options(kb, questions, given.seconds, given.venv, given.torch_python)


def machine() -> dict[str, Any]:
    """Where the figures come from; without it they mean nothing."""
    return {
        "processor": _processor(),
        "cores": physical_cores(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "onnxruntime": metadata.version("onnxruntime"),
    }


def run(description: str, measured: Callable[[Options], dict[str, Any]], arguments: list[str] | None = None) -> None:
    """Parse, measure, print. The entry of every module of this package."""
    switch_off()
    options = parse(description, arguments)
    figures = {"machine": machine(), "kb": options.kb.name, "questions": len(options.questions)} | measured(options)
    show(figures)


def show(figures: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("figure", "value", title="Benchmarks", title_justify="left")
    for name, value in _flat(figures, ""):
        table.add_row(name, str(value))
    err.print(table)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _flat(figures: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return rows


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
