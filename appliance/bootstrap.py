"""From settings to a working appliance: the one place that chooses parts."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from appliance.channels.attachments import Attachments, open_attachments
from appliance.channels.desks.intake import DeskIntake
from appliance.channels.mail.mailroom import Mailroom
from appliance.channels.programs import Programs
from appliance.channels.reception import Reception
from appliance.channels.strangers import Strangers
from appliance.channels.visitors import Visitors
from appliance.config import Config
from appliance.desks import Shared, further_desks, own_desk, staffed
from appliance.egress.office import Office
from appliance.errors import ApplianceFault
from appliance.heads import Heads
from appliance.hosting import open_hosted
from appliance.knowledge import Knowledge, open_knowledge
from appliance.languages import open_detector, open_tongue
from appliance.line.desk import Desk
from appliance.line.load import Backlog
from appliance.line.runner import Runner
from appliance.measures.rungs import rungs as rung_figures
from appliance.metrics import Metrics
from appliance.model_set import ModelSet, Queues, open_models
from appliance.policy import Policy, load_policy
from appliance.post_office import Ways, open_ways
from appliance.recognition import Recognition, open_recognition
from appliance.rungs import open_ladder
from appliance.stand_in import stand_in_models
from appliance.standing import Standing, stand
from appliance.store.access import SqlAccess
from appliance.store.conversations import SqlConversations
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.settings import SqlSettings
from appliance.ticket import Closed
from kb.errors import KnowledgeFault
from kb.ingest import check_level
from models.errors import ModelFault
from models.roles import LanguageDetector
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
    desks: DeskIntake
    attachments: Attachments
    strangers: Strangers
    programs: Programs
    mail: Mailroom | None = None
    """None without a mailbox."""

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
            self._check("attachments", self.attachments.check),
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
        database = stack.enter_context(closing(Database(config.database_url)))
        models, detector = await _models(config, policy)
        metrics = Metrics()
        policy, classifier, heads = staffed(config, models.encoder, config.profile)
        queues = Queues(models, classifier, config, metrics)
        stack.push_async_callback(queues.close)
        tongue = open_tongue(config, policy, detector)
        knowledge = open_knowledge(config, database, models.encoder, tongue=tongue)
        ways = open_ways(config, policy, database, metrics.registry, new_id=new_id, now=now)
        conversations = SqlConversations(
            database, depart=ways.depart, new_id=new_id, now=now, limits=config.attachments
        )
        backlog = Backlog()
        recognition = open_recognition(config, database, metrics.registry, stack.callback, new_id=new_id, now=now)
        hosted = open_hosted(config, policy, database, stack, now=now)
        ladder = open_ladder(config, _quote(models, queues), stack, clock=clock, backlog=backlog, hosted=hosted)
        metrics.watch(ladder)
        shared = Shared(config, database, models, queues, detector, knowledge, recognition, ladder, now, clock)
        desk = own_desk(shared, policy)
        desks = further_desks(shared, desk, config.further_profiles)
        line = await stack.enter_async_context(
            _stand(config, database, desk, desks, ways, backlog=backlog, observe=metrics.closed, new_id=new_id, now=now)
        )
        reception = _reception(config, conversations, line, new_id=new_id, now=now)
        files = open_attachments(config, database, conversations, now=now)
        parts = (config, policy, database, conversations, knowledge, models, desk, reception, line)
        intake = ways.intake(reception)
        door = _at_the_door(config, database, new_id=new_id, now=now)
        yield Appliance(*parts, metrics.registry, _spoken(heads), recognition, intake, files, *door, ways.mail)


@asynccontextmanager
async def answering(appliance: Appliance) -> AsyncIterator[None]:
    """While open, messages that an earlier process left are answered, and ones that could not be stored are tried again."""
    mail = appliance.mail
    more = (partial(mail.work, appliance.reception, replica=appliance.line.replica),) if mail else ()
    async with appliance.line.serving(*more):
        sweep = asyncio.create_task(appliance.attachments.sweep(), name="sweep-attachments")
        try:
            yield
        finally:
            sweep.cancel()
            await asyncio.gather(sweep, return_exceptions=True)


def _at_the_door(
    config: Config, database: Database, *, new_id: Callable[[], str], now: Callable[[], datetime]
) -> tuple[Strangers, Programs]:
    key = _form_key(database)
    access, customers = SqlAccess(database), SqlCustomers(database)
    return Strangers(config.openings, key), Programs(access, customers, config.programs, key, new_id=new_id, now=now)


def _form_key(database: Database) -> bytes:
    """Signs contact forms; kept in the database, so that a form shown by one replica may come back to another."""
    return bytes.fromhex(SqlSettings(database).once("form_key", lambda: secrets.token_hex(32)))


def _stand(
    config: Config,
    database: Database,
    desk: Desk,
    desks: Mapping[str, Desk],
    ways: Ways,
    *,
    backlog: Backlog,
    observe: Callable[[Closed], None],
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> AbstractAsyncContextManager[Standing]:
    return stand(
        config,
        database,
        desk,
        desks=desks,
        backlog=backlog,
        observe=observe,
        new_id=new_id,
        now=now,
        depart=ways.depart,
        carriers=ways.carriers,
        given_up=ways.given_up,
    )


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
        limits=config.attachments,
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


def _quote(models: ModelSet, queues: Queues) -> QuoteSynthesizer:
    if models.sentences is None:
        return QuoteSynthesizer(queues.score)
    return QuoteSynthesizer(queues.sentences, rules=APART)
