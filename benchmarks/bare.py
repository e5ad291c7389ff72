"""The bare model calls of an answer: recorded once on the real line, then replayed alone on the same inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from appliance.bootstrap import Appliance
from appliance.line.desk import Desk
from appliance.line.ladder import Local
from appliance.line.line import run as run_line
from appliance.model_set import ModelSet, open_classifier
from appliance.ticket import Message, Ticket
from kb.ranking import Ranking
from models.bi_encoder import BiEncoderReranker
from models.features import read_messages
from models.roles import Classification, Features, IntentClassifier, Pair, Reading
from models.synthesis.quote import APART, QuoteSynthesizer


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one model; ``inputs`` are what it got, ``ms`` how long it took where it was recorded."""

    model: str
    inputs: Sequence[Any]
    ms: float = 0.0


class Models:
    """The models of an appliance by name, without queues."""

    def __init__(self, appliance: Appliance) -> None:
        self.set: ModelSet = appliance.models
        self.heads: IntentClassifier = open_classifier(appliance.config, appliance.policy.name, self.set.encoder)
        self._by_name: dict[str, Callable[[Any], Any]] = {
            "encoder": lambda texts: read_messages(self.set.encoder, texts),
            "classifier": lambda features: self.heads.classify(np.stack(features)),
            "reranker": self.set.reranker.score,
            "support": self.set.support.support,
        }
        self.forget()

    def forget(self) -> None:
        """Begin with no sentence known, as a server does that has just been started."""
        near = BiEncoderReranker(self.set.encoder) if self.set.sentences else self.set.reranker
        self._by_name["sentences"] = near.score

    def call(self, call: Call) -> Any:
        return self._by_name[call.model](call.inputs)

    def seconds(self, calls: Sequence[Call]) -> float:
        began = time.perf_counter()
        for call in calls:
            self.call(call)
        return time.perf_counter() - began


async def recorded(appliance: Appliance, models: Models, question: str) -> tuple[list[Call], str]:
    """The model calls of the line for ``question``, in order, and its outcome."""
    calls: list[Call] = []
    message = Message("bench", "bench", 1, "customer", question, datetime.now(UTC))
    closed = await run_line(_recording(appliance, models, calls), Ticket(message), lambda _kind, _data: None)
    return calls, closed.reply.outcome


def merged(answers: Sequence[Sequence[Call]]) -> list[Call]:
    """The calls of several answers, like with like in one call: what a queue before the models can make of them at best."""
    return [
        Call(model, [item for calls in answers for call in calls if call.model == model for item in call.inputs])
        for model in ("encoder", "classifier", "reranker", "sentences", "support")
        if any(call.model == model for calls in answers for call in calls)
    ]


def _recording(appliance: Appliance, models: Models, calls: list[Call]) -> Desk:
    """The appliance's desk with its models called directly, each call noted."""

    def noted(model: str, inputs: Sequence[Any]) -> Any:
        call = Call(model, list(inputs))
        began = time.perf_counter()
        found = models.call(call)
        calls.append(replace(call, ms=(time.perf_counter() - began) * 1000))
        return found

    async def encode(texts: Sequence[str]) -> list[Reading]:
        return list(noted("encoder", texts))

    async def score(pairs: Sequence[Pair]) -> list[float]:
        return [float(one) for one in noted("reranker", pairs)]

    async def sentences(pairs: Sequence[Pair]) -> list[float]:
        return [float(one) for one in noted("sentences", pairs)]

    async def support(pairs: Sequence[Pair]) -> list[float]:
        return [float(one) for one in noted("support", pairs)]

    def classify(features: Features) -> Classification:
        found: Classification = noted("classifier", [features])[0]
        return found

    return replace(
        appliance.desk,
        encode=encode,
        classify=classify,
        rank=Ranking(
            models.set.fusion,
            score if appliance.config.retrieval.rerank else None,
            depth=appliance.config.retrieval.candidates,
        ),
        support=support,
        ladder=(Local(QuoteSynthesizer(sentences, rules=APART) if models.set.sentences else QuoteSynthesizer(score)),),
    )
