"""Prints the licence that each installed package of a lock states, as a Markdown table; the odd ones are named at the end.

    python licences.py requirements/serve.txt

Ends with 1 when a package states the GPL or the AGPL, or no licence at all: a person has to look.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

LONG = 60
"""Some packages put the whole licence text where its name belongs."""


def stated(package: Distribution) -> str:
    """The SPDX expression, else the classifiers, else the free text."""
    meta = package.metadata
    if "License-Expression" in meta:
        return str(meta["License-Expression"])
    classifiers = [line for line in meta.get_all("Classifier") or [] if line.startswith("License :: OSI Approved :: ")]
    if classifiers:
        return "; ".join(line.rsplit(" :: ", 1)[1] for line in classifiers)
    text = str(meta["License"]).strip().splitlines() if "License" in meta else []
    return text[0][:LONG] if text else "not stated"


def locked(lock: Path) -> list[str]:
    return re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text("utf-8"), flags=re.MULTILINE)


def table(names: list[str]) -> dict[str, tuple[str, str]]:
    """Name to (version, licence); packages of other platforms are not installed and are left out."""
    rows = {}
    for name in names:
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        rows[name] = (package.version, stated(package))
    return rows


def main(lock: str) -> int:
    rows = table(locked(Path(lock)))
    print("| package | version | licence |\n|---|---|---|")
    for name, (version, licence) in rows.items():
        print(f"| {name} | {version} | {licence} |")
    odd = [name for name, (_, licence) in rows.items() if re.search(r"(?<!L)(?<!Lesser )A?GPL|not stated", licence)]
    if odd:
        print(f"A person has to look at: {', '.join(odd)}", file=sys.stderr)
    return 1 if odd else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1]))
