"""What no file of ours may hold: addresses of somebody's package mirror, paths of somebody's machine, keys."""

from __future__ import annotations

import re
from pathlib import Path

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
CONTAINER = re.compile(r"docker-compose[\w.-]*\.yml:|deploy/")
HERE = Path("tests/house/test_house_texts.py")


def hits(pattern: re.Pattern[str], path: Path) -> list[str]:
    text = (ROOT / path).read_text("utf-8", errors="replace")
    return [f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {found.group()}" for found in pattern.finditer(text)]


def test_no_file_names_a_machine_a_mirror_or_a_key() -> None:
    """Paths inside a container are the image's own, so its files may name them."""
    found = [
        hit
        for path in TEXTS
        if path != HERE
        for pattern in (MACHINE_PATH, MIRROR, SECRET)
        for hit in hits(pattern, path)
    ]
    assert [hit for hit in found if not (CONTAINER.match(hit) and hit.endswith("/root/"))] == []


def test_nothing_is_left_for_later() -> None:
    kinds = {".py", ".js", ".sh", ".toml", ".md"}
    assert [hit for path in TEXTS if path.suffix in kinds and path != HERE for hit in hits(LEFTOVER, path)] == []
