"""Which intent heads serve a profile: those that were trained on this machine and are in use, else those that ship."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from models.catalog import Catalog, ModelStatus
from models.classifier import OnnxIntentClassifier
from models.errors import ModelRefused
from models.installed import SHIPPED, Shelf
from models.meta import IntentMeta, read_meta

TRIAL = "trial"
"""Folder of the head that was fitted without the held-out part, by which a later training judges this one."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heads:
    """Opened heads and the folder that they and their thresholds lie in. ``notice``: why it is not the installed ones that serve."""

    classifier: OnnxIntentClassifier
    folder: Path
    installed: bool
    notice: str = ""

    @property
    def sha256(self) -> str | None:
        """Of the graph alone: two revisions may be the same head with other thresholds."""
        return read_meta(IntentMeta, self.folder).heads_sha256


@dataclass(frozen=True, slots=True)
class InstalledHeads:
    """One revision on the shelf, for people. ``active``: the profile's tickets are classified by it, as far as it is intact."""

    profile: str
    active: bool
    previous: bool
    created: str
    rows: int | None
    accuracy: float | None
    status: ModelStatus


def intent_shelf(data: Path, profile: str, catalog: Catalog) -> Shelf:
    """Where a profile's own heads lie. A profile may be named as its author likes, a folder may not."""
    folder = data / "models" / "intent" / quote(profile, safe="").replace(".", "%2E")
    return Shelf(folder, shipped=any(entry.id == f"intent-{profile}" for entry in catalog.entries))


def open_heads(data: Path, profile: str, encoder_revision: str, catalog: Catalog) -> Heads:
    """The heads in use. Installed ones that are damaged or made for another encoder never serve: those that ship do, and ``notice`` says why.

    So an upgrade with a new encoder goes on answering. Raises ``ModelRefused`` when none ship either.
    """
    shelf = intent_shelf(data, profile, catalog)
    notice = ""
    try:
        active = shelf.in_use().active
        if active not in {None, SHIPPED}:
            folder = shelf.check(str(active))
            return Heads(OnnxIntentClassifier.open(folder, encoder_revision=encoder_revision), folder, installed=True)
    except ModelRefused as fault:
        if not shelf.shipped:
            raise
        notice = f"The installed intent heads are not used: {fault.message} Those that ship serve instead, by the profile's thresholds."
        _log.warning("%s %s", notice, fault.remedy)
    if not shelf.shipped:
        raise ModelRefused(
            f"There are no intent heads for the profile {profile}.",
            remedy="Train them: appliance models train intent --train messages.csv --profile the_profile.toml",
        )
    folder = catalog.require(f"intent-{profile}")
    return Heads(
        OnnxIntentClassifier.open(folder, encoder_revision=encoder_revision), folder, installed=False, notice=notice
    )


def installed_heads(data: Path) -> Iterator[InstalledHeads]:
    """Everything on the shelves of all profiles, oldest first, each file hashed."""
    root = data / "models" / "intent"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        shelf = Shelf(folder, shipped=True)
        for revision in shelf.revisions():
            yield _described(shelf, revision)


def _described(shelf: Shelf, revision: str) -> InstalledHeads:
    ok, detail = True, "all files intact"
    active = previous = None
    meta: IntentMeta | None = None
    try:
        active, previous = shelf.in_use().active, shelf.in_use().previous
        meta = read_meta(IntentMeta, shelf.check(revision))
    except ModelRefused as fault:
        ok, detail = False, str(fault)
    figures = meta.figures if meta else {}
    return InstalledHeads(
        profile=meta.profile if meta else shelf.folder.name,
        active=active == revision,
        previous=previous == revision,
        created=meta.created if meta else "",
        rows=meta.rows if meta else None,
        accuracy=figures.get("accuracy"),
        status=ModelStatus(
            id=f"intent-{meta.profile if meta else shelf.folder.name}",
            role="intent",
            revision=revision,
            licence=meta.licence if meta else "",
            path=str(shelf.path(revision)),
            ok=ok,
            detail=detail,
        ),
    )
