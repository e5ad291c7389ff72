"""Runs: every accepted message comes to one end, in its order, whatever fails on the way, and watchers see it happen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import pytest
from house_parts import House, house
from line_parts import VECTOR, Parts, Rung, draft
from sqlalchemy import select

from appliance.errors import Busy, StorageFailed
from appliance.line.durable import Durable
from appliance.line.events import Event, position
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.tables import HandoffRow, MessageRow
from appliance.store.turns import SqlTurns
from appliance.ticket import Closed, Message, Reply
from kb.errors import IndexUnavailable
from models.errors import ModelRefused, Overloaded
from models.roles import DraftSentence, Reading, SynthesisRequest

SECRET = "my-password-is-hunter2"
QUESTION = "When do I get my refund?"
Build = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def build(sqlite: Database, clock: Callable[[], datetime], ids: Callable[[], str]) -> Build:
    def made(parts: Parts | None = None, **more: Any) -> AbstractAsyncContextManager[House]:
        return house(sqlite, parts or Parts(), now=clock, new_id=ids, **more)

    return made


@pytest.fixture
async def here(build: Build) -> AsyncIterator[House]:
    async with build() as opened:
        yield opened


async def send(here: House, text: str = QUESTION) -> tuple[str, str, Message]:
    opened = await here.reception.open(channel="chat", text=text)
    assert opened.accepted is not None
    return opened.id, opened.token, opened.accepted.message


async def resumed(here: House) -> None:
    """Take up what is left until nothing is. A run that has just failed may still be under way for the journal, and is found a moment later."""
    async with asyncio.timeout(30):
        while here.turns.unanswered():
            await here.runner.resume()
            await asyncio.sleep(0.02)


class Gate:
    """An encoder that waits until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.reached = asyncio.Event()
        self.running = 0
        self.most = 0

    async def __call__(self, texts: Sequence[str]) -> list[Any]:
        self.running += 1
        self.reached.set()
        self.most = max(self.most, self.running)
        await self.go.wait()
        self.running -= 1
        return [VECTOR for _ in texts]


class Gated(Parts):
    """Parts behind a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    async def _encode(self, texts: Sequence[str]) -> list[Any]:
        self.encoded.extend(texts)
        return [Reading(vector, vector) for vector in await self.gate(texts)]


async def test_no_more_lines_run_at_once_than_allowed(build: Build) -> None:
    parts = Gated()
    async with build(parts, parallel=2) as here:
        sent = [await send(here) for _ in range(6)]
        await asyncio.sleep(0.1)
        parts.gate.go.set()
        replies = [await here.runner.reply(message.id) for _, _, message in sent]
        assert {reply.outcome for reply in replies} == {"answered"}
        assert parts.gate.most == 2


async def test_messages_of_one_conversation_are_answered_in_their_order(build: Build, sqlite: Database) -> None:
    parts = Gated()
    async with build(parts, parallel=8) as here:
        name, token, first = await send(here, "Question 1, when do I get my refund?")
        await parts.gate.reached.wait()
        later = [
            (await here.reception.receive(name, token, f"Question {n}, when do I get my refund?")).message
            for n in range(2, 6)
        ]
        other = await send(here, "Question X, when do I get my refund?")
        for _ in range(1000):  # until both are at the gate; the burst's later messages never are
            if len(parts.encoded) >= 2:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert sorted(parts.encoded) == ["Question 1, when do I get my refund?", "Question X, when do I get my refund?"]
        parts.gate.go.set()
        burst = [await here.runner.reply(message.id) for message in (first, *later)]
        await here.runner.reply(other[2].id)
        assert [reply.message_id for reply in burst] == [first.id, *(message.id for message in later)]
        assert {reply.text for reply in burst} == {burst[0].text}
        assert "\n".join(f"Question {n}, when do I get my refund?" for n in range(1, 6)) in parts.encoded
        last = (await here.reception.receive(name, token, "Question 6, when do I get my refund?")).message
        await here.runner.reply(last.id)
        assert [run.reply.message_id for run in here.observed if run.reply.message_id != other[2].id] == [
            first.id,
            last.id,
        ]
    with sqlite.read() as session:
        rows = session.execute(
            select(MessageRow.seq, MessageRow.author).where(MessageRow.conversation_id == name).order_by(MessageRow.seq)
        ).all()
    assert [tuple(row) for row in rows] == list(
        enumerate(["customer"] * 5 + ["assistant", "customer", "assistant"], start=1)
    )


async def test_overload_is_waited_out(build: Build) -> None:
    refusals = iter([True, True, True, False])

    def encode(texts: Sequence[str]) -> list[Any]:
        if next(refusals):
            raise Overloaded("The queue is full.")
        return [VECTOR for _ in texts]

    async with build(Parts(encode=encode)) as here:
        _, _, message = await send(here)
        assert (await here.runner.reply(message.id)).outcome == "answered"
        assert here.pauses == [0.5, 1.0, 2.0]


async def test_overload_that_does_not_end_hands_over(build: Build, sqlite: Database) -> None:
    def encode(_: Sequence[str]) -> list[Any]:
        raise Overloaded("The queue is full.")

    async with build(Parts(encode=encode)) as here:
        _, _, message = await send(here)
        reply = await here.runner.reply(message.id)
        assert (reply.outcome, reply.rule) == ("handed_over", "line.overloaded")
        assert len(here.pauses) == 5
    with sqlite.read() as session:
        assert session.scalars(select(HandoffRow.rule)).all() == ["line.overloaded"]


async def test_a_sentence_that_was_told_stays_the_reply_when_the_gates_are_overloaded_after_it(build: Build) -> None:
    refusals = iter([False, True])

    def support(_: object) -> float:
        if next(refusals):
            raise Overloaded("The queue is full.")
        return 1.0

    rung = Rung([draft("Refunds are paid within 10 business days."), draft("They go to the card that paid.")])
    async with build(Parts(ladder=(rung,), support=support)) as here:
        name, _, message = await send(here)
        reply = await here.runner.reply(message.id)
        events = here.turns.events(name, after_seq=0)
        told = [event["data"]["text"] for event in events if event["type"] == "sentence"]
        assert told == ["Refunds are paid within 10 business days."]
        assert (reply.outcome, reply.text.partition("\n")[0]) == ("answered", told[0])
        assert here.pauses == []


async def test_a_line_that_is_overloaded_before_it_has_told_anything_is_tried_again(build: Build) -> None:
    refusals = iter([True, False, False])

    def support(_: object) -> float:
        if next(refusals):
            raise Overloaded("The queue is full.")
        return 1.0

    rung = Rung([draft("Refunds are paid within 10 business days."), draft("They go to the card that paid.")])
    async with build(Parts(ladder=(rung,), support=support)) as here:
        name, _, message = await send(here)
        await here.runner.reply(message.id)
        events = here.turns.events(name, after_seq=0)
        assert [event["data"]["text"] for event in events if event["type"] == "sentence"] == [
            "Refunds are paid within 10 business days.",
            "They go to the card that paid.",
        ]
        assert len(here.pauses) == 1


async def test_a_model_that_fails_hands_over(build: Build) -> None:
    def encode(_: Sequence[str]) -> list[Any]:
        raise ModelRefused("The encoder is damaged.", remedy="Reinstall it.")

    async with build(Parts(encode=encode)) as here:
        name, token, message = await send(here)
        reply = await here.runner.reply(message.id)
        assert (reply.outcome, reply.rule) == ("handed_over", "line.fault")
        assert here.pauses == []
        assert (await here.reception.view(name, token)).status == "handed_over"


async def test_a_defect_hands_over_and_its_words_stay_out_of_the_log(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    def encode(texts: Sequence[str]) -> list[Any]:
        raise ValueError(f"cannot encode {texts[0]!r}")

    async with build(Parts(encode=encode)) as here:
        _, _, message = await send(here, f"Help, {SECRET}")
        reply = await here.runner.reply(message.id)
        assert (reply.outcome, reply.rule, reply.reason) == (
            "handed_over",
            "line.fault",
            "The line failed (ValueError).",
        )
    assert "defect in the line" in caplog.text
    assert "ValueError (message withheld)" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in "".join(str(vars(record)) for record in caplog.records)


async def test_no_word_of_a_customer_is_logged_on_any_way(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with build() as here:
        for text in (f"When is my refund? {SECRET}", f"agent please {SECRET}", "Thanks!"):
            _, _, message = await send(here, text)
            await here.runner.reply(message.id)
    assert SECRET not in caplog.text


async def test_after_a_hand_over_nothing_more_is_said(here: House) -> None:
    name, token, message = await send(here, "agent please")
    assert (await here.runner.reply(message.id)).text
    for text in (QUESTION, "Thank you!", "human please"):
        accepted = await here.reception.receive(name, token, text)
        reply = await here.runner.reply(accepted.message.id)
        assert (reply.outcome, reply.text) == ("handed_over", "")
    view = await here.reception.view(name, token)
    assert [one.author for one in view.messages] == ["customer", "assistant", "customer", "customer", "customer"]


class Ailing(SqlTurns):
    """A store that cannot close a run for a while."""

    fault: Exception | None = StorageFailed("The disk is full.")
    heal_after = 1_000

    def close(self, closed: Closed, **more: Any) -> Reply:
        self.heal_after -= 1
        if self.fault is not None and self.heal_after >= 0:
            raise self.fault
        return super().close(closed, **more)


async def test_a_reply_that_cannot_be_stored_is_not_told_and_is_made_again_later(
    build: Build, sqlite: Database
) -> None:
    store = Ailing(sqlite)
    async with build(turns=store) as here:
        _, _, message = await send(here)
        with pytest.raises((StorageFailed, Busy)):
            await here.runner.reply(message.id)
        await here.runner.stop(grace_s=5)
        assert [one.id for one in store.unanswered()] == [message.id]
        store.fault = None
        assert await here.runner.resume() == 1
        assert (await here.runner.reply(message.id)).outcome == "answered"


async def test_a_message_that_is_sent_again_after_its_run_failed_is_answered_all_the_same(
    build: Build, sqlite: Database
) -> None:
    """The repeated send finds a run of that name in the journal, which has ended: nobody would ever finish what it waits for."""
    store = Ailing(sqlite)
    async with build(turns=store) as here:
        opened = await here.reception.open(channel="chat")
        first = (await here.reception.receive(opened.id, opened.token, QUESTION, "key-1")).message
        with pytest.raises((StorageFailed, Busy)):
            await here.runner.reply(first.id)
        store.fault = None
        again = await here.reception.receive(opened.id, opened.token, QUESTION, "key-1")
        assert (again.again, again.message.id) == (True, first.id)
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(here.runner.reply(first.id))
        await resumed(here)
        assert (await waiting).outcome == "answered"
        assert len(here.observed) == 1
        await here.runner.stop(grace_s=5)
        assert here.runner.admission.under_way == 0


async def test_a_later_message_does_not_overtake_one_that_could_not_be_stored(build: Build, sqlite: Database) -> None:
    store = Ailing(sqlite)
    at_the_second, go = asyncio.Event(), asyncio.Event()

    class Slow(Rung):
        """Writes one sentence, and the next when it may."""

        async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
            yield draft("Refunds are paid within 10 business days.")
            at_the_second.set()
            await go.wait()

    async with build(Parts(ladder=(Slow([]),)), turns=store) as here:
        name, token, first = await send(here)
        await at_the_second.wait()
        second = (await here.reception.receive(name, token, "And when do I get the monthly refund?")).message
        go.set()
        with pytest.raises((StorageFailed, Busy)):
            await here.runner.reply(first.id)
        assert here.observed == []
        store.fault = None
        await resumed(here)
        replies = [await here.runner.reply(message.id) for message in (second, first)]
        assert [reply.message_id for reply in replies] == [second.id, first.id]
        assert [closed.reply.message_id for closed in here.observed] == [first.id, second.id]
        assert here.observed[0].reply.rule == "ground.told", "its first sentence had been read"


async def test_a_burst_of_which_the_first_could_not_be_stored_is_answered_once_later(
    build: Build, sqlite: Database
) -> None:
    store = Ailing(sqlite)
    parts = Gated()
    async with build(parts, turns=store) as here:
        name, token, first = await send(here)
        second = (await here.reception.receive(name, token, "And monthly?")).message
        parts.gate.go.set()
        with pytest.raises((StorageFailed, Busy)):
            await here.runner.reply(first.id)
        assert [one.id for one in store.unanswered()] == [first.id, second.id]
        store.fault = None
        await resumed(here)
        await here.runner.reply(second.id)
        assert [closed.reply.message_id for closed in here.observed] == [first.id]


async def test_a_record_that_can_never_be_stored_goes_to_a_person(
    build: Build, sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = Ailing(sqlite)
    store.fault, store.heal_after = TypeError(f"cannot store {SECRET}"), 1
    async with build(turns=store) as here:
        _, _, message = await send(here)
        reply = await here.runner.reply(message.id)
        assert (reply.outcome, reply.rule) == ("handed_over", "line.fault")
    assert SECRET not in caplog.text


async def test_whoever_waits_hears_of_a_store_with_a_defect(build: Build, sqlite: Database) -> None:
    store = Ailing(sqlite)
    store.fault = TypeError("always")
    parts = Gated()
    async with build(parts, turns=store) as here:
        _, _, message = await send(here)
        waiting = asyncio.create_task(here.runner.reply(message.id))
        await asyncio.sleep(0)
        parts.gate.go.set()
        with pytest.raises(StorageFailed, match="kept and tried again"):
            await waiting


async def test_whoever_waits_hears_of_a_run_that_could_not_begin(
    build: Build, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def begin(*_: object, **__: object) -> bool:
        raise TypeError(f"a defect about {SECRET}")

    async with build() as here:
        with monkeypatch.context() as broken:
            broken.setattr(Durable, "begin", begin)
            _, _, message = await send(here)
            with pytest.raises((StorageFailed, Busy)):
                await here.runner.reply(message.id)
        await here.runner.stop(grace_s=5)
        assert await here.runner.resume() == 1
        assert (await here.runner.reply(message.id)).outcome == "answered"
    assert SECRET not in caplog.text


async def test_what_an_earlier_process_left_is_answered(
    build: Build, sqlite: Database, clock: Callable[[], datetime]
) -> None:
    store = SqlConversations(sqlite)
    left = [
        store.create(NewConversation(f"c{n}", "t", "chat"), now=clock(), first=NewMessage(f"m{n}", QUESTION))
        for n in range(5)
    ]
    async with build() as here:
        assert await here.runner.resume() == 5
        for message in left:
            assert message is not None
            assert (await here.runner.reply(message.id)).outcome == "answered"
        assert await here.runner.resume() == 0


async def test_the_sweep_takes_up_what_was_left(build: Build, sqlite: Database, clock: Callable[[], datetime]) -> None:
    swept = asyncio.Event()

    async def pause(_: float) -> None:
        await swept.wait()
        swept.clear()

    async with build(pause=pause) as here:
        sweep = asyncio.create_task(here.runner.sweep())
        here.conversations.create(NewConversation("c", "t", "chat"), now=clock(), first=NewMessage("m", QUESTION))
        swept.set()
        async with asyncio.timeout(30):  # a run that never closes fails here instead of holding up the suite
            await here.closed.wait()
        sweep.cancel()
        assert here.turns.unanswered() == []


async def test_a_message_that_was_answered_meanwhile_is_not_answered_again(here: House) -> None:
    """A sweep or a repeated send may have read the message as open just before its run closed."""
    name, _, message = await send(here)
    first = await here.runner.reply(message.id)
    await here.runner.stop(grace_s=5)
    before = here.turns.events(name, after_seq=0)
    here.runner.submit(message, here.runner.admit(name))
    told = [event async for event in here.runner.message_events(message)]
    assert await here.runner.reply(message.id) == first
    assert told[-1].type == "done"
    assert len(here.observed) == 1
    assert here.turns.events(name, after_seq=0) == before


async def test_stopping_lets_lines_end_and_leaves_the_rest_accepted(build: Build) -> None:
    parts = Gated()
    async with build(parts) as here:
        _, _, message = await send(here)
        waiting = asyncio.create_task(here.runner.reply(message.id))
        await asyncio.sleep(0.05)
        await here.runner.stop(grace_s=0.01)
        with pytest.raises(Busy, match="stopping"):
            await waiting
        assert [one.id for one in here.turns.unanswered()] == [message.id]


async def test_asking_for_a_reply_that_is_not_there_says_so(here: House) -> None:
    with pytest.raises(Busy):
        await here.runner.reply("unknown")


async def collected(events: AsyncIterator[Event], last: Callable[[Event], bool]) -> list[Event]:
    seen = []
    async for event in events:
        seen.append(event)
        if last(event):
            break
    return seen


async def test_a_watcher_sees_every_event_of_a_run_live_and_again_from_the_store(here: House) -> None:
    name, _, message = await send(here)
    live = [event async for event in here.runner.message_events(message)]
    await here.runner.reply(message.id)
    stored = [event async for event in here.runner.message_events(message)]
    assert live == stored
    assert [event.type for event in live if event.type != "stage"] == ["sentence", "sentence", "done"]
    assert live[-1].data["outcome"] == "answered"
    assert [event.id for event in live] == [f"1.{n}" for n in range(1, len(live) + 1)]
    assert await collected(here.runner.events(name, None), lambda event: event.type == "done") == live


async def test_nothing_is_told_as_done_before_it_is_stored(here: House) -> None:
    _, _, message = await send(here)
    async for event in here.runner.message_events(message):
        if event.type == "done":
            assert here.turns.reply(message.id) is not None


async def test_a_watcher_resumes_after_the_event_that_it_saw_last(here: House) -> None:
    name, token, message = await send(here)
    seen = [event async for event in here.runner.message_events(message)]
    rest = await collected(here.runner.events(name, seen[2].id), lambda event: event.type == "done")
    assert rest == seen[3:]
    accepted = await here.reception.receive(name, token, "And when do I get the monthly refund?")
    later = await collected(here.runner.events(name, seen[-1].id), lambda event: event.type == "done")
    assert {event.position()[0] for event in later} == {accepted.message.seq}


async def test_two_watchers_see_the_same(build: Build) -> None:
    parts = Gated()
    async with build(parts) as here:
        name, _, message = await send(here)
        watchers = [
            asyncio.create_task(collected(here.runner.events(name, None), lambda event: event.type == "done"))
            for _ in range(3)
        ]
        await asyncio.sleep(0.05)
        parts.gate.go.set()
        one, two, three = await asyncio.gather(*watchers)
        assert one == two == three
        assert one[-1].data["message_id"] == message.id


async def test_a_watcher_who_leaves_does_not_disturb_the_run(build: Build) -> None:
    parts = Gated()
    async with build(parts) as here:
        _, _, message = await send(here)
        watcher = asyncio.create_task(collected(here.runner.message_events(message), lambda _: False))
        await asyncio.sleep(0.05)
        watcher.cancel()
        parts.gate.go.set()
        assert (await here.runner.reply(message.id)).outcome == "answered"


@pytest.mark.parametrize("text", ["", "x", "1", "1.", ".1", "1.2.3", "-1.2", "1e3.2", "٣.٤x", "9" * 30 + ".1", "1.2\n"])
def test_an_event_id_that_is_none_means_the_beginning(text: str) -> None:
    assert position(text) == (0, 0)


async def test_a_damaged_index_hands_over_and_is_named_for_the_operator(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Parts):
        async def _find(self, *_: object) -> list[Any]:
            raise IndexUnavailable("The index cannot be read.", remedy="Run `appliance kb rebuild`.")

    async with build(Broken()) as here:
        _, _, message = await send(here)
        reply = await here.runner.reply(message.id)
        assert (reply.outcome, reply.rule) == ("handed_over", "line.fault")
    assert "index_unavailable" in caplog.text
    assert "appliance kb rebuild" in caplog.text
