"""What no file of ours may hold: addresses of somebody's package mirror, paths of somebody's machine, keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tracked import ROOT, TEXTS

MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:work/|root/|home/(?!appliance\b)\w+/|Users/\w+/|tmp/env/|tmp/notes/|tmp/briefs/|mnt/\w+/)"
)
MIRROR = re.compile(
    r"--(?:extra-)?index-url|--trusted-host|(?:index|registry|mirror)[-_]url\s*=|artifactory|nexus\.|/simple/?(?:\s|$)",
    re.I,
)
SECRET = re.compile(
    r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----|\bsk-[A-Za-z0-9]{20,}|\bghp_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b"
)
LEFTOVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|^(?:<{7}|={7}|>{7})(?:\s|$)", re.M)
HERE = Path("tests/house/test_house_texts.py")


def hits(pattern: re.Pattern[str], path: Path) -> list[str]:
    text = (ROOT / path).read_text("utf-8", errors="replace")
    return [f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {found.group()}" for found in pattern.finditer(text)]


@pytest.mark.parametrize("path", [path for path in TEXTS if path != HERE], ids=str)
def test_a_file_names_no_machine_no_mirror_and_no_key(path: Path) -> None:
    assert [hit for pattern in (MACHINE_PATH, MIRROR, SECRET) for hit in hits(pattern, path)] == []


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if path.suffix in {".py", ".js", ".sh", ".toml", ".md"} and path != HERE], ids=str
)
def test_nothing_is_left_for_later(path: Path) -> None:
    assert hits(LEFTOVER, path) == []
