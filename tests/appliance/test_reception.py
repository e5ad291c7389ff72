"""The one door for messages: what is refused, what is stored, and that storing comes before telling."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest
from house_parts import House, house
from line_parts import Parts
from sqlalchemy import func, select

from appliance.channels.reception import plain
from appliance.errors import Busy, Conflict, InputInvalid, InputTooLarge, NotFound, StorageFailed, Unauthorized
from appliance.store.conversations import Accepted, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, MessageRow


@pytest.fixture
async def here(sqlite: Database, clock: Callable[[], datetime], ids: Callable[[], str]) -> AsyncIterator[House]:
    async with house(sqlite, Parts(), now=clock, new_id=ids) as opened:
        yield opened


def count(database: Database, table: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


async def test_what_is_accepted_is_committed_before_the_answer_begins(here: House) -> None:
    opened = await here.reception.open(channel="chat", text="When do I get my refund?")
    assert opened.accepted is not None
    stored = here.conversations.view(opened.id, opened.token)
    assert [message.text for message in stored.messages][:1] == ["When do I get my refund?"]
    reply = await here.runner.reply(opened.accepted.message.id)
    assert reply.outcome == "answered"
    assert (await here.reception.view(opened.id, opened.token)).messages[0].reply == reply


async def test_a_conversation_may_begin_without_a_message(here: House) -> None:
    opened = await here.reception.open(
        channel="form", subject=" My\nrefund ", customer_email="a@example.org", customer_name="Ann\x00\u202e Lee"
    )
    assert opened.accepted is None
    with here.conversations._database.read() as session:
        row = session.get_one(ConversationRow, opened.id)
        assert (row.subject, row.contact_name, row.contact_email, row.customer_id) == (
            "My refund",
            "Ann Lee",
            "a@example.org",
            None,
        )


async def test_tokens_are_long_and_differ(here: House) -> None:
    tokens = {(await here.reception.open(channel="chat")).token for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 32 for token in tokens)


@pytest.mark.parametrize("text", ["", "   \n\t ", "\x00\x07", "…", "\u202e", "---"])
async def test_an_empty_message_is_refused_and_nothing_is_stored(here: House, sqlite: Database, text: str) -> None:
    with pytest.raises(InputInvalid, match="The message is empty"):
        await here.reception.open(channel="chat", text=text)
    assert count(sqlite, ConversationRow) == 0


@pytest.mark.parametrize("text", ["?", "!?", "é", "日本", "7", "🤷", "😀😀😀", "❤️"])
async def test_a_short_message_is_taken(here: House, text: str) -> None:
    assert (await here.reception.open(channel="chat", text=text)).accepted is not None


async def test_a_message_that_is_too_long_names_both_lengths(here: House, sqlite: Database) -> None:
    with pytest.raises(InputTooLarge, match=r"1,000,000 characters; at most 200"):
        await here.reception.open(channel="chat", text="x" * 1_000_000)
    assert count(sqlite, ConversationRow) == 0
    assert (await here.reception.open(channel="chat", text="x" * 200)).accepted is not None


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "a@",
        "@b",
        "a b@example.org",
        "a@b@c",
        "a\x00@example.org",
        "a@exa\u202emple.org",
        "a" * 65 + "@example.org",
        "a@example.org\nBcc: b",
    ],
)
async def test_what_is_no_address_is_refused(here: House, email: str) -> None:
    with pytest.raises(InputInvalid, match="not an e-mail address"):
        await here.reception.open(channel="form", customer_email=email, text="Hello?")


@pytest.mark.parametrize("key", ["", "x" * 129, "a\x00b", "a\nb", "\ud800"])
async def test_a_key_that_cannot_be_kept_is_refused(here: House, key: str) -> None:
    with pytest.raises(InputInvalid, match="idempotency_key"):
        await here.reception.open(channel="chat", text="Hello?", idempotency_key=key)


async def test_the_same_key_runs_once_and_gives_the_same_reply(here: House, sqlite: Database) -> None:
    opened = await here.reception.open(channel="chat", text="When do I get my refund?", idempotency_key="k")
    first = await here.runner.reply("id-2")
    again = await here.reception.receive(opened.id, opened.token, "When do I get my refund?", "k")
    assert again.reply == first
    assert len(here.observed) == 1
    assert count(sqlite, MessageRow) == 2


async def test_the_same_key_while_the_run_goes_on_joins_it(here: House) -> None:
    opened = await here.reception.open(channel="chat")
    both = await asyncio.gather(
        *(here.reception.receive(opened.id, opened.token, "When do I get my refund?", "k") for _ in range(5))
    )
    [message_id] = {accepted.message.id for accepted in both}
    assert (await here.runner.reply(message_id)).outcome == "answered"
    await here.runner.stop(grace_s=5)
    assert len(here.observed) == 1


async def test_another_text_under_the_same_key_is_a_conflict(here: House) -> None:
    opened = await here.reception.open(channel="chat", text="When?", idempotency_key="k")
    with pytest.raises(Conflict):
        await here.reception.receive(opened.id, opened.token, "Why?", "k")


async def test_a_foreign_token_opens_nothing(here: House) -> None:
    mine = await here.reception.open(channel="chat", text="When?")
    other = await here.reception.open(channel="chat", text="Why?")
    for attempt in (
        here.reception.receive(mine.id, other.token, "Hello?"),
        here.reception.view(mine.id, other.token),
        here.reception.authorize(mine.id, other.token),
        here.reception.feedback(mine.id, other.token, resolved=True, csat=None, comment=None),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Unauthorized):
        await here.reception.view(mine.id, "")


@pytest.mark.parametrize("csat", [0, 6, -1])
async def test_marks_beyond_the_scale_are_refused(here: House, csat: int) -> None:
    opened = await here.reception.open(channel="chat")
    with pytest.raises(InputInvalid, match="csat"):
        await here.reception.feedback(opened.id, opened.token, resolved=None, csat=csat, comment=None)


class Held(SqlConversations):
    """A store that is slow to begin a write, until the test lets it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.go = threading.Event()
        self.began = threading.Semaphore(0)

    def accept(self, conversation_id: str, token: str, new: NewMessage, *, now: datetime) -> Accepted:
        self.began.release()
        self.go.wait(10)
        return super().accept(conversation_id, token, new, now=now)


async def test_a_rush_is_refused_before_anything_is_stored(
    sqlite: Database, clock: Callable[[], datetime], ids: Callable[[], str]
) -> None:
    store = Held(sqlite)
    async with house(sqlite, Parts(), now=clock, new_id=ids, max_running=3, conversations=store) as here:
        opened = await here.reception.open(channel="chat")
        sent = [
            asyncio.create_task(here.reception.receive(opened.id, opened.token, f"Question {n}?")) for n in range(10)
        ]
        for _ in range(3):
            await asyncio.to_thread(store.began.acquire)
        store.go.set()
        ended = await asyncio.gather(*sent, return_exceptions=True)
        refused = [one for one in ended if isinstance(one, Busy)]
        assert (len(refused), sum(isinstance(one, Accepted) for one in ended)) == (7, 3)
        assert refused[0].retry_after_s > 0
        assert not store.began.acquire(blocking=False), "a refused message reached the store"
        await here.runner.stop(grace_s=5)
        assert (await here.reception.receive(opened.id, opened.token, "Now?")).reply is None


async def test_a_sender_who_hangs_up_while_the_row_is_written_gets_an_answer_all_the_same(
    sqlite: Database, clock: Callable[[], datetime], ids: Callable[[], str]
) -> None:
    store = Held(sqlite)
    async with house(sqlite, Parts(), now=clock, new_id=ids, conversations=store) as here:
        opened = await here.reception.open(channel="chat")
        sent = asyncio.create_task(here.reception.receive(opened.id, opened.token, "When do I get my refund?"))
        await asyncio.to_thread(store.began.acquire)
        sent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sent
        store.go.set()
        async with asyncio.timeout(30):  # a run that never closes fails here instead of holding up the suite
            await here.closed.wait()
        assert here.observed[0].reply.outcome == "answered"
        assert here.turns.unanswered() == []


class Full(SqlConversations):
    """A store whose disk is full."""

    def accept(self, conversation_id: str, token: str, new: NewMessage, *, now: datetime) -> Accepted:
        raise StorageFailed("The disk is full.")


async def test_what_cannot_be_stored_is_not_accepted(
    sqlite: Database, clock: Callable[[], datetime], ids: Callable[[], str]
) -> None:
    async with house(sqlite, Parts(), now=clock, new_id=ids, max_running=1, conversations=Full(sqlite)) as here:
        opened = await here.reception.open(channel="chat")
        for _ in range(3):  # a refused message gives its place back
            with pytest.raises(StorageFailed):
                await here.reception.receive(opened.id, opened.token, "Hello?")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x00b", "ab"),
        ("a\r\nb", "a b"),
        ("  a \t b ", "a b"),
        ("a\u202eb\u2066c", "abc"),
        ("\ud800x", "?x"),
        ("ünï 日本 🙂", "ünï 日本 🙂"),
        ("a\x1b[31mb", "a[31mb"),
    ],
)
def test_names_are_plain_text_on_one_line(text: str, cleaned: str) -> None:
    assert plain(text) == cleaned


def test_a_message_keeps_its_lines() -> None:
    assert plain("one\r\ntwo\n\n\tthree ", lines=True) == "one\ntwo\n\n\tthree"
