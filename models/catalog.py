"""Every model the appliance knows: what it is, under which licence, what it needs, and whether its files are intact.

``catalog.toml`` is the list. Nothing here downloads: a model that does not ship has a command for a person with a
connected machine.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import ModelRefused
from models.onnx import REINSTALL, check_file

Role = Literal["encoder", "intent", "reranker", "support", "synthesis"]

CATALOG = Path(__file__).with_name("catalog.toml")
WEIGHTS = Path(__file__).with_name("weights")


class WeightFile(BaseModel):
    """One file that ships, by its path below the weights folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Entry(BaseModel):
    """One model. ``memory_mb`` is what it needs when loaded (GPU memory for synthesis, at the precision served)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    role: Role
    revision: str
    licence: str
    source: str
    memory_mb: int = Field(gt=0)
    ships: bool = False
    files: tuple[WeightFile, ...] = ()
    fetch: str = ""
    serve: tuple[str, ...] = ()
    note: str = ""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    model: tuple[Entry, ...]


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


class Catalog:
    """The entries, and the folder in which the shipped files lie."""

    def __init__(self, entries: tuple[Entry, ...], weights: Path) -> None:
        self.entries = entries
        self.weights = weights

    @classmethod
    def open(cls, path: Path = CATALOG, weights: Path = WEIGHTS) -> Self:
        """Read ``path``. Raises ``ModelRefused`` when it is missing or not as it should be."""
        try:
            return cls(_Document.model_validate(tomllib.loads(path.read_text("utf-8"))).model, weights)
        except OSError as error:
            raise ModelRefused(f"The catalogue {path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
        except tomllib.TOMLDecodeError as error:
            raise ModelRefused(f"The catalogue {path} is not TOML: {error}.", remedy=REINSTALL) from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ModelRefused(f"The catalogue {path} is wrong at {where}: {first['msg']}.", remedy=REINSTALL) from None

    def get(self, model_id: str) -> Entry:
        """The entry of that id. Raises ``ModelRefused``, naming those that exist."""
        for entry in self.entries:
            if entry.id == model_id:
                return entry
        known = ", ".join(entry.id for entry in self.entries)
        raise ModelRefused(f'The catalogue has no model "{model_id}".', remedy=f"It has: {known}.")

    def folder(self, entry: Entry) -> Path:
        """The folder that holds the entry's files."""
        return (self.weights / entry.files[0].path).parent if entry.files else self.weights / entry.id

    def require(self, model_id: str) -> Path:
        """The folder of a shipped model whose files have all been checked. Raises ``ModelRefused``."""
        entry = self.get(model_id)
        if not entry.ships:
            raise ModelRefused(f'The model "{model_id}" does not ship with the appliance.', remedy=entry.fetch)
        for file in entry.files:
            check_file(self.weights / file.path, file.sha256)
        return self.folder(entry)

    def list_models(self) -> tuple[Entry, ...]:
        """All entries, the shipped ones first."""
        return tuple(sorted(self.entries, key=lambda entry: not entry.ships))

    def verify(self) -> tuple[ModelStatus, ...]:
        """The state of every shipped model; no other is on this disk by our doing."""
        return tuple(self._status(entry) for entry in self.list_models() if entry.ships)

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


if __name__ == "__main__":
    from models.catalog_hash import main

    sys.exit(main(sys.argv[1:], CATALOG, WEIGHTS))
