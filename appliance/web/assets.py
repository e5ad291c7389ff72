"""Scripts, styles and icons, read once from the package. An address names an entry of a table, so no address can leave the folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All assets by name. ``version`` changes with any of them and is part of their addresses: modules that import
    each other by relative address then never mix two releases in one page."""

    by_name: dict[str, Asset]
    version: str

    def get(self, name: str) -> Asset | None:
        return self.by_name.get(name)


def load_assets() -> Assets:
    """Read the package's folder ``static``."""
    folder = resources.files("appliance.web") / "static"
    found = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.rpartition(".")[2] in _TYPES}
    digest = hashlib.sha256(b"".join(found[name] for name in sorted(found))).hexdigest()
    return Assets({name: _asset(name, content) for name, content in found.items()}, digest[:12])


def _asset(name: str, content: bytes) -> Asset:
    return Asset(content, _TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:24]}"')
