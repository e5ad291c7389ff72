"""The journal on disk: what it spares a resumed run, what it holds, what it forgets, and that its loss loses no message."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house_parts import House, house
from line_parts import Parts, Rung, draft
from sqlalchemy import create_engine, inspect, text

from appliance.line import durable
from appliance.line.durable import Durable
from appliance.line.journal import Journal
from appliance.line.journal_file import journal_url
from appliance.store.database import Database
from models.roles import DraftSentence, SynthesisRequest

QUESTION = "When do I get my refund, said the purple elephant?"
MARK = "purple elephant"
FIRST = "Refunds are paid within 10 business days."
Now = Callable[[], datetime]
Ids = Callable[[], str]


class Slow(Rung):
    """Writes its sentences, says so, and waits for ever."""

    def __init__(self, *says: DraftSentence) -> None:
        super().__init__(says)
        self.at_the_end = asyncio.Event()

    async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
        for one in self.says:
            assert isinstance(one, DraftSentence)
            yield one
        self.at_the_end.set()
        await asyncio.Event().wait()


async def broken_off(database: Database, clock: Now, ids: Ids, *says: DraftSentence) -> tuple[str, str, str, Parts]:
    """A life that ends in the middle of a draft: (conversation, token, message, parts)."""
    rung = Slow(*says)
    parts = Parts(ladder=(rung,))
    async with house(database, parts, now=clock, new_id=ids) as here:
        opened = await here.reception.open(channel="chat", text=QUESTION)
        assert opened.accepted is not None
        await rung.at_the_end.wait()
        await here.runner.stop(grace_s=0)
    return opened.id, opened.token, opened.accepted.message.id, parts


def lose_the_journal(data: Path) -> None:
    files = list(data.glob("line.db*"))
    assert files
    for file in files:
        file.unlink()


async def closed(here: House, message_id: str) -> None:
    """A resumed run has nobody who waits for its reply; it has closed when it was observed."""
    async with asyncio.timeout(60):
        await here.closed.wait()
    assert here.turns.reply(message_id) is not None


async def test_stations_that_were_noted_are_not_asked_again(database: Database, clock: Now, ids: Ids) -> None:
    _, _, message_id, before = await broken_off(database, clock, ids)
    assert before.encoded
    assert before.seen
    parts = Parts()
    async with house(database, parts, now=clock, new_id=ids) as here:
        await closed(here, message_id)
        assert [one.reply.outcome for one in here.observed] == ["answered"]
    assert (parts.encoded, parts.seen) == ([], [])


async def test_what_was_told_before_the_end_is_the_reply_with_its_citations(
    database: Database, clock: Now, ids: Ids
) -> None:
    name, token, message_id, _ = await broken_off(database, clock, ids, draft(FIRST))
    other = Rung([draft("They go to the card that paid.")])
    async with house(database, Parts(ladder=(other,)), now=clock, new_id=ids) as here:
        await closed(here, message_id)
        reply = await here.runner.reply(message_id)
        assert (reply.outcome, reply.rule) == ("answered", "ground.told")
        assert reply.text.partition("\n")[0] == FIRST
        assert [(one.n, one.article_id) for one in reply.citations] == [(1, "refunds")]
        assert other.asked == []
        told = [one["data"]["text"] for one in here.turns.events(name, after_seq=0) if one["type"] == "sentence"]
        assert told == [FIRST]
        view = await here.reception.view(name, token)
        assert [one.author for one in view.messages] == ["customer", "assistant"]


@pytest.mark.parametrize("says", [(), (draft(FIRST),)])
async def test_when_the_journal_is_lost_the_sweep_answers_all_the_same(
    sqlite: Database, tmp_path: Path, clock: Now, ids: Ids, says: tuple[DraftSentence, ...]
) -> None:
    _, _, message_id, _ = await broken_off(sqlite, clock, ids, *says)
    lose_the_journal(tmp_path)
    async with house(sqlite, Parts(), now=clock, new_id=ids) as here:
        assert await here.runner.resume() == 1
        await closed(here, message_id)
        [reply] = [one.reply for one in here.observed]
        assert (reply.outcome, reply.text.startswith(FIRST)) == ("answered", True)


async def test_runs_by_the_name_of_an_older_line_are_cancelled_and_begun_anew(
    database: Database, clock: Now, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(durable, "_TURN", "turn-0")
        _, _, message_id, _ = await broken_off(database, clock, ids)
    parts = Parts()
    async with house(database, parts, now=clock, new_id=ids) as here:
        assert await here.runner.resume() == 1
        await closed(here, message_id)
        assert [one.reply.message_id for one in here.observed] == [message_id]
    assert parts.encoded, "its notes are not read"


def stored(database_url: str) -> list[str]:
    """Every text value of every table of the journal."""
    line = journal_url(database_url)
    engine = create_engine(line)
    found: list[str] = []
    with engine.connect() as connection:
        schema = None if database_url.startswith("sqlite") else "dbos"
        for table in inspect(connection).get_table_names(schema=schema):
            whole = f"{schema}.{table}" if schema else table
            for row in connection.execute(text(f"SELECT * FROM {whole}")):
                found.extend(str(value) for value in row if isinstance(value, str | bytes))
    engine.dispose()
    return found


async def test_the_journal_holds_json_and_no_pickle(
    database: Database, database_url: str, clock: Now, ids: Ids
) -> None:
    def encode(_: object) -> Any:
        raise ValueError(MARK)

    async with house(database, Parts(), now=clock, new_id=ids) as here:
        for _ in range(2):
            opened = await here.reception.open(channel="chat", text=QUESTION)
            assert opened.accepted is not None
            await here.runner.reply(opened.accepted.message.id)
            here.parts.encode = encode
    values = stored(database_url)
    notes = [value for value in values if value.startswith(("{", "["))]
    assert any('"result"' in value for value in notes)
    assert any('"fault"' in value for value in notes)
    assert all(json.loads(value) is not None for value in notes)
    for value in values:
        assert "pickle" not in value
        assert not value.startswith(base64.b64encode(pickle.dumps(0, protocol=4))[:3].decode())
        if '"fault"' in value:
            assert MARK not in value


async def test_finished_runs_are_forgotten_and_leave_no_word_of_the_customer(
    database: Database, database_url: str, clock: Now, ids: Ids
) -> None:
    engine = Durable(database_url, replica="r1", turn=_nothing)
    async with house(database, Parts(), now=clock, new_id=ids) as here:
        opened = await here.reception.open(channel="chat", text=QUESTION)
        assert opened.accepted is not None
        await here.runner.reply(opened.accepted.message.id)
        await here.runner.stop(grace_s=5)
    assert any(MARK in value for value in stored(database_url)), "or this test proves nothing"
    await engine.open()
    try:
        later = datetime.now(UTC) + timedelta(hours=1)
        assert await engine.forget(before=later - timedelta(days=1)) == 0
        assert await engine.forget(before=later) == 1
        assert await engine.forget(before=later) == 0
    finally:
        await engine.close()
    assert not [value for value in stored(database_url) if MARK in value]
    if database_url.startswith("sqlite"):
        for file in Path(database_url.removeprefix("sqlite:///")).parent.glob("line.db*"):
            assert MARK.encode() not in file.read_bytes(), file.name


async def _nothing(_message_id: str, _journal: Journal) -> None:
    return


@asynccontextmanager
async def clockwork(url: str, rung: list[str]) -> AsyncIterator[Durable]:
    async def ring(key: str) -> None:
        rung.append(key)

    engine = Durable(url, replica="r1", turn=_nothing, timers={"follow_up": ring})
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


async def rings(rung: list[str], count: int) -> None:
    async with asyncio.timeout(60):
        while len(rung) < count:  # noqa: ASYNC110 # a list tells nobody
            await asyncio.sleep(0.05)


async def test_a_timer_rings_once_though_the_process_was_away_when_it_was_due(
    database: Database, database_url: str
) -> None:
    rung: list[str] = []
    async with clockwork(database_url, rung) as engine:
        await engine.at("follow_up", "c1", 2.0)
        await engine.at("follow_up", "c1", 0.0)  # asked for again: nothing changes
        await engine.at("unknown", "c1", 0.0)
    assert rung == []
    await asyncio.sleep(2.0)
    async with clockwork(database_url, rung) as engine:
        await rings(rung, 1)
        await engine.at("follow_up", "c1", 0.0)
        await engine.at("follow_up", "c2", 0.0)
        await rings(rung, 2)
    async with clockwork(database_url, rung) as engine:
        await engine.at("follow_up", "c3", 0.0)
        await rings(rung, 3)
    assert rung == ["c1", "c2", "c3"]


async def test_a_message_has_one_run_however_often_it_is_begun(database: Database, database_url: str) -> None:
    ran: list[str] = []
    go = asyncio.Event()

    async def turn(message_id: str, _journal: Journal) -> None:
        ran.append(message_id)
        await go.wait()

    engine = Durable(database_url, replica="r1", turn=turn)
    await engine.open()
    try:
        assert [await engine.begin("m1") for _ in range(3)] == [True, False, False]
        assert await engine.unfinished() == {"m1"}
        assert await engine.begin("m1", again="x")
        go.set()
        async with asyncio.timeout(30):
            while await engine.unfinished():  # noqa: ASYNC110 # the journal tells nobody
                await asyncio.sleep(0.05)
        assert not await engine.begin("m1"), "its run has been"
    finally:
        await engine.close()
    assert ran == ["m1", "m1"]
