"""Opens the local models that the settings ask for, and puts a bounded queue before each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config
from appliance.metrics import Metrics
from models.batching import Batcher
from models.catalog import WEIGHTS, Catalog
from models.classifier import OnnxIntentClassifier
from models.encoder import OnnxEncoder
from models.fusion import Fusion
from models.reranker import OnnxReranker
from models.roles import Classification, Encoder, IntentClassifier, Pair, Reranker, SupportChecker, Vector
from models.support import LexicalEncoderSupport

_ENCODER_BATCH = 32
_PAIR_BATCH = 40
"""Pairs of two to four questions: enough to fill the cores, short enough that nobody waits long for the batch before theirs."""


@dataclass(frozen=True, slots=True)
class ModelSet:
    """The models themselves: synchronous, batched, safe to call from threads."""

    encoder: Encoder
    reranker: Reranker
    support: SupportChecker
    fusion: Fusion

    @property
    def description(self) -> str:
        return f"{self.encoder.revision}, {self.reranker.revision}"


def open_models(config: Config) -> ModelSet:
    """Load encoder, reranker and support checker after their files have been checked. Raises ``ModelRefused``."""
    catalog = open_catalog(config)
    threads = config.models.threads or None
    encoder = OnnxEncoder.open(catalog.require("encoder"), provider=config.models.provider, threads=threads)
    folder = catalog.require("reranker")
    reranker = OnnxReranker.open(folder, provider=config.models.provider, threads=threads)
    return ModelSet(encoder, reranker, LexicalEncoderSupport(encoder), Fusion.open(folder / "fusion.json"))


def open_classifier(config: Config, profile: str, encoder: Encoder) -> IntentClassifier:
    """The intent heads of a profile. Raises ``ModelRefused`` when there are none or they belong to another encoder."""
    folder = open_catalog(config).require(f"intent-{profile}")
    return OnnxIntentClassifier.open(folder, encoder_revision=encoder.revision)


def open_catalog(config: Config) -> Catalog:
    """The catalogue over the weights that the settings name, or over those that ship."""
    return Catalog.open(weights=Path(config.models.weights) if config.models.weights else WEIGHTS)


class Queues:
    """The models on the event loop, each behind its bounded queue."""

    def __init__(self, models: ModelSet, classifier: IntentClassifier, config: Config, metrics: Metrics) -> None:
        waiting = config.models.max_waiting
        self._classifier = classifier
        self._encode = Batcher[str, Vector](
            lambda texts: list(models.encoder.encode(texts)),
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
        self._support = Batcher[Pair, float](
            lambda pairs: models.support.support(pairs).tolist(),
            max_batch=_PAIR_BATCH,
            max_waiting=waiting,
            name="support",
            observer=metrics.batch,
        )

    async def encode(self, texts: Sequence[str]) -> list[Vector]:
        return await self._encode.submit(texts)

    async def score(self, pairs: Sequence[Pair]) -> list[float]:
        return await self._score.submit(pairs)

    async def support(self, pairs: Sequence[Pair]) -> list[float]:
        return await self._support.submit(pairs)

    def classify(self, vector: Vector) -> Classification:
        """A few thousand multiplications: cheaper here than the way to a thread and back."""
        return self._classifier.classify(vector[None, :])[0]

    async def close(self) -> None:
        async with AsyncExitStack() as stack:
            for queue in (self._encode, self._score, self._support):
                stack.push_async_callback(queue.close)
