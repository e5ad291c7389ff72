"""``python -m models.catalog``: ``hash`` for those who build the weights, ``lock`` for the machine that fetches a model.

``lock FOLDER [--id ID] [--revision COMMIT]`` prints the lock of a folder; ``appliance models add --expect`` on the box compares.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from models import catalog_hash
from models.catalog_intake import hub_revision, inspect
from models.catalog_lock import check_commit, make_lock
from models.catalog_progress import Meter
from models.errors import ModelRefused


def main(arguments: Sequence[str], catalog: Path, weights: Path) -> int:
    """Exit code of ``python -m models.catalog``."""
    parser = argparse.ArgumentParser(prog="python -m models.catalog", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("hash", help="write the hashes of the weights on disk into catalog.toml")
    lock = commands.add_parser("lock", help="print the lock of a model's folder")
    lock.add_argument("folder", type=Path)
    lock.add_argument("--id", default="", help="id in the catalogue; default: the folder's name")
    lock.add_argument("--revision", default="", help="commit that was fetched; default: what the hub's client recorded")
    given = parser.parse_args(arguments)
    if given.command == "hash":
        return catalog_hash.main(["hash"], catalog, weights)
    try:
        sys.stdout.write(lock_text(given.folder, given.id, given.revision, catalog, weights))
    except ModelRefused as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


def lock_text(folder: Path, model_id: str, revision: str, catalog: Path, weights: Path) -> str:
    """The lock as JSON, after the same look at the folder as on the box. Raises ``ModelRefused``."""
    from models.catalog import Catalog

    entry = Catalog.open(catalog, weights).get(model_id or folder.resolve().name)
    inspect(folder, entry)
    recorded = hub_revision(folder)
    named = revision or recorded
    if not named:
        raise ModelRefused(
            f"Nothing in {folder} says which revision it is.",
            remedy="Name the commit that was fetched with --revision.",
        )
    check_commit(named, "--revision" if revision else "The hub client's record in the folder")
    with Meter(sys.stderr) as meter:
        lock = make_lock(folder, entry.id, named, now=datetime.now(UTC), progress=meter)
    return lock.model_dump_json(indent=2) + "\n"
