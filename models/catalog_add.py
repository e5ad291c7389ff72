"""Taking a model in: the folder is looked at, hashed, compared with everything that is known of it, and locked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.catalog import Catalog
from models.catalog_entries import Entry, WeightFile
from models.catalog_intake import Inspection, check_hub_records, check_known, inspect
from models.catalog_lock import (
    HUB_RECORDS,
    Lock,
    Progress,
    brief,
    differences,
    lock_path,
    make_lock,
    read_lock,
    silent,
    write_lock,
)
from models.errors import ModelRefused

_SUM = re.compile(r"^(?P<sha256>[0-9a-f]{64}) [ *](?:\./)?(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Added:
    """What ``appliance models add`` reports. ``compared`` says with what the files agree, in words."""

    lock: Lock
    path: Path
    licence: str
    compared: tuple[str, ...]


def add(
    catalog: Catalog,
    model_id: str,
    folder: Path,
    *,
    data: Path,
    now: datetime,
    revision: str = "",
    expect: Path | None = None,
    progress: Progress = silent,
) -> Added:
    """Lock ``folder`` as the model ``model_id``. Raises ``ModelRefused``; then nothing is written."""
    entry = catalog.get(model_id)
    if entry.ships:
        raise ModelRefused(f'The model "{model_id}" ships with the appliance.', remedy="There is nothing to add.")
    seen = inspect(folder, entry)
    lock = make_lock(folder, model_id, _revision(entry, seen, revision), now=now, progress=progress)
    compared = [*_hub(folder, lock), *_known(lock, entry), *_expected(lock, expect)]
    path = lock_path(data, model_id)
    write_lock(lock, path)
    return Added(lock, path, _licence(entry, seen), tuple(compared))


def read_expected(path: Path) -> Lock | tuple[WeightFile, ...]:
    """A lock, or the lines that ``sha256sum`` prints: the tool that every connected machine has."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelRefused(f"{path} cannot be read: {error}.", remedy="Check the path after --expect.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    sums = [_SUM.match(line) for line in lines]
    if not lines or not all(sums):
        return read_lock(path)
    files = [WeightFile(path=found["path"], sha256=found["sha256"], bytes=0) for found in sums if found]
    return tuple(file for file in files if not Path(file.path).is_relative_to(HUB_RECORDS))


def _revision(entry: Entry, seen: Inspection, given: str) -> str:
    """What was said, what the hub's client recorded, or the catalogue's own, which the hashes then have to bear out."""
    if given and seen.revision and given != seen.revision:
        raise ModelRefused(
            f"--revision says {given}, but the hub's own record in the folder says {seen.revision}.",
            remedy="Leave --revision out, or fetch the revision that you name.",
        )
    if found := given or seen.revision:
        return found
    if entry.verified:
        return entry.revision
    raise ModelRefused(
        f'Nothing says which revision of "{entry.id}" this folder is, and the catalogue has no hashes to tell it by.',
        remedy="Name the commit that was fetched with --revision.",
    )


def _hub(folder: Path, lock: Lock) -> list[str]:
    agree, wrong = check_hub_records(folder, lock)
    if wrong:
        raise ModelRefused(f"{folder} was changed after it was fetched: {brief(wrong)}.", remedy="Fetch it anew.")
    return [f"{agree} files with the hub's own record"] if agree else []


def _known(lock: Lock, entry: Entry) -> list[str]:
    if lock.revision != entry.revision or not entry.files:
        return []
    if wrong := check_known(lock, entry):
        raise ModelRefused(
            f'The folder is not revision {entry.revision[:8]} of "{entry.id}": {brief(wrong)}.',
            remedy=f"Fetch it anew on a connected machine: {entry.fetch}",
        )
    return [f"{len(entry.files)} files with the hashes of the catalogue"]


def _expected(lock: Lock, expect: Path | None) -> list[str]:
    if expect is None:
        return []
    other = read_expected(expect)
    if isinstance(other, Lock) and other.id != lock.id:
        raise ModelRefused(f'{expect} is the lock of "{other.id}".', remedy=f'Name the lock of "{lock.id}".')
    before = other if isinstance(other, Lock) else lock.model_copy(update={"files": other})
    if wrong := differences(before, lock):
        raise ModelRefused(
            f"The folder is not the one that {expect.name} describes: {brief(wrong)}.",
            remedy="Copy it again from the connected machine; a stick that changes files should not be used again.",
        )
    return [f"{len(before.files)} files with {expect.name}"]


def _licence(entry: Entry, seen: Inspection) -> str:
    if not seen.licence_file:
        return f"{entry.licence} (by the catalogue: the folder has no licence file)"
    return f"{entry.licence} ({seen.licence_file}: {seen.licence_line})"
