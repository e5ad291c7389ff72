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
    check_commit,
    differences,
    lock_path,
    make_lock,
    read_lock,
    silent,
    write_lock,
)
from models.errors import ModelRefused

Expected = Lock | tuple[WeightFile, ...]
"""What the connected machine says: a lock, or sums without a commit."""
_SUM = re.compile(r"^(?P<sha256>[0-9a-f]{64}) [ *](?:\./)?(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Added:
    """What ``appliance models add`` reports. ``compared`` says with what from outside of the folder the files agree, in words."""

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
    expected = read_expected(expect) if expect else None
    commit = _revision(entry, seen, revision, expected)
    _vouched(entry, commit, expected)
    lock = make_lock(folder, model_id, commit, now=now, progress=progress)
    _hub(folder, lock)
    compared = [*_known(lock, entry), *_expected(lock, entry, expect, expected)]
    path = lock_path(data, model_id)
    write_lock(lock, path)
    return Added(lock, path, _licence(entry, seen), tuple(compared))


def read_expected(path: Path) -> Expected:
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


def _revision(entry: Entry, seen: Inspection, given: str, expected: Expected | None) -> str:
    """What was said, what the hub's client recorded, what the expected lock says, or the catalogue's own, which the hashes
    then have to bear out. All of it is a claim, and no more."""
    if given:
        check_commit(given, "--revision")
    if seen.revision:
        check_commit(seen.revision, "The hub client's record in the folder")
    if given and seen.revision and given != seen.revision:
        raise ModelRefused(
            f"--revision says {given}, but the hub's own record in the folder says {seen.revision}.",
            remedy="Leave --revision out, or fetch the revision that you name.",
        )
    if found := given or seen.revision or (expected.revision if isinstance(expected, Lock) else ""):
        return found
    if entry.verified:
        return entry.revision
    raise ModelRefused(
        f'Nothing says which revision of "{entry.id}" this folder is, and the catalogue has no hashes to tell it by.',
        remedy="Name the commit that was fetched with --revision.",
    )


def _vouched(entry: Entry, commit: str, expected: Expected | None) -> None:
    """Where the catalogue has hashes, naming another commit must not be a way around them: the folder can claim any."""
    if not entry.files or commit == entry.revision or isinstance(expected, Lock):
        return
    raise ModelRefused(
        f'The folder is said to be revision {commit[:8]} of "{entry.id}", but the catalogue has the hashes of revision '
        f"{entry.revision[:8]}: nothing vouches for this one.",
        remedy=f"Fetch the catalogue's: {entry.fetch}; or make a lock of yours where it was fetched, with "
        f"`python -m models.catalog lock FOLDER --id {entry.id} --revision {commit}`, and name it here with --expect.",
    )


def _hub(folder: Path, lock: Lock) -> None:
    """The records lie in the folder that they are about, so they can only speak against it."""
    _, wrong = check_hub_records(folder, lock)
    if wrong:
        raise ModelRefused(f"{folder} was changed after it was fetched: {brief(wrong)}.", remedy="Fetch it anew.")


def _known(lock: Lock, entry: Entry) -> list[str]:
    if not entry.files or lock.revision != entry.revision:  # of another commit `_vouched` has asked for a lock
        return []
    if wrong := check_known(lock, entry):
        raise ModelRefused(
            f'The folder is not revision {entry.revision[:8]} of "{entry.id}": {brief(wrong)}.',
            remedy=f"Fetch it anew on a connected machine: {entry.fetch}",
        )
    return [f"{len(entry.files)} of {len(lock.files)} files with the hashes of the catalogue"]


def _expected(lock: Lock, entry: Entry, expect: Path | None, other: Expected | None) -> list[str]:
    if expect is None or other is None:
        return []
    if isinstance(other, Lock) and other.id != lock.id:
        raise ModelRefused(f'{expect} is the lock of "{other.id}".', remedy=f'Name the lock of "{lock.id}".')
    if isinstance(other, Lock) and other.revision != lock.revision:
        raise ModelRefused(
            f"{expect} is the lock of revision {other.revision[:8]}, but the folder is said to be {lock.revision[:8]}.",
            remedy="Name the lock that was made of this folder, and leave --revision out.",
        )
    before = other if isinstance(other, Lock) else lock.model_copy(update={"files": other})
    if wrong := differences(before, lock):
        raise ModelRefused(
            f"The folder is not the one that {expect.name} describes: {brief(wrong)}.",
            remedy="Copy it again from the connected machine; a stick that changes files should not be used again.",
        )
    alone = "" if not entry.files or lock.revision == entry.revision else ", which alone vouches for this revision"
    return [f"{len(before.files)} files with {expect.name}{alone}"]


def _licence(entry: Entry, seen: Inspection) -> str:
    if not seen.licence_file:
        return f"{entry.licence} (by the catalogue: the folder has no licence file)"
    return f"{entry.licence} ({seen.licence_file}: {seen.licence_line})"
