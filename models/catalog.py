"""Every model the appliance knows: what it is, under which licence, what it needs, and whether its files are intact.

``catalog.toml`` is the list. Nothing here downloads: a model that does not ship has a command for a person with a
connected machine, and is locked when it is brought in (``models.catalog_lock``).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.catalog_entries import Entry, Role, WeightFile, read_entries
from models.catalog_lock import Lock, check_lock, lock_path, read_lock
from models.errors import ModelRefused
from models.onnx import check_file

__all__ = ["CATALOG", "WEIGHTS", "Catalog", "Entry", "LocalModel", "ModelStatus", "Role", "WeightFile"]

CATALOG = Path(__file__).with_name("catalog.toml")
WEIGHTS = Path(__file__).with_name("weights")


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What ``appliance models verify`` says of one model; ``path`` is where its files are or would be."""

    id: str
    role: str
    revision: str
    licence: str
    path: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that was added and is what it was then. ``revision`` names exactly these files: vectors of two never mix."""

    entry: Entry
    folder: Path
    revision: str


class Catalog:
    """The entries, and the folder in which the shipped files lie."""

    def __init__(self, entries: tuple[Entry, ...], weights: Path) -> None:
        self.entries = entries
        self.weights = weights

    @classmethod
    def open(cls, path: Path = CATALOG, weights: Path = WEIGHTS) -> Self:
        """Read ``path``. Raises ``ModelRefused`` when it is missing or not as it should be."""
        return cls(read_entries(path), weights)

    def get(self, model_id: str) -> Entry:
        """The entry of that id. Raises ``ModelRefused``, naming those that exist."""
        for entry in self.entries:
            if entry.id == model_id:
                return entry
        known = ", ".join(entry.id for entry in self.entries)
        raise ModelRefused(f'The catalogue has no model "{model_id}".', remedy=f"It has: {known}.")

    def folder(self, entry: Entry) -> Path:
        """The folder that holds a shipped entry's files."""
        return (self.weights / entry.files[0].path).parent if entry.files else self.weights / entry.id

    def require(self, model_id: str) -> Path:
        """The folder of a shipped model whose files have all been checked. Raises ``ModelRefused``."""
        entry = self.get(model_id)
        if not entry.ships:
            raise ModelRefused(
                f'The model "{model_id}" does not ship with the appliance.',
                remedy=f"On a connected machine: {entry.fetch}; then here: appliance models add {model_id} FOLDER.",
            )
        for file in entry.files:
            check_file(self.weights / file.path, file.sha256)
        return self.folder(entry)

    def local(self, model_id: str, *, data: Path, volume: Path | None = None) -> LocalModel:
        """A model that was added, every file of it hashed anew. Raises ``ModelRefused`` when it never was, or differs.

        Its folder is ``volume/ID`` when there is one, else where it lay when it was added.
        """
        entry, path = self.get(model_id), lock_path(data, model_id)
        if not path.is_file():
            raise ModelRefused(
                f'The model "{model_id}" was not added to this installation.',
                remedy=f"On a connected machine: {entry.fetch}; then here: appliance models add {model_id} FOLDER.",
            )
        lock = read_lock(path)
        folder = self.local_folder(lock, volume)
        check_lock(lock, folder)
        return LocalModel(entry, folder, f"{model_id}@{lock.revision[:8]}-{lock.digest[:8]}")

    @staticmethod
    def local_folder(lock: Lock, volume: Path | None = None) -> Path:
        """Where the files of a lock lie now: containers see the model volume elsewhere than the host that added it."""
        if volume is not None and (volume / lock.id).is_dir():
            return volume / lock.id
        return Path(lock.folder)

    def locks(self, data: Path) -> tuple[Lock, ...]:
        """The locks of the models that were added to a data directory. Raises ``ModelRefused`` for one that is broken."""
        return tuple(read_lock(path) for path in sorted(lock_path(data, "x").parent.glob("*.json")))

    def list_models(self) -> tuple[Entry, ...]:
        """All entries, the shipped ones first."""
        return tuple(sorted(self.entries, key=lambda entry: not entry.ships))

    def verify(self) -> tuple[ModelStatus, ...]:
        """The state of every shipped model."""
        return tuple(self._status(entry) for entry in self.list_models() if entry.ships)

    def verify_added(self, data: Path, volume: Path | None = None) -> tuple[ModelStatus, ...]:
        """The state of every model that was added: reads all of each, which takes minutes for the large ones."""
        return tuple(self._added(path, data, volume) for path in sorted(lock_path(data, "x").parent.glob("*.json")))

    def _status(self, entry: Entry) -> ModelStatus:
        try:
            self.require(entry.id)
            ok, detail = True, f"{len(entry.files)} files intact"
        except ModelRefused as error:
            ok, detail = False, str(error)
        return ModelStatus(
            id=entry.id,
            role=entry.role,
            revision=entry.revision,
            licence=entry.licence,
            path=str(self.folder(entry)),
            ok=ok,
            detail=detail,
        )

    def _added(self, path: Path, data: Path, volume: Path | None) -> ModelStatus:
        role = revision = licence = folder = ""
        try:
            entry = self.get(path.stem)
            role, licence, lock = entry.role, entry.licence, read_lock(path)
            revision, folder = lock.revision, str(self.local_folder(lock, volume))
            self.local(entry.id, data=data, volume=volume)
            ok, detail = True, f"{len(lock.files)} files intact, {lock.bytes} bytes"
        except ModelRefused as error:
            ok, detail = False, str(error)
        return ModelStatus(path.stem, role, revision, licence, folder or str(path), ok, detail)


if __name__ == "__main__":
    from models.catalog_tool import main

    sys.exit(main(sys.argv[1:], CATALOG, WEIGHTS))
