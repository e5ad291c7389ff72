"""The line as it stands in one process: who ends in order with work left is missed, and a defect does not end the work of a living one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

import pytest
from line_parts import Parts, Rung

from appliance import config as settings
from appliance import standing
from appliance.channels.reception import Reception
from appliance.line.load import Backlog
from appliance.standing import Standing, stand
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.outbox import Departure, Happened, SqlOutbox
from appliance.store.replicas import SqlReplicas
from models.roles import DraftSentence, SynthesisRequest

QUESTION = "When do I get my refund?"
SECRET = "my-password-is-hunter2"
Now = Callable[[], datetime]
Ids = Callable[[], str]


class Endless(Rung):
    """Says that it has begun, and never writes a sentence."""

    def __init__(self) -> None:
        super().__init__([])
        self.begun = asyncio.Event()

    async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
        self.begun.set()
        await asyncio.Event().wait()
        yield DraftSentence("", ())


def hook(happened: Happened) -> Iterable[Departure]:
    yield Departure(f"hook:{happened.message_id}:{happened.what}", "webhook", "crm", "event")


def line(
    database: Database, data: Path, parts: Parts, now: Now, ids: Ids, conversations: SqlConversations
) -> AbstractAsyncContextManager[Standing]:
    config = settings.Config(data=data, database=settings.Database(url=database.url))
    return stand(
        config, database, parts.desk(), backlog=Backlog(), observe=lambda _: None, new_id=ids, now=now, depart=hook
    )


async def test_a_replica_that_ends_with_a_run_under_way_is_missed_so_that_another_takes_it_over(
    database: Database, tmp_path: Path, clock: Now, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_GRACE_S", 0.0)
    rung, conversations = Endless(), SqlConversations(database, new_id=ids)
    async with line(database, tmp_path, Parts(ladder=(rung,)), clock, ids, conversations) as opened:
        reception = Reception(conversations, opened.runner, max_message_chars=200, new_id=ids, now=clock)
        await reception.open(channel="chat", text=QUESTION)
        await rung.begun.wait()
    assert [name for name, _, _ in SqlReplicas(database).alive()] == [opened.replica]


async def test_a_replica_that_ends_with_a_parcel_in_hand_is_missed(
    database: Database, tmp_path: Path, clock: Now, ids: Ids
) -> None:
    conversations = SqlConversations(database, depart=hook, new_id=ids)
    async with line(database, tmp_path, Parts(), clock, ids, conversations) as opened:
        conversations.create(NewConversation("c", "t", "chat"), now=clock(), first=NewMessage("m", QUESTION))
        assert SqlOutbox(database).claim(replica=opened.replica, now=clock(), limit=8)
    assert [name for name, _, _ in SqlReplicas(database).alive()] == [opened.replica]


async def test_a_replica_that_has_done_all_its_work_leaves(
    database: Database, tmp_path: Path, clock: Now, ids: Ids
) -> None:
    conversations = SqlConversations(database, new_id=ids)
    async with line(database, tmp_path, Parts(), clock, ids, conversations) as opened:
        reception = Reception(conversations, opened.runner, max_message_chars=200, new_id=ids, now=clock)
        sent = await reception.open(channel="chat", text=QUESTION)
        assert sent.accepted is not None
        assert (await opened.runner.reply(sent.accepted.message.id)).outcome == "answered"
    assert SqlReplicas(database).alive() == []


async def test_a_defect_in_one_round_does_not_end_the_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(standing, "_AFTER_DEFECT_S", 0.0)
    rounds: list[int] = []
    there = asyncio.Event()

    async def work() -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise ValueError(f"a driver quotes {SECRET}")
        there.set()
        await asyncio.Event().wait()

    caplog.set_level(logging.DEBUG)
    async with asyncio.timeout(30), standing._running(work):
        await there.wait()
    assert "defect" in caplog.text
    assert SECRET not in caplog.text
