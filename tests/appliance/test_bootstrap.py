"""The appliance put together: what its parts do with each other, and what it refuses to start with."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.config import Config, Database, Models, Synthesis
from appliance.errors import ConfigInvalid, NotFound, StorageFailed
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.gaps import SqlGaps
from appliance.store.turns import SqlTurns
from kb.article import Visibility
from models.errors import ModelRefused
from models.roles import Matrix
from models.standin import StandInWarning

COVERED = "Which payment methods can I use for an invoice billing question?"


async def ask(appliance: Appliance, text: str) -> tuple[str, str]:
    opened = await appliance.reception.open(channel="chat", text=text)
    assert opened.accepted is not None
    reply = await appliance.runner.reply(opened.accepted.message.id)
    return reply.outcome, reply.rule


async def test_a_question_goes_through_the_whole_house(appliance: Appliance) -> None:
    assert await ask(appliance, COVERED) == ("answered", "ground.supported")
    assert await ask(appliance, "let me talk to a human") == ("handed_over", "route.asked_for_person")
    counted = generate_latest(appliance.metrics).decode()
    assert (
        'appliance_replies_total{intent="billing_question",outcome="answered",rule="ground.supported"} 1.0' in counted
    )
    assert "payment methods" not in counted


async def test_every_part_says_that_it_is_ready(appliance: Appliance) -> None:
    parts = ("database", "index", "attachments", "models", "ranking", "intent_heads", "rung quote")
    assert [(part, ok) for part, ok, _ in appliance.ready()] == [(part, True) for part in parts]


async def test_a_part_that_is_not_ready_says_why(appliance: Appliance) -> None:
    for file in (appliance.config.data / "lance").glob("index.json"):
        file.write_text("{broken")
    ready = {part: (ok, detail) for part, ok, detail in appliance.ready()}
    assert ready["database"][0]
    assert not ready["index"][0]
    assert "appliance kb rebuild" in ready["index"][1]


async def test_what_an_earlier_process_left_is_answered_on_opening(stand_in_data: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(stand_in_data, tmp_path / "data"))
    config = Config(data=data, models=Models(stand_in=True))
    with pytest.warns(StandInWarning):
        async with open_appliance(config) as first:
            left = SqlConversations(first.database).create(
                NewConversation("c", "t", "chat"), now=datetime.now(UTC), first=NewMessage("m", COVERED)
            )
        async with open_appliance(config) as second, answering(second):
            assert left is not None
            assert (await second.runner.reply(left.id)).outcome == "answered"


async def test_many_visitors_at_once_all_get_an_end(appliance: Appliance) -> None:
    ended = await asyncio.gather(*(ask(appliance, f"{COVERED} ({n})") for n in range(40)))
    assert {outcome for outcome, _ in ended} <= {"answered", "handed_over"}
    assert SqlTurns(appliance.database).unanswered() == []


async def test_closing_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = {thread.name for thread in threading.enumerate()}
    with pytest.warns(StandInWarning):
        async with open_appliance(Config(data=tmp_path / "data", models=Models(stand_in=True))) as opened:
            await ask(opened, COVERED)
    after = {
        thread.name
        for thread in threading.enumerate()
        if not thread.name.startswith(("asyncio_", "ThreadPool", "LanceDB", "lance"))
    }
    assert after <= before


async def test_an_empty_knowledge_base_hands_over_and_logs_the_gap(tmp_path: Path) -> None:
    with pytest.warns(StandInWarning):
        async with open_appliance(Config(data=tmp_path / "data", models=Models(stand_in=True))) as opened:
            assert await ask(opened, COVERED) == ("handed_over", "retrieve.nothing")
            assert SqlGaps(opened.database).questions() == [COVERED]


@pytest.mark.parametrize(
    ("config", "fault", "named"),
    [
        (Config(profile="bank"), ConfigInvalid, "no profile 'bank'"),
        (Config(models=Models(weights="/nowhere")), ModelRefused, "/nowhere"),
        (
            Config(models=Models(stand_in=True), synthesis=Synthesis(mode="vllm")),
            ConfigInvalid,
            r"synthesis\.model is not set",
        ),
        (
            Config(
                models=Models(stand_in=True), synthesis=Synthesis(mode="vllm", model="m", api_key_file="/nowhere/key")
            ),
            ConfigInvalid,
            "/nowhere/key",
        ),
        (
            Config(database=Database(url="postgresql+psycopg://x:hunter2@127.0.0.1:1/x")),
            StorageFailed,
            "cannot be used",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::models.standin.StandInWarning")
async def test_what_it_cannot_start_with_is_named(
    tmp_path: Path, config: Config, fault: type[Exception], named: str
) -> None:
    with pytest.raises(fault, match=named) as refused:
        async with open_appliance(config.model_copy(update={"data": tmp_path / "data"})):
            pass
    assert "hunter2" not in str(refused.value)


async def test_starter_articles_come_once_and_go_when_a_company_imports_its_own(
    appliance: Appliance, tmp_path: Path
) -> None:
    knowledge = appliance.knowledge
    assert knowledge.add_starter("saas") == 0
    own = tmp_path / "own"
    own.mkdir()
    (own / "zebra.md").write_text(
        "---\ntitle: Zebra crossings\n---\nZebras cross the street at 9 o'clock on Mondays, and only there.\n"
    )
    report = await asyncio.to_thread(knowledge.add, [own])
    assert (report.added, report.rejected) == (1, [])
    assert knowledge.articles.count()[0] == 1
    [vector] = knowledge.encoder.encode(["When do zebras cross?"])
    found = await knowledge.find("When do zebras cross?", vector, Visibility(frozenset({"public"}), date(2026, 6, 1)))
    assert {one.passage.article_id for one in found} == {"zebra"}
    assert found[0].url.endswith("/help/zebra")
    assert knowledge.add_starter("saas") == 0


async def test_a_first_start_that_was_killed_halfway_is_made_good(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    class DyingEncoder:
        dimension, revision = 1, "stand-in"

        def encode(self, texts: Sequence[str]) -> Matrix:
            raise KilledError

    config = Config(data=tmp_path / "data", models=Models(stand_in=True))
    with pytest.warns(StandInWarning):
        async with open_appliance(config) as opened:
            knowledge = opened.knowledge
            with pytest.raises(KilledError):
                replace(knowledge, encoder=DyingEncoder()).add_starter("saas")
            before = knowledge.articles.count()[0]
            assert before > 0
            index = {part: (ok, detail) for part, ok, detail in opened.ready()}["index"]
            assert not index[0]
            assert "appliance kb rebuild" in index[1]
            assert await asyncio.to_thread(knowledge.add_starter, "saas") == before
            assert all(ok for _, ok, _ in opened.ready())
            assert await ask(opened, COVERED) == ("answered", "ground.supported")


async def test_articles_are_removed_by_id_all_or_none(appliance: Appliance) -> None:
    knowledge = appliance.knowledge
    first, second, *rest = knowledge.articles.hashes()
    with pytest.raises(NotFound, match="'nowhere'"):
        knowledge.remove([first, "nowhere"])
    assert knowledge.remove([first, second, first]) == 2
    assert set(knowledge.articles.hashes()) == set(knowledge.index.article_hashes()) == set(rest)
    assert knowledge.add_starter("saas") == 0


async def test_articles_for_staff_never_come_up_for_a_visitor(appliance: Appliance) -> None:
    everything = [article for article, _ in appliance.knowledge.articles.every()]
    hidden = {article.id for article in everything if article.audience != "public" or not article.approved}
    assert hidden
    for article in everything:
        if article.id in hidden:
            [vector] = appliance.knowledge.encoder.encode([article.title])
            found = await appliance.desk.find(
                article.title, vector, Visibility(frozenset({"public"}), date(2026, 6, 1))
            )
            assert {one.passage.article_id for one in found}.isdisjoint(hidden)


@pytest.mark.filterwarnings("ignore::models.standin.StandInWarning")
async def test_keys_passwords_and_the_mark_of_the_prompt_are_kept_to_itself(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("the-key-of-vllm\n")
    config = Config(
        data=tmp_path / "data",
        models=Models(stand_in=True),
        synthesis=Synthesis(mode="vllm", model="m", api_key_file=str(key)),
    )
    marks = []
    for _ in range(2):
        async with open_appliance(config) as appliance:
            private = appliance.desk.private
        assert private.leaked("It is the key of VLLM.", [])
        assert private.leaked(f"They told me {private.mark}.", [])
        marks.append(private.mark)
    assert len(marks[0]) >= 16
    assert marks[0] == marks[1]
