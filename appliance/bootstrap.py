"""From settings to a working appliance: the one place that chooses parts."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from appliance.channels.reception import Reception
from appliance.config import Config
from appliance.customers import Customers
from appliance.errors import ApplianceFault, ConfigInvalid
from appliance.knowledge import Knowledge, open_knowledge
from appliance.line.desk import Desk
from appliance.line.runner import Runner
from appliance.metrics import Metrics
from appliance.model_set import ModelSet, Queues, open_classifier, open_models
from appliance.policy import Policy, load_policy
from appliance.stand_in import stand_in_classifier, stand_in_models
from appliance.store.conversations import SqlConversations
from appliance.store.database import Database
from kb.errors import KnowledgeFault
from kb.ingest import check_level
from kb.ranking import Ranking
from models.errors import ModelFault
from models.roles import IntentClassifier, Synthesizer
from models.synthesis.quote import QuoteSynthesizer
from models.synthesis.vllm import VllmSynthesizer

_PARALLEL = 8
"""Lines at once: more only makes the ones under way slower, since they share the same cores."""
_GRACE_S = 10.0


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
    runner: Runner
    metrics: CollectorRegistry

    def ready(self) -> list[tuple[str, bool, str]]:
        """(part, ok, detail) of everything that must work before a ticket can be answered. May block."""
        return [
            self._check("database", self._count),
            self._check("index", self._index),
            ("models", True, self.models.description),
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
        models = stand_in_models() if config.models.stand_in else await asyncio.to_thread(open_models, config)
        metrics = Metrics()
        classifier = _classifier(config, policy, models)
        for intent in classifier.intents:
            policy.intent(intent)  # heads of another profile would fail each ticket; better to refuse to start
        queues = Queues(models, classifier, config, metrics)
        stack.push_async_callback(queues.close)
        knowledge = open_knowledge(config, database, models.encoder)
        conversations = SqlConversations(database)
        desk = Desk(
            policy=policy,
            identify=Customers(conversations).identify,
            encode=queues.encode,
            classify=queues.classify,
            find=knowledge.find,
            rank=Ranking(
                models.fusion,
                queues.score if config.retrieval.rerank else None,
                depth=config.retrieval.candidates,
            ),
            support=queues.support,
            ladder=await _ladder(config, queues, stack),
            keep=config.retrieval.keep,
            today=lambda: now().date(),
            clock=clock,
        )
        runner = Runner(
            desk,
            conversations,
            max_running=config.server.max_running,
            parallel=_PARALLEL,
            new_id=new_id,
            now=now,
            observe=metrics.closed,
        )
        reception = Reception(
            conversations, runner, max_message_chars=config.server.max_message_chars, new_id=new_id, now=now
        )
        stack.push_async_callback(runner.stop, grace_s=_GRACE_S)
        yield Appliance(
            config, policy, database, conversations, knowledge, models, desk, reception, runner, metrics.registry
        )


@asynccontextmanager
async def answering(appliance: Appliance) -> AsyncIterator[None]:
    """While open, messages that an earlier process left are answered, and ones that could not be stored are tried again."""
    await appliance.runner.resume()
    sweep = asyncio.create_task(appliance.runner.sweep(), name="sweep")
    try:
        yield
    finally:
        sweep.cancel()
        with suppress(asyncio.CancelledError):
            await sweep


def _classifier(config: Config, policy: Policy, models: ModelSet) -> IntentClassifier:
    if config.models.stand_in:
        return stand_in_classifier(policy, models.encoder)
    return open_classifier(config, policy.name, models.encoder)


async def _ladder(config: Config, queues: Queues, stack: AsyncExitStack) -> tuple[Synthesizer, ...]:
    """The rungs in order. The last one copies sentences and needs no language model, so there is always one that is up."""
    quote = QuoteSynthesizer(queues.score)
    if config.synthesis.mode == "quote":
        return (quote,)
    if not config.synthesis.model:
        raise ConfigInvalid(
            "synthesis.model is not set.", remedy="Name the model that vLLM serves, as in its --served-model-name."
        )
    vllm = VllmSynthesizer(
        base_url=config.synthesis.base_url,
        model=config.synthesis.model,
        api_key=_api_key(config),
        timeout_s=config.synthesis.timeout_s,
        first_token_timeout_s=config.synthesis.first_token_timeout_s,
        max_retries=config.synthesis.max_retries,
    )
    stack.push_async_callback(vllm.aclose)
    return (vllm, quote)


def _api_key(config: Config) -> str:
    file = config.synthesis.api_key_file
    if not file:
        return os.environ.get("APPLIANCE_VLLM_API_KEY", "")
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise ConfigInvalid(
            f"The key file {file} cannot be read: {error.strerror}.",
            remedy="Check synthesis.api_key_file and its permissions.",
        ) from error
