"""The files of this project: what git tracks, and what it would track."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files() -> list[Path]:
    """Relative to the root, in order; without git (an unpacked archive) everything that is no build output."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        found = [Path(name) for name in done.stdout.split("\0") if name]
    else:
        found = [
            path.relative_to(ROOT)
            for path in ROOT.rglob("*")
            if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    return sorted(path for path in found if (ROOT / path).is_file())


FILES = files()
CODE = [path for path in FILES if path.suffix == ".py"]
TEXT_KINDS = {
    ".py",
    ".md",
    ".toml",
    ".cfg",
    ".ini",
    ".yml",
    ".yaml",
    ".sh",
    ".txt",
    ".js",
    ".css",
    ".html",
    ".json",
    ".jsonl",
    ".csv",
    ".mako",
    "",
}
TEXTS = [path for path in FILES if path.suffix in TEXT_KINDS and path.name != "tokenizer.json"]
