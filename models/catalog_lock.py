"""Locks: what a model's folder held when it was brought in. What differs later is refused.

A lock is one JSON file a model, written on the box at ``appliance models add``, or on the connected machine by
``python -m models.catalog lock FOLDER`` so that the way between the two is checked as well.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.catalog_entries import WeightFile
from models.errors import ModelRefused

FORMAT = 1
COMMIT = r"^[0-9a-f]{40}$"
"""A revision is a full commit: a branch or tag says something else tomorrow."""
_CHUNK = 8 * 1024 * 1024
HUB_RECORDS = Path(".cache/huggingface")
"""What the hub's client leaves beside the files: its own record of revision and hashes. No loader reads it."""

Progress = Callable[[str, int, int], None]
"""Called with the file's path, the bytes hashed so far and the bytes in all."""


def silent(path: str, done: int, total: int) -> None:
    """No progress."""


class Lock(BaseModel):
    """``id`` of the catalogue, ``revision`` of the hub, the folder where the files lay, and each file with its hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    revision: str = Field(pattern=COMMIT)
    folder: str
    locked_at: datetime
    files: tuple[WeightFile, ...] = Field(min_length=1)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def digest(self) -> str:
        """Names exactly these files: the hash over every path and hash."""
        lines = sorted(f"{file.sha256}  {file.path}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def listed_files(folder: Path) -> list[Path]:
    """Every file below ``folder``, by its path relative to it, in order; the hub client's records are left out.

    Raises ``ModelRefused`` for what is no plain file or folder: a link may lead out of the folder, or change behind the lock.
    """
    if not folder.is_dir():
        raise ModelRefused(f"{folder} is no folder.", remedy="Name the folder that holds config.json and the weights.")
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        folders.sort()
        for name in (*folders, *names):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise ModelRefused(
                    f"{path} is a link or a special file.",
                    remedy="Copy the files themselves: `hf download … --local-dir FOLDER` makes a folder without links.",
                )
        found += [Path(parent, name).relative_to(folder) for name in names]
    return sorted(path for path in found if not path.is_relative_to(HUB_RECORDS))


def check_commit(revision: str, source: str) -> str:
    """``revision`` when it is a full commit. Raises ``ModelRefused``; ``source`` is who says it."""
    if not re.fullmatch(COMMIT, revision):
        raise ModelRefused(
            f'{source} says revision "{revision[:80]}", which is no commit: 40 hexadecimal digits, in small letters.',
            remedy="Name the full commit that was fetched; a branch or a tag may be another one tomorrow.",
        )
    return revision


def make_lock(folder: Path, entry_id: str, revision: str, *, now: datetime, progress: Progress = silent) -> Lock:
    """Hash every file below ``folder``. Reads all of it: a minute for 60 GB on a fast disk, ten on a slow one."""
    folder = folder.resolve()
    paths = listed_files(folder)
    total = sum((folder / path).stat().st_size for path in paths)
    files: list[WeightFile] = []
    done = 0
    for path in paths:
        file = _hashed(folder, path, partial(_forward, progress, str(path), done, total))
        files.append(file)
        done += file.bytes
    if not files:
        raise ModelRefused(f"{folder} is empty.", remedy="Name the folder that holds config.json and the weights.")
    return Lock(id=entry_id, revision=revision, folder=str(folder), locked_at=now, files=tuple(files))


def _forward(progress: Progress, path: str, before: int, total: int, read: int) -> None:
    progress(path, before + read, total)


def differences(expected: Lock, found: Lock) -> list[str]:
    """What is missing, changed or new in ``found``, in words; empty when both hold the same files."""
    before = {file.path: file.sha256 for file in expected.files}
    after = {file.path: file.sha256 for file in found.files}
    missing = [f"{path} is missing" for path in before if path not in after]
    changed = [f"{path} has another sha256" for path in before if path in after and before[path] != after[path]]
    added = [f"{path} is not in the lock" for path in after if path not in before]
    return missing + changed + added


def check_lock(lock: Lock, folder: Path, *, progress: Progress = silent) -> None:
    """Hash ``folder`` again. Raises ``ModelRefused`` when anything in it differs from ``lock``."""
    found = make_lock(folder, lock.id, lock.revision, now=lock.locked_at, progress=progress)
    if wrong := differences(lock, found):
        raise ModelRefused(
            f'The model "{lock.id}" in {folder} is not the one that was added: {brief(wrong)}.',
            remedy=f"Bring the folder in again and run `appliance models add {lock.id} FOLDER`.",
        )


def brief(things: list[str], most: int = 5) -> str:
    """The first few of a list, and how many more there are."""
    more = f"; and {len(things) - most} more" if len(things) > most else ""
    return "; ".join(things[:most]) + more


def lock_path(data: Path, entry_id: str) -> Path:
    """Where the lock of a model that was added lies in the data directory."""
    return data / "models" / "added" / f"{entry_id}.json"


def write_lock(lock: Lock, path: Path) -> None:
    """Write it whole or not at all. Raises ``ModelRefused`` when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False) as part:
            part.write(lock.model_dump_json(indent=2) + "\n")
            part.flush()
            os.fsync(part.fileno())
        # The temporary file is its owner's alone, and the service may run under another user than the one who adds.
        Path(part.name).chmod(0o600 | path.parent.stat().st_mode & 0o444)
        Path(part.name).replace(path)
    except OSError as error:
        raise ModelRefused(
            f"The lock {path} cannot be written: {error.strerror}.", remedy="Check the disk and its permissions."
        ) from error


def read_lock(path: Path) -> Lock:
    """Raises ``ModelRefused`` when it is missing or no lock."""
    try:
        return Lock.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelRefused(
            f"The lock {path} cannot be read: {error.strerror}.", remedy="Check the path, or add the model again."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ModelRefused(
            f"{path} is no lock: {where}: {first['msg']}.",
            remedy="Make it anew: `appliance models add` on the box, `python -m models.catalog lock` where the model was fetched.",
        ) from None


def _hashed(folder: Path, path: Path, progress: Callable[[int], None]) -> WeightFile:
    digest, read = hashlib.sha256(), 0
    try:
        with (folder / path).open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                read += len(chunk)
                progress(read)
    except OSError as error:
        raise _fault(folder / path, error) from error
    return WeightFile(path=path.as_posix(), sha256=digest.hexdigest(), bytes=read)


def _unreadable(error: OSError) -> None:
    raise _fault(Path(str(error.filename)), error) from error


def _fault(path: Path, error: OSError) -> ModelRefused:
    return ModelRefused(
        f"{path} cannot be read: {error.strerror}.", remedy="Check the disk and the file's permissions."
    )
