"""Writes docs/cli.md from the command's own help; with --check it only says whether that file is up to date.

python deploy/dev/cli_docs.py [--check]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
HEAD = """# The command `appliance`

Written by `make docs` from the command's own help; do not edit.

Every `--json` prints one JSON document on standard output and nothing else there; progress and logs go to standard error.
Exit codes: 0 done, 1 the job failed (the message says what and what to do), 2 wrong arguments.
"""


def commands(command: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, help) of a command and all below it, depth first."""
    context = command.make_context(path, [], resilient_parsing=True)
    yield path, command.get_help(context)
    for name in getattr(command, "commands", {}):
        yield from commands(command.commands[name], f"{path} {name}")


def page() -> str:
    os.environ["COLUMNS"] = "80"  # help is wrapped to the terminal's width: the page must not depend on whose it was
    os.environ["TERM"] = "dumb"
    from typer.main import get_command

    from appliance.cli.main import app

    parts = [f"## {path}\n\n```text\n{text.strip()}\n```\n" for path, text in commands(get_command(app), "appliance")]
    return "\n".join([HEAD, *parts])


def main(arguments: list[str]) -> int:
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    print("docs/cli.md is not what the commands say of themselves. Run: make docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
