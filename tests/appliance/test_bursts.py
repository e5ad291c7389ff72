"""A burst of messages is answered once, whenever its messages come, and a message that a connector brings twice is one message."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import replace
from datetime import datetime

from house_parts import House, house
from line_parts import Parts, Rung, draft
from sqlalchemy import func, select

from appliance.channels.reception import Incoming
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, MessageRow, RunRow
from models.roles import DraftSentence, SynthesisRequest

QUESTION = "When do I get my refund?"
FIRST = "Refunds are paid within 10 business days."
Now = Callable[[], datetime]
Ids = Callable[[], str]


class Halting(Rung):
    """Waits before its ``at``-th sentence until it may go on; only the first time that it is asked."""

    def __init__(self, *says: DraftSentence, at: int) -> None:
        super().__init__(says)
        self.at = at
        self.there = asyncio.Event()
        self.go = asyncio.Event()

    async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
        self.asked.append(request)
        for n, one in enumerate(self.says):
            if n == self.at and len(self.asked) == 1:
                self.there.set()
                await self.go.wait()
            assert isinstance(one, DraftSentence)
            yield one


def runs(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(RunRow)) or 0


async def say(here: House, opened: tuple[str, str], text: str) -> str:
    return (await here.reception.receive(*opened, text)).message.id


async def test_messages_that_come_together_are_answered_together(database: Database, clock: Now, ids: Ids) -> None:
    async with house(database, Parts(), now=clock, new_id=ids) as here:
        opened = await here.reception.open(channel="chat")
        key = (opened.id, opened.token)
        sent = await asyncio.gather(*(say(here, key, f"{QUESTION} ({n})") for n in range(5)))
        replies = [await here.runner.reply(message_id) for message_id in sent]
        assert [reply.message_id for reply in replies] == sent
        assert {reply.outcome for reply in replies} == {"answered"}
        view = await here.reception.view(*key)
        assert all(one.reply is not None for one in view.messages if one.author == "customer")
        said = [one for one in view.messages if one.author == "assistant"]
        assert 1 <= len(said) == runs(database) == len(here.observed) < 5
        assert here.turns.unanswered() == []


async def test_more_at_the_moment_of_the_first_sentence_makes_the_run_begin_again_with_all(
    database: Database, clock: Now, ids: Ids
) -> None:
    rung = Halting(draft(FIRST), at=0)
    async with house(database, Parts(ladder=(rung,)), now=clock, new_id=ids) as here:
        opened = await here.reception.open(channel="chat", text=QUESTION)
        assert opened.accepted is not None
        await rung.there.wait()
        second = await say(here, (opened.id, opened.token), "And what about the monthly refund?")
        rung.go.set()
        first, last = [await here.runner.reply(one) for one in (opened.accepted.message.id, second)]
        assert first == replace(last, message_id=first.message_id)
        assert "monthly" in rung.asked[-1].question
        assert (len(rung.asked), runs(database)) == (2, 1)
        events = [one["data"].get("text") for one in here.turns.events(opened.id, after_seq=0)]
        assert [one for one in events if one == FIRST] == [FIRST], "what was drafted first was told nobody"


async def test_more_after_the_first_sentence_has_its_own_reply(database: Database, clock: Now, ids: Ids) -> None:
    rung = Halting(draft(FIRST), draft("They go to the card that paid."), at=1)
    async with house(database, Parts(ladder=(rung,)), now=clock, new_id=ids) as here:
        opened = await here.reception.open(channel="chat", text=QUESTION)
        assert opened.accepted is not None
        await rung.there.wait()
        second = await say(here, (opened.id, opened.token), "And when do I get the monthly refund?")
        rung.go.set()
        replies = [await here.runner.reply(one) for one in (opened.accepted.message.id, second)]
        assert [run.reply.message_id for run in here.observed] == [reply.message_id for reply in replies]
        assert runs(database) == 2
        view = await here.reception.view(opened.id, opened.token)
        assert [one.author for one in view.messages] == ["customer", "customer", "assistant", "assistant"]


async def test_who_never_stops_writing_is_answered_all_the_same(database: Database, clock: Now, ids: Ids) -> None:
    """Each draft meets one more message; after five rounds nothing more is waited for."""

    class Interrupted(Rung):
        here: House
        opened: tuple[str, str]

        async def sentences(self, request: SynthesisRequest) -> AsyncIterator[DraftSentence]:
            self.asked.append(request)
            if len(self.asked) < 8:
                more = say(self.here, self.opened, f"And refund number {len(self.asked)}?")
                await asyncio.create_task(more, context=Context())  # the customer is nobody that runs inside a run
            yield draft(FIRST)

    rung = Interrupted([])
    async with house(database, Parts(ladder=(rung,)), now=clock, new_id=ids, max_running=100) as here:
        opened = await here.reception.open(channel="chat")
        rung.here, rung.opened = here, (opened.id, opened.token)
        first = await say(here, rung.opened, QUESTION)
        assert (await here.runner.reply(first)).outcome == "answered"
        async with asyncio.timeout(60):
            while here.turns.unanswered():  # noqa: ASYNC110 # the store tells nobody
                await asyncio.sleep(0.05)
        assert 2 <= runs(database) < 8
        view = await here.reception.view(*rung.opened)
        assert all(one.reply is not None for one in view.messages if one.author == "customer")


def brought(key: str = "k1", **more: object) -> Incoming:
    made = Incoming("mail", "inbox", key, QUESTION, external_id="thread-1", customer_email="ann@example.org")
    return replace(made, **more)  # type: ignore[arg-type] # a test names the fields that it changes


async def test_what_a_connector_brings_again_is_the_same_message_and_is_answered_once(
    database: Database, clock: Now, ids: Ids
) -> None:
    async with house(database, Parts(), now=clock, new_id=ids) as here:
        several = await asyncio.gather(*(here.reception.take(brought()) for _ in range(5)))
        assert len({one.message.id for one in several}) == 1
        reply = await here.runner.reply(several[0].message.id)
        again = await here.reception.take(brought(external_id="a thread that was named otherwise"))
        assert (again.message.id, again.reply, again.again) == (several[0].message.id, reply, True)
        follow = await here.reception.take(brought("k2", text="And monthly?"))
        assert follow.message.conversation_id == several[0].message.conversation_id
        other = await here.reception.take(brought("k1", source="another inbox"))
        assert other.message.conversation_id != follow.message.conversation_id
        for one in (follow, other):
            await here.runner.reply(one.message.id)
        assert runs(database) == 3


async def test_the_reply_to_a_burst_is_there_for_a_repeated_delivery_of_each_message(
    database: Database, clock: Now, ids: Ids
) -> None:
    rung = Halting(draft(FIRST), at=0)
    async with house(database, Parts(ladder=(rung,)), now=clock, new_id=ids) as here:
        first = await here.reception.take(brought())
        await rung.there.wait()
        second = await here.reception.take(brought("k2", text="And monthly?"))
        rung.go.set()
        reply = await here.runner.reply(first.message.id)
        again = await here.reception.take(brought("k2", text="And monthly?"))
        assert again.reply == replace(reply, message_id=second.message.id)
        assert runs(database) == 1


async def test_a_text_of_a_connector_that_is_too_long_is_cut_and_says_so(
    sqlite: Database, clock: Now, ids: Ids
) -> None:
    async with house(sqlite, Parts(), now=clock, new_id=ids) as here:
        accepted = await here.reception.take(brought(text="refund " * 500))
        assert len(accepted.message.text) == 200
        assert accepted.message.text.endswith("[…]")


def test_of_many_deliveries_of_one_thread_at_once_one_conversation_comes(database: Database, clock: Now) -> None:
    """Two replicas that read one mailbox: the same mail, and another of the same thread, at the same moment."""
    store = SqlConversations(database)
    gate = threading.Barrier(8)

    def take(worker: int) -> str:
        gate.wait()
        new = NewConversation(f"c{worker}", "t", "mail", source="inbox", external_id="thread-1")
        key = f"k{worker % 2}"
        return store.take(new, NewMessage(f"m{worker}", f"Text of {key}", key), reply_to=None, now=clock()).message.id

    with ThreadPoolExecutor(8) as pool:
        taken = set(pool.map(take, range(8)))
    assert len(taken) == 2
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ConversationRow)) == 1
        assert session.scalars(select(MessageRow.seq).order_by(MessageRow.seq)).all() == [1, 2]
