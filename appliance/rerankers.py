"""Which encoder and cross-encoder serve, and how their scores are combined: what ships, what was trained here, or what was brought here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.config import Config
from appliance.errors import ConfigInvalid
from models.catalog import Catalog, ModelStatus
from models.choice import Choice, Choices
from models.encoder import OnnxEncoder
from models.errors import ModelRefused
from models.fusion import Fusion
from models.installed import SHIPPED, Shelf
from models.installed import InUse as Shelved
from models.meta import EncoderMeta, RerankerMeta, read_meta
from models.reranker import LateReranker, OnnxReranker
from models.roles import Encoder, Reranker
from models.torch_models import MAX_TOKENS, TorchEncoder, TorchModel, TorchReranker

SHIPPED_ENCODER = "encoder"
OWN_RERANKER = "reranker"
"""The value of ``models.reranker`` that stands for the one trained here, or else the one that ships."""
CHOOSE = "Measure and fit it on your own questions: appliance models choose reranker --questions Q.jsonl."


@dataclass(frozen=True, slots=True)
class Order:
    """How candidates are ordered, and why, in one line for people. ``fitted`` is false when nobody fitted it to these two models.

    ``notice``: what was decided or trained here and is not used, since it is damaged.
    """

    fusion: Fusion
    reason: str
    fitted: bool = True
    notice: str = ""

    def asks_reranker(self, config: Config) -> bool:
        """Whether the cross-encoder is asked for each ticket."""
        return config.retrieval.rerank == "always" or (config.retrieval.rerank and self.fusion.use_reranker)

    def described(self, config: Config) -> str:
        """What orders the candidates under these settings, and why, for people."""
        said = self.reason
        if not config.retrieval.rerank:
            said = "retrieval.rerank is off: first stage alone"
        elif config.retrieval.rerank == "always" and not self.fusion.use_reranker:
            said = f'retrieval.rerank is "always": reranker in use against the figures ({self.reason})'
        return f"{said.removesuffix('.')}. {self.notice}" if self.notice else said


def reranker_shelf(data: Path) -> Shelf:
    """What was trained here, side by side; the choice is kept beside it."""
    return Shelf(data / "models" / "reranker", shipped=True)


def choices(data: Path) -> Choices:
    return Choices(reranker_shelf(data).folder)


def open_encoder(config: Config, catalog: Catalog) -> Encoder:
    """The encoder that the settings name. Raises ``ModelRefused``, ``ConfigInvalid``."""
    if config.models.encoder == SHIPPED_ENCODER:
        return open_shipped_encoder(config, catalog)
    return TorchEncoder.open(_brought(config, catalog, config.models.encoder, "encoder"), device=config.models.device)


def open_shipped_encoder(config: Config, catalog: Catalog) -> Encoder:
    folder = catalog.require(SHIPPED_ENCODER)
    return OnnxEncoder.open(folder, provider=config.models.provider, threads=config.models.threads or None)


def open_reranker(config: Config, catalog: Catalog) -> Reranker:
    """The reranker in use. Raises ``ModelRefused`` and ``ConfigInvalid``."""
    if config.models.reranker != OWN_RERANKER:
        about = _brought(config, catalog, config.models.reranker, "reranker")
        return TorchReranker.open(about, device=config.models.device)
    folder = folder_in_use(config.data, catalog).folder
    return LateReranker(folder, provider=config.models.provider, threads=config.models.threads or None)


def open_installed(config: Config, folder: Path) -> Reranker:
    """The reranker of a folder of our own making."""
    return OnnxReranker.open(folder, provider=config.models.provider, threads=config.models.threads or None)


@dataclass(frozen=True, slots=True)
class InUse:
    """The folder of the reranker of our own making that serves. ``notice``: why it is not the one that was trained here."""

    folder: Path
    notice: str = ""


def folder_in_use(data: Path, catalog: Catalog) -> InUse:
    """One trained here that is damaged never serves: the one that ships does, so that an upgrade or a bad disk stops no answer."""
    shelf, notice = reranker_shelf(data), ""
    try:
        active = shelf.in_use().active
        if active not in {SHIPPED, None}:
            return InUse(shelf.check(str(active)))
    except ModelRefused as fault:
        notice = f"The reranker trained here is not used: {fault.message} The one that ships serves instead."
    return InUse(catalog.require("reranker"), notice)


def revisions_in_use(config: Config, catalog: Catalog) -> tuple[str, str]:
    """(encoder, reranker) that the settings name, without loading them. Raises ``ModelRefused`` and ``ConfigInvalid``."""
    encoder, reranker = config.models.encoder, config.models.reranker
    return (
        read_meta(EncoderMeta, catalog.require(SHIPPED_ENCODER)).revision
        if encoder == SHIPPED_ENCODER
        else _brought(config, catalog, encoder, "encoder").revision,
        read_meta(RerankerMeta, folder_in_use(config.data, catalog).folder).revision
        if reranker == OWN_RERANKER
        else _brought(config, catalog, reranker, "reranker").revision,
    )


def order_in_use(config: Config, catalog: Catalog, encoder: Encoder, reranker: Reranker) -> Order:
    return order_of(config, catalog, (encoder.revision, reranker.revision))


def order_of(config: Config, catalog: Catalog, models: tuple[str, str]) -> Order:
    """This installation's own choice for these revisions of encoder and reranker; else what ships, as far as it was fitted to them.

    A damaged record stops no answer: what ships serves, with a notice.
    """
    own = folder_in_use(config.data, catalog).notice if config.models.reranker == OWN_RERANKER else ""
    every, damage = recorded(config.data)
    notice = " ".join(filter(None, (own, damage)))
    for chosen in every:
        if (chosen.encoder_revision, chosen.reranker_revision) == models:
            fusion = chosen.fusion.model_copy(update={"use_reranker": chosen.use_reranker})
            return Order(fusion, chosen.summary, notice=notice)
    return replace(_shipped_order(config, catalog, models[1]), notice=notice)


def recorded(data: Path) -> tuple[tuple[Choice, ...], str]:
    """The choices recorded here, and why they cannot be read where they cannot."""
    try:
        return choices(data).every(), ""
    except ModelRefused as fault:
        return (
            (),
            f"The choice recorded here is not used: {fault.message} {fault.remedy} Until then the order that ships serves.",
        )


def _shipped_order(config: Config, catalog: Catalog, reranker_revision: str) -> Order:
    shipped = shipped_fusion(catalog)
    known_encoder = config.models.encoder == SHIPPED_ENCODER
    known_reranker = shipped.reranker_revision in {"", reranker_revision}
    if known_encoder and known_reranker:
        used = "reranker in use" if shipped.use_reranker else "first stage alone"
        return Order(shipped, f"{used}, as shipped; not yet measured on your own questions")
    strange = " and ".join(
        name for name, known in (("encoder", known_encoder), ("reranker", known_reranker)) if not known
    )
    reason = f"the order is not fitted to this {strange}: search and reranker count the same. {CHOOSE}"
    return Order(shipped.unfitted(encoder=known_encoder, reranker=known_reranker), reason, fitted=False)


def shipped_fusion(catalog: Catalog) -> Fusion:
    return Fusion.open(catalog.require("reranker") / "fusion.json")


@dataclass(frozen=True, slots=True)
class InstalledReranker:
    """One revision that was trained here, for lists."""

    status: ModelStatus
    active: bool
    previous: bool
    created: str
    choice: Choice | None


def installed_rerankers(data: Path) -> list[InstalledReranker]:
    """Every revision trained here, oldest first, with what was measured of it."""
    shelf = reranker_shelf(data)
    revisions = shelf.revisions()
    if not revisions:
        return []
    measured = {one.reranker_revision: one for one in recorded(data)[0]}
    try:
        now = shelf.in_use()
    except ModelRefused:  # then what ships serves, and the order's notice says so
        now = Shelved(None, None)
    return [_installed(shelf, name, now, measured.get(name)) for name in revisions]


def _installed(shelf: Shelf, revision: str, now: Shelved, choice: Choice | None) -> InstalledReranker:
    ok, detail, created, licence = True, "intact", "", ""
    try:
        meta = json.loads((shelf.check(revision) / "meta.json").read_bytes())
        created, licence = str(meta.get("created", "")), str(meta.get("licence", ""))
    except (ModelRefused, OSError, ValueError) as fault:
        ok, detail = False, str(fault)
    status = ModelStatus(
        id="reranker", role="reranker", revision=revision, licence=licence,
        path=str(shelf.path(revision)), ok=ok, detail=detail,
    )  # fmt: skip
    return InstalledReranker(status, now.active == revision, now.previous == revision, created, choice)


def _brought(config: Config, catalog: Catalog, model_id: str, role: str) -> TorchModel:
    entry = catalog.get(model_id)
    if entry.role != role or entry.ships:
        fitting = [one.id for one in catalog.entries if one.role == role and not one.ships]
        raise ConfigInvalid(
            f"models.{role} is {model_id!r}, which cannot serve as {role}.",
            remedy=f"Choose {role} (what ships) or one of {', '.join(fitting)}.",
        )
    volume = Path(config.models.folder) if config.models.folder else None
    local = catalog.local(model_id, data=config.data, volume=volume)
    most = min(entry.max_tokens or MAX_TOKENS, MAX_TOKENS)
    # A release that changes a prefix changes every vector: the revision says so, and vectors of both never mix.
    reading = hashlib.sha256(repr((entry.question_prefix, entry.passage_prefix, most)).encode()).hexdigest()[:4]
    return TorchModel(
        local.folder,
        f"{local.revision}-{reading}",
        max_tokens=most,
        question_prefix=entry.question_prefix,
        passage_prefix=entry.passage_prefix,
        languages=entry.languages or ("en",),
    )
