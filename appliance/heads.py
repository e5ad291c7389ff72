"""Which intent heads serve a profile: those that were trained on this machine and are in use, else those that ship."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from appliance.learned import THRESHOLDS_FILE, read_thresholds
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
    """Opened heads and the folder that they and their thresholds lie in. ``notice``: why it is not the installed ones that serve.

    ``lost``: the risk budget that those were held to and that these, without thresholds of their own, do not keep.
    """

    classifier: OnnxIntentClassifier
    folder: Path
    installed: bool
    notice: str = ""
    lost: float | None = None

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

    So an upgrade with a new encoder goes on answering. Raises ``ModelRefused`` when none ship either, and when the installed ones are held to
    a risk budget: by the profile's thresholds those that ship would attempt what the budget refuses.
    """
    found = usable_heads(data, profile, encoder_revision, catalog)
    if found.notice:
        _log.warning("%s", found.notice)
    if found.lost is not None:
        raise ModelRefused(
            found.notice,
            remedy="Train again (appliance models train intent --train messages.csv), or give the budget up (appliance models rollback intent).",
        )
    return found


def usable_heads(data: Path, profile: str, encoder_revision: str, catalog: Catalog) -> Heads:
    """As ``open_heads``, also where a lost budget keeps the ones that ship from serving: a new head can still be held against them."""
    shelf = intent_shelf(data, profile, catalog)
    notice, lost = "", None
    try:
        active = shelf.in_use().active
        if active not in {None, SHIPPED}:
            folder, classifier = open_revision(shelf, profile, str(active), encoder_revision, catalog)
            return Heads(classifier, folder, installed=True)
    except ModelRefused as fault:
        lost = budget_in_use(shelf)
        if not shelf.shipped:
            raise
        instead = "Those that ship serve instead, by the profile's thresholds."
        if lost is not None:
            instead = f"Nor are those that ship, which were not held to the risk budget of {lost:.1%}."
        notice = f"The installed intent heads are not used: {fault.message} {instead}"
    if not shelf.shipped:
        raise ModelRefused(
            f"There are no intent heads for the profile {profile}.",
            remedy="Train them: appliance models train intent --train messages.csv --profile the_profile.toml",
        )
    folder, classifier = open_revision(shelf, profile, SHIPPED, encoder_revision, catalog)
    return Heads(classifier, folder, installed=False, notice=notice, lost=lost)


def open_revision(
    shelf: Shelf, profile: str, revision: str, encoder_revision: str, catalog: Catalog
) -> tuple[Path, OnnxIntentClassifier]:
    """Any revision of the shelf, or ``SHIPPED``. Raises ``ModelRefused`` for one that is damaged or made for another encoder."""
    folder = catalog.require(f"intent-{profile}") if revision == SHIPPED else shelf.check(revision)
    return folder, OnnxIntentClassifier.open(folder, encoder_revision=encoder_revision)


def budget_in_use(shelf: Shelf) -> float | None:
    """The risk budget that the revision in use is held to, also when it is damaged.

    Raises ``ModelRefused`` when ``active.json`` cannot be understood and a budget may have been set.
    """
    try:
        now = shelf.in_use()
    except ModelRefused:
        if any((shelf.path(name) / THRESHOLDS_FILE).is_file() for name in shelf.revisions()):
            raise
        return None
    if now.budget is not None or now.active in {None, SHIPPED}:
        return now.budget
    learned = read_thresholds(shelf.path(str(now.active)))  # installed before active.json told the budget
    return learned.budget if learned else None


def installed_heads(data: Path, encoder_revision: str | None = None) -> Iterator[InstalledHeads]:
    """Everything on the shelves of all profiles, oldest first, each file hashed. ``encoder_revision``: one in use, with which they must go."""
    root = data / "models" / "intent"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        shelf = Shelf(folder, shipped=True)
        for revision in shelf.revisions():
            yield _described(shelf, revision, encoder_revision)


def _described(shelf: Shelf, revision: str, encoder_revision: str | None) -> InstalledHeads:
    ok, detail = True, "all files intact"
    active = previous = None
    meta: IntentMeta | None = None
    try:
        active, previous = shelf.in_use().active, shelf.in_use().previous
        meta = read_meta(IntentMeta, shelf.path(revision))
        shelf.check(revision, whole=True)
    except ModelRefused as fault:
        ok, detail = False, str(fault)
    if ok and meta and encoder_revision not in {None, meta.encoder_revision}:
        ok, detail = False, f"trained on encoder {meta.encoder_revision}, but {encoder_revision} is in use"
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
