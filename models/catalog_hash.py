"""Writes the hashes and revisions of the weights that lie on disk into ``catalog.toml``: ``python -m models.catalog hash``.

For those who build the weights; the file is edited line by line so that its comments stay.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

_FILE = re.compile(r'^\s*\{ path = "(?P<path>[^"]+)".*\},?\s*$')
_REVISION = re.compile(r'^revision = "[^"]*"')


def main(arguments: Sequence[str], catalog: Path, weights: Path) -> int:
    """Exit code of ``python -m models.catalog hash``."""
    if list(arguments) != ["hash"]:
        sys.stderr.write("usage: python -m models.catalog hash\n")
        return 2
    text, missing = refreshed(catalog.read_text("utf-8"), weights)
    catalog.write_text(text, "utf-8")
    for path in missing:
        sys.stderr.write(f"missing, its old hash stays: {path}\n")
    return 1 if missing else 0


def refreshed(text: str, weights: Path) -> tuple[str, list[str]]:
    """``text`` with hash, size and revision of every file below ``weights``, and the paths that are not there."""
    lines = text.splitlines()
    missing: list[str] = []
    revision_line: int | None = None
    ships = False  # files of a model that does not ship lie in its own folder, with hashes from elsewhere
    for number, line in enumerate(lines):
        if line.startswith("[[model]]"):
            ships = False
        elif line.startswith("ships = true"):
            ships = True
        elif _REVISION.match(line):
            revision_line = number
        elif ships and (match := _FILE.match(line)):
            path = match["path"]
            try:
                content = (weights / path).read_bytes()
            except FileNotFoundError:
                missing.append(path)
                continue
            lines[number] = _file_line(path, content)
            if path.endswith("/meta.json") and revision_line is not None:
                lines[revision_line] = f'revision = "{json.loads(content)["revision"]}"'
    return "\n".join(lines) + "\n", missing


def _file_line(path: str, content: bytes) -> str:
    return f'    {{ path = "{path}", sha256 = "{hashlib.sha256(content).hexdigest()}", bytes = {len(content)} }},'
