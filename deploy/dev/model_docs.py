"""Writes the tables of docs/models.md and deploy/presets/*.env from models/catalog.toml; with --check it only compares.

python deploy/dev/model_docs.py [--check]
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from models.catalog import Catalog, Entry
from models.serving import compose_environment, serve_arguments

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "models.md"
PRESETS = ROOT / "deploy" / "presets"
BEGIN, END = "<!-- {name}: written by deploy/dev/model_docs.py -->", "<!-- end of {name} -->"


def tables(entries: tuple[Entry, ...]) -> dict[str, str]:
    """By the name of the place in the page."""
    presets = [entry for entry in entries if entry.preset]
    finders = [entry for entry in entries if entry.hub and not entry.preset]
    return {
        "presets": "\n".join([_PRESET_HEAD, *(_preset(entry) for entry in presets)]),
        "arguments": "\n\n".join(_arguments(entry) for entry in presets),
        "finders": "\n".join([_FINDER_HEAD, *(_finder(entry) for entry in finders)]),
        "fetch": "```sh\n" + "\n".join(entry.fetch for entry in entries if entry.hub) + "\n```",
    }


_PRESET_HEAD = (
    "| id | model | licence | quantisation | on disk | context | full at once | GPU memory needed | smallest card | hashes known |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
_FINDER_HEAD = (
    "| id | role | model | licence | on disk | on a GPU | on the CPU | dimension | tokens | languages | hashes known |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def _preset(entry: Entry) -> str:
    assert entry.preset is not None
    cells = (
        f"`{entry.id}`",
        entry.source,
        entry.licence,
        entry.quantisation,
        f"{entry.bytes / 1e9:.1f} GB",
        f"{entry.preset.context_tokens:,}",
        str(entry.preset.full_sequences),
        f"{entry.memory_mb:,} MiB",
        f"{entry.gpu_memory_mb:,} MiB",
        _known(entry),
    )
    return f"| {' | '.join(cells)} |"


def _finder(entry: Entry) -> str:
    cells = (
        f"`{entry.id}`",
        entry.role,
        entry.source,
        entry.licence,
        f"{entry.bytes / 1e9:.1f} GB",
        f"{entry.needs_mb(gpu=True):,} MiB",
        f"{entry.needs_mb(gpu=False):,} MiB",
        str(entry.dimension or ""),
        f"{entry.max_tokens:,}",
        "English" if entry.languages == ("en",) else f"{len(entry.languages)}",
        _known(entry),
    )
    return f"| {' | '.join(cells)} |"


def _known(entry: Entry) -> str:
    return "yes" if entry.verified else "no"


def _arguments(entry: Entry) -> str:
    lines = " \\\n  ".join(shlex.quote(argument) for argument in serve_arguments(entry))
    return f"`{entry.id}`: {entry.note}\n\n```sh\nvllm serve {lines}\n```"


def page(text: str, entries: tuple[Entry, ...]) -> str:
    """``text`` with every table written anew. Raises ``ValueError`` when the place of one is missing."""
    for name, table in tables(entries).items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"docs/models.md has no place for {name}")
        text = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return text


def written() -> dict[Path, str]:
    """What each file should hold."""
    entries = Catalog.open().entries
    files = {PRESETS / f"{entry.id}.env": compose_environment(entry) for entry in entries if entry.preset}
    return {PAGE: page(PAGE.read_text("utf-8"), entries)} | files


def main(arguments: list[str]) -> int:
    files = written()
    stale = sorted(set(PRESETS.glob("*.env")) - set(files))
    if "--check" not in arguments:
        PRESETS.mkdir(exist_ok=True)
        for path, text in files.items():
            path.write_text(text, "utf-8")
        for path in stale:
            path.unlink()
        return 0
    wrong = [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text] + stale
    for path in wrong:
        print(
            f"{path.relative_to(ROOT)} is not what the catalogue says. Run: python deploy/dev/model_docs.py",
            file=sys.stderr,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
