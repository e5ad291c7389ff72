"""Models made on this machine, side by side: one folder a revision, and one small file that says which is in use.

A revision is built in a scratch folder, sealed (``files.json`` holds the hash of every file) and moved into place whole; ``active.json``
is replaced in one step. A process that is killed at any moment leaves what runs as it was, and at most a scratch folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from models.errors import ModelRefused

SHIPPED = "shipped"
"""Stands for the model that came with the appliance, where a revision is named."""
_ACTIVE = "active.json"
_FILES = "files.json"
_SCRATCH = ".new-"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_FOR_PEOPLE = frozenset({".md", ".svg"})
"""The card and its pictures: hashed too, but a note that somebody wrote into the card must not stop what serves."""


@dataclass(frozen=True, slots=True)
class InUse:
    """``SHIPPED``, a revision, or None: nothing that could be used.

    The risk budgets that the two are held to, None without one, are told here as well: a revision that is damaged cannot tell its own.
    """

    active: str | None
    previous: str | None
    budget: float | None = None
    previous_budget: float | None = None


class Shelf:
    """The installed revisions of one model. ``shipped``: one came with the appliance, and is in use until another is."""

    def __init__(self, folder: Path, *, shipped: bool) -> None:
        self.folder = folder
        self.shipped = shipped

    def in_use(self) -> InUse:
        """Raises ``ModelRefused`` when ``active.json`` is there and cannot be understood."""
        path = self.folder / _ACTIVE
        try:
            found = json.loads(path.read_bytes())
            budgets = _share(found.get("budget")), _share(found.get("previous_budget"))
            return InUse(_name(found["active"]), _name(found["previous"]), *budgets)
        except FileNotFoundError:
            return InUse(SHIPPED if self.shipped else None, None)
        except OSError as error:
            raise ModelRefused(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelRefused(
                f"{path} does not say which revision is in use.",
                remedy="Remove it to run the model that ships, then train again.",
            ) from error

    def revisions(self) -> tuple[str, ...]:
        """Every sealed revision, oldest first."""
        try:
            sealed = [
                path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and (path / _FILES).is_file()
            ]
        except FileNotFoundError:
            return ()
        return tuple(
            path.name for path in sorted(sealed, key=lambda path: ((path / _FILES).stat().st_mtime, path.name))
        )

    def path(self, revision: str) -> Path:
        return self.folder / revision

    def check(self, revision: str, *, whole: bool = False) -> Path:
        """The revision's folder, every file that serves hashed; with ``whole`` those that only people read as well.

        Raises ``ModelRefused`` naming the file that is missing or changed.
        """
        folder = self.path(revision)
        for name, expected in _sealed(folder).items():
            if Path(name).suffix in _FOR_PEOPLE and not whole:
                continue
            try:
                with (folder / name).open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise ModelRefused(f"{folder / name} cannot be read: {error.strerror}.", remedy=_OTHER) from error
            if found != expected:
                raise ModelRefused(
                    f"{folder / name} is not the file that was installed: its sha256 differs.", remedy=_OTHER
                )
        return folder

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder beside the revisions; whatever still lies in it at the end is removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def clean(self) -> int:
        """Remove what killed processes left behind; only for the holder of the shelf's lock. Returns how many there were."""
        left = list(self.folder.glob(f"{_SCRATCH}*")) if self.folder.is_dir() else []
        for path in left:
            path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
        return len(left)

    def keep(self, scratch: Path, revision: str) -> Path:
        """Seal what was built in ``scratch`` and move it into place. A revision that is there and intact stays as it is."""
        if _NAME.fullmatch(revision) is None or revision == SHIPPED:
            raise ModelRefused(
                f"{revision!r} cannot name a revision.", remedy="Use small letters, digits, dots and hyphens."
            )
        target = self.path(revision)
        if target.is_dir() and self._intact(revision):
            return target
        _seal(scratch)
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
        _sync(self.folder)
        return target

    def activate(self, revision: str, *, instead_of: str | None, budget: float | None = None) -> InUse:
        """From now on ``revision`` is in use, held to ``budget``; ``instead_of`` is what served so far, and what a roll-back brings back."""
        self.check(revision)
        try:
            now = self.in_use()
        except ModelRefused:  # this very call mends it; nothing is known of a budget then
            now = InUse(None, None)
        return self._write(InUse(revision, instead_of, budget, now.budget if now.active == instead_of else None))

    def roll_back(self) -> InUse:
        """The previous one is in use again. Raises ``ModelRefused`` when there is none or it is not intact; then nothing changes."""
        now = self.in_use()
        if now.previous is None:
            raise ModelRefused(
                f"There is no previous model to bring back in {self.folder}.",
                remedy="`appliance models list` shows what is installed.",
            )
        if now.previous != SHIPPED:
            self.check(now.previous)
        return self._write(InUse(now.previous, now.active, now.previous_budget, now.budget))

    def _intact(self, revision: str) -> bool:
        try:
            self.check(revision, whole=True)
        except ModelRefused:
            return False
        return True

    def _write(self, chosen: InUse) -> InUse:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{_SCRATCH}{os.getpid()}.json"
        try:
            _put(path, asdict(chosen))
            path.replace(self.folder / _ACTIVE)
        finally:
            path.unlink(missing_ok=True)
        _sync(self.folder)
        return chosen


_OTHER = "Go back with `appliance models rollback`, or train it again with `appliance models train`."


def _name(value: object) -> str | None:
    """A revision as ``active.json`` names it: never a path. Raises ``ValueError``."""
    if value is not None and (not isinstance(value, str) or _NAME.fullmatch(value) is None):
        raise ValueError(value)
    return value


def _share(value: object) -> float | None:
    """A risk budget as ``active.json`` tells it. Raises ``ValueError``: an unreadable budget is not the same as none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(value)
    return float(value)


def _sealed(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / _FILES).read_bytes())
        files = {str(name): str(sha256) for name, sha256 in found["sha256"].items()}
    except OSError as error:
        raise ModelRefused(
            f"The model {folder} is not there, or not whole: {error.strerror}.", remedy=_OTHER
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelRefused(f"{folder / _FILES} is damaged.", remedy=_OTHER) from error
    if not files or any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
        raise ModelRefused(f"{folder / _FILES} is damaged.", remedy=_OTHER)
    return files


def _seal(folder: Path) -> None:
    """Write the hash of every file, and have all of it on the disk before the folder gets its name."""
    (folder / _FILES).unlink(missing_ok=True)  # of the revision that this one was copied from
    hashes = {}
    allowed = folder.parent.stat().st_mode & 0o777
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        path.chmod(
            allowed & 0o666
        )  # one file that only its author may read, and a service under another user does not start
        with path.open("rb") as file:
            hashes[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    folder.chmod(allowed)  # mkdtemp shuts out a service that runs under another user
    _put(folder / _FILES, {"sha256": hashes})
    (folder / _FILES).chmod(allowed & 0o666)
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        inner.chmod(allowed)
        _sync(inner)
    _sync(folder)


def _put(path: Path, document: object) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """The names in a folder, too, are only safe once they are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
