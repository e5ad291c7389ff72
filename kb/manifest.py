"""The one file that says which state of the index readers use. Replacing it is what makes an import visible, all at once."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from kb.errors import IndexMismatch, IndexUnavailable

SCHEMA_VERSION: Final = 2
"""1: without the column ``language``; ``LanceIndex.upgrade`` adds it."""
WITHOUT_LANGUAGE: Final = 1
REBUILD = "Run `appliance kb rebuild`."


@dataclass(frozen=True, slots=True)
class Manifest:
    """``version`` of ``table`` is what readers see; what a crashed import left after it stays unseen."""

    table: str
    version: int
    dimension: int
    encoder_revision: str
    chunking: int
    passages: int
    trained: int = 0
    """Passages that the vector index was made for; 0: there is none."""
    schema: int = SCHEMA_VERSION


_ADAPTER: Final = TypeAdapter(Manifest)


def read_manifest(path: Path) -> Manifest | None:
    """None where nothing was ever imported. Raises ``IndexUnavailable`` for a damaged file."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise IndexUnavailable(f"{path} cannot be read.", remedy=REBUILD) from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Atomic and durable: a reader, or a power cut, finds the old file or the new one."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(_ADAPTER.dump_json(manifest))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_manifest(found: Manifest, wanted: Manifest) -> None:
    """Raises ``IndexMismatch`` when ``found`` was made by another encoder, chunking or version of the appliance."""
    names = {
        "schema": "version of the index format",
        "encoder_revision": "encoder",
        "dimension": "vector dimension",
        "chunking": "version of the passage rules",
    }
    have, want = asdict(found), asdict(wanted)
    for name, words in names.items():
        if have[name] != want[name]:
            raise IndexMismatch(
                f"The search index was made with another {words} ({have[name]}, this appliance uses {want[name]}).",
                remedy=REBUILD,
            )
