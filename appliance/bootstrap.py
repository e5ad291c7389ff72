"""From settings to a working appliance: the one place that chooses parts."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from appliance.channels.reception import Reception
from appliance.channels.visitors import Visitors
from appliance.config import Config
from appliance.egress.office import Office
from appliance.errors import ApplianceFault
from appliance.heads import Heads
from appliance.hosting import open_hosted
from appliance.knowledge import Knowledge, open_knowledge
from appliance.languages import open_detector, open_tongue, read_by
from appliance.learned import read_thresholds
from appliance.line.desk import Desk
from appliance.line.load import Backlog
from appliance.line.runner import Runner
from appliance.measures.rungs import rungs as rung_figures
from appliance.metrics import Metrics
from appliance.model_set import ModelSet, Queues, open_heads, open_models
from appliance.policy import Policy, load_policy
from appliance.private import private_of
from appliance.recognition import Recognition, customer_keys, open_recognition
from appliance.rungs import model_keys, open_ladder
from appliance.stand_in import stand_in_classifier, stand_in_models
from appliance.standing import Standing, stand
from appliance.store.access import SqlAccess
from appliance.store.conversations import SqlConversations
from appliance.store.database import Database
from appliance.store.settings import SqlSettings
from kb.errors import KnowledgeFault
from kb.ingest import check_level
from kb.ranking import Ranking
from models.errors import ModelFault
from models.roles import IntentClassifier, LanguageDetector
from models.synthesis.quote import APART, QuoteSynthesizer


@dataclass(frozen=True, slots=True)
class Appliance:
    """An open appliance. Everything outside reaches the inside through these."""

    config: Config
    policy: Policy
    database: Database
    conversations: SqlConversations
    knowledge: Knowledge
    models: ModelSet
    desk: Desk
    reception: Reception
    line: Standing
    metrics: CollectorRegistry
    heads: str
    """Which intent heads serve, and why not others."""
    recognition: Recognition

    @property
    def runner(self) -> Runner:
        """The runs, for whoever waits for a reply or watches."""
        return self.line.runner

    @property
    def access(self) -> SqlAccess:
        """Keys and sessions of the staff."""
        return SqlAccess(self.database)

    @property
    def visitors(self) -> Visitors:
        """Customers whom a host page has signed in."""
        return self.recognition.visitors

    @property
    def egress(self) -> Office:
        """What left, and the brake, for the staff's pages."""
        return Office(self.config, self.database, now=lambda: datetime.now(UTC))

    def rungs(self) -> dict[str, Any]:
        """How each rung of the ladder has done in the last 30 days. May block."""
        now = datetime.now(UTC)
        return rung_figures(self.database, since=now - timedelta(days=30), now=now)

    def ready(self) -> list[tuple[str, bool, str]]:
        """(part, ok, detail) of everything that must work before a ticket can be answered. May block."""
        return [
            self._check("database", self._count),
            self._check("index", self._index),
            ("models", True, self.models.description),
            ("ranking", True, self.models.order),
            ("intent_heads", True, self.heads),
            *self.recognition.ready(),
            *((f"rung {rung.name}", True, rung.state) for rung in self.desk.ladder),
        ]

    def _check(self, part: str, look: Callable[[], str]) -> tuple[str, bool, str]:
        try:
            return part, True, look()
        except (ApplianceFault, KnowledgeFault, ModelFault, OSError) as fault:
            return part, False, str(fault)

    def _count(self) -> str:
        return f"{self.knowledge.articles.count()[0]} articles"

    def _index(self) -> str:
        manifest = self.knowledge.index.check()
        check_level(self.knowledge.articles, self.knowledge.index)
        return "empty" if manifest is None else f"{manifest.encoder_revision}"


@asynccontextmanager
async def open_appliance(
    config: Config,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    clock: Callable[[], float] = time.perf_counter,
) -> AsyncIterator[Appliance]:
    """Open every part, take up what an earlier process left unanswered, and close it all in the end."""
    async with AsyncExitStack() as stack:
        policy = load_policy(config.profile)
        database = Database(config.database_url)
        stack.callback(database.close)
        models, detector = await _models(config, policy)
        metrics = Metrics()
        heads = None if config.models.stand_in else open_heads(config, policy.name, models.encoder)
        classifier = heads.classifier if heads else stand_in_classifier(policy, models.encoder)
        policy = _guided(policy, classifier, heads)
        queues = Queues(models, classifier, config, metrics)
        stack.push_async_callback(queues.close)
        tongue = open_tongue(config, policy, detector)
        knowledge = open_knowledge(config, database, models.encoder, tongue=tongue)
        conversations = SqlConversations(database, now=now)
        backlog = Backlog()
        recognition = open_recognition(
            config, policy, database, metrics.registry, stack.callback, new_id=new_id, now=now
        )
        hosted = open_hosted(config, policy, database, stack, now=now)
        ladder = open_ladder(config, _quote(models, queues), stack, clock=clock, backlog=backlog, hosted=hosted)
        metrics.watch(ladder)
        desk = Desk(
            policy=policy,
            identify=recognition.identify,
            detect=detector.detect,
            reads=read_by(models.encoder, models.reranker),
            languages=knowledge.languages,
            encode=queues.encode,
            classify=queues.classify,
            find=knowledge.find,
            rank=_ranking(config, models, queues),
            support=queues.support,
            ladder=ladder,
            keep=config.retrieval.keep,
            today=lambda: now().date(),
            clock=clock,
            private=private_of(config, policy, SqlSettings(database), model_keys(config) | customer_keys(config)),
        )
        line = await stack.enter_async_context(
            stand(config, database, desk, backlog=backlog, observe=metrics.closed, new_id=new_id, now=now)
        )
        reception = _reception(config, conversations, line, new_id=new_id, now=now)
        parts = (config, policy, database, conversations, knowledge, models, desk, reception, line)
        yield Appliance(*parts, metrics.registry, _spoken(heads), recognition)


@asynccontextmanager
async def answering(appliance: Appliance) -> AsyncIterator[None]:
    """While open, messages that an earlier process left are answered, and ones that could not be stored are tried again."""
    async with appliance.line.serving():
        yield


def _reception(
    config: Config,
    conversations: SqlConversations,
    line: Standing,
    *,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> Reception:
    return Reception(
        conversations,
        line.runner,
        max_message_chars=config.server.max_message_chars,
        new_id=new_id,
        now=now,
        signed_in=timedelta(seconds=config.identity.signed_in_s),
    )


def _spoken(heads: Heads | None) -> str:
    return "stand-in" if heads is None else f"{heads.classifier.revision}. {heads.notice}".removesuffix(". ")


async def _models(config: Config, policy: Policy) -> tuple[ModelSet, LanguageDetector]:
    """Side by side, since each takes a second or so and most of that is unpacking, which needs no lock of Python's."""
    if config.models.stand_in:
        return stand_in_models(), open_detector(config, policy)
    return await asyncio.gather(
        asyncio.to_thread(open_models, config), asyncio.to_thread(open_detector, config, policy)
    )


def _guided(policy: Policy, classifier: IntentClassifier, heads: Heads | None) -> Policy:
    """The policy with the thresholds that were learnt with these heads. Raises ``ConfigInvalid`` when the two do not fit."""
    for intent in classifier.intents:
        policy.intent(intent)  # heads of another profile would fail each ticket; better to refuse to start
    learned = read_thresholds(heads.folder) if heads else None
    return policy.with_learned(learned, revision=classifier.revision) if learned else policy


def _ranking(config: Config, models: ModelSet, queues: Queues) -> Ranking:
    score = queues.score if config.retrieval.rerank else None
    always = config.retrieval.rerank == "always"
    fusion = models.fusion.model_copy(update={"use_reranker": True}) if always else models.fusion
    return Ranking(fusion, score, depth=config.retrieval.candidates)


def _quote(models: ModelSet, queues: Queues) -> QuoteSynthesizer:
    if models.sentences is None:
        return QuoteSynthesizer(queues.score)
    return QuoteSynthesizer(queues.sentences, rules=APART)
