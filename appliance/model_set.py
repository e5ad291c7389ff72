"""Opens the local models that the settings ask for, and puts a bounded queue before each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config
from appliance.heads import Heads
from appliance.heads import open_heads as heads_in_use
from appliance.metrics import Metrics
from appliance.rerankers import SHIPPED_ENCODER, open_encoder, open_reranker, open_shipped_encoder, order_in_use
from models.batching import Batcher
from models.bi_encoder import BiEncoderReranker
from models.catalog import WEIGHTS, Catalog
from models.errors import ModelRefused
from models.features import read_messages
from models.fusion import Fusion
from models.learned_support import LearnedSupport
from models.meta import EncoderMeta, read_meta
from models.names import EncoderNameTagger
from models.reranker import LateReranker
from models.roles import (
    Classification,
    Encoder,
    Features,
    IntentClassifier,
    NameTagger,
    Pair,
    Reading,
    Reranker,
    SupportChecker,
)
from models.standin import CapitalNameTagger

_log = logging.getLogger(__name__)
NAMES = "names"
"""Catalogue id of the name tagger."""
_ENCODER_BATCH = 32
_SENTENCE_BATCH = 96
_PAIR_BATCH = 40
"""Pairs of two to four questions: enough to fill the cores, short enough that nobody waits long for the batch before theirs."""


@dataclass(frozen=True, slots=True)
class ModelSet:
    """The models themselves: synchronous, batched, safe to call from threads."""

    encoder: Encoder
    reranker: Reranker
    support: SupportChecker
    fusion: Fusion
    order: str = ""
    """How the order of passages was chosen, for people."""
    sentences: Reranker | None = None
    """What the quoting rung chooses sentences by; None: the reranker, which is several times dearer."""

    @property
    def description(self) -> str:
        return f"{self.encoder.revision}, {self.reranker.revision}"


def open_models(config: Config) -> ModelSet:
    """Load encoder, reranker and support checker after their files have been checked. Raises ``ModelRefused``, ``ConfigInvalid``."""
    catalog = open_catalog(config)
    encoder, reranker = open_encoder(config, catalog), open_reranker(config, catalog)
    order = order_in_use(config, catalog, encoder, reranker)
    # Measured for the shipped encoder only; the cosines of another lie elsewhere, and the rung's limits with them.
    sentences = BiEncoderReranker(encoder) if config.models.encoder == SHIPPED_ENCODER else None
    if isinstance(reranker, LateReranker) and (sentences is None or order.asks_reranker(config)):
        reranker.load()  # now, not in a customer's turn
    if order.notice:
        _log.warning("%s", order.notice)
    described = order.described(config)
    return ModelSet(encoder, reranker, _support(config, catalog, encoder), order.fusion, described, sentences)


def _support(config: Config, catalog: Catalog, encoder: Encoder) -> SupportChecker:
    """The support checker was fitted to the shipped encoder, so it keeps that one: another's cosines lie elsewhere."""
    same = config.models.encoder == SHIPPED_ENCODER
    return LearnedSupport.open(catalog.require("support"), encoder if same else open_shipped_encoder(config, catalog))


def open_classifier(config: Config, profile: str, encoder: Encoder) -> IntentClassifier:
    """The intent heads of a profile. Raises ``ModelRefused`` when there are none that this encoder can use."""
    return open_heads(config, profile, encoder).classifier


def open_heads(config: Config, profile: str, encoder: Encoder) -> Heads:
    """The same with the folder that they and their thresholds lie in, and why installed ones do not serve."""
    return heads_in_use(config.data, profile, encoder.revision, open_catalog(config))


def open_name_tagger(config: Config) -> NameTagger:
    """What finds names before a text may leave. It reads the states of the shipped encoder, whichever serves the search. Raises ``ModelRefused``."""
    if config.models.stand_in:
        return CapitalNameTagger()
    catalog = open_catalog(config)
    return EncoderNameTagger.open(
        catalog.require(NAMES), encoder=catalog.require(SHIPPED_ENCODER), threads=config.models.threads or None
    )


def encoder_in_use(config: Config) -> str | None:
    """The revision of the encoder, for lists: without opening it. None for one that was added or is not there."""
    catalog = open_catalog(config)
    if config.models.encoder != SHIPPED_ENCODER:
        return None
    try:
        return read_meta(EncoderMeta, catalog.folder(catalog.get(SHIPPED_ENCODER))).revision
    except ModelRefused:
        return None


def open_catalog(config: Config) -> Catalog:
    """The catalogue over the weights that the settings name, or over those that ship."""
    return Catalog.open(weights=Path(config.models.weights) if config.models.weights else WEIGHTS)


class Queues:
    """The models on the event loop, each behind its bounded queue."""

    def __init__(self, models: ModelSet, classifier: IntentClassifier, config: Config, metrics: Metrics) -> None:
        waiting = config.models.max_waiting
        self._classifier = classifier
        self._encode = Batcher[str, Reading](
            lambda texts: read_messages(models.encoder, texts),
            max_batch=_ENCODER_BATCH,
            max_waiting=waiting,
            name="encoder",
            observer=metrics.batch,
        )
        self._score = Batcher[Pair, float](
            lambda pairs: models.reranker.score(pairs).tolist(),
            max_batch=_PAIR_BATCH,
            max_waiting=waiting,
            name="reranker",
            observer=metrics.batch,
        )
        sentences = models.sentences or models.reranker
        self._sentences = Batcher[Pair, float](
            lambda pairs: sentences.score(pairs).tolist(),
            max_batch=_SENTENCE_BATCH,
            max_waiting=waiting,
            name="sentences",
            observer=metrics.batch,
        )
        self._support = Batcher[Pair, float](
            lambda pairs: models.support.support(pairs).tolist(),
            max_batch=_PAIR_BATCH,
            max_waiting=waiting,
            name="support",
            observer=metrics.batch,
        )

    async def encode(self, texts: Sequence[str]) -> list[Reading]:
        return await self._encode.submit(texts)

    async def score(self, pairs: Sequence[Pair]) -> list[float]:
        return await self._score.submit(pairs)

    async def sentences(self, pairs: Sequence[Pair]) -> list[float]:
        return await self._sentences.submit(pairs)

    async def support(self, pairs: Sequence[Pair]) -> list[float]:
        return await self._support.submit(pairs)

    def classify(self, features: Features) -> Classification:
        """A few thousand multiplications: cheaper here than the way to a thread and back."""
        return self._classifier.classify(features[None, :])[0]

    async def close(self) -> None:
        async with AsyncExitStack() as stack:
            for queue in (self._encode, self._score, self._sentences, self._support):
                stack.push_async_callback(queue.close)
