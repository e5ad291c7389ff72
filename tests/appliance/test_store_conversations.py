"""Conversations in SQL, on both engines: what is accepted is there, is there once, and is shown to its visitor only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select
from turn_parts import answered, close_run

from appliance.errors import Conflict, NotFound, Unauthorized
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, FeedbackRow
from appliance.store.turns import SqlTurns
from appliance.ticket import Message

Now = Callable[[], datetime]


@pytest.fixture
def conversations(database: Database) -> SqlConversations:
    return SqlConversations(database)


@pytest.fixture
def turns(database: Database) -> SqlTurns:
    return SqlTurns(database)


def begin(conversations: SqlConversations, clock: Now, name: str = "c1", text: str = "How do I pay?") -> Message:
    first = conversations.create(
        NewConversation(name, f"token-{name}", "chat"), now=clock(), first=NewMessage(f"{name}-m1", text)
    )
    assert first is not None
    return first


def test_a_first_message_and_its_conversation_are_stored_together(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    message = begin(conversations, clock)
    ticket = turns.ticket([message.id])
    assert (ticket.message, ticket.history, ticket.status) == (message, (), "open")
    assert turns.unanswered() == [message]


def test_neither_is_stored_when_one_cannot_be(conversations: SqlConversations, database: Database, clock: Now) -> None:
    begin(conversations, clock)
    with pytest.raises(Exception, match=r"(?i)unique"):
        conversations.create(NewConversation("c2", "t", "chat"), now=clock(), first=NewMessage("c1-m1", "Same id."))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ConversationRow)) == 1


def test_faults_of_the_database_do_not_quote_the_customer(conversations: SqlConversations, clock: Now) -> None:
    begin(conversations, clock)
    with pytest.raises(Exception, match=r"(?i)unique") as fault:
        conversations.create(
            NewConversation("c2", "t", "chat"), now=clock(), first=NewMessage("c1-m1", "my secret is 4711")
        )
    assert "4711" not in str(fault.value)


def test_the_token_itself_is_not_stored(conversations: SqlConversations, database: Database, clock: Now) -> None:
    begin(conversations, clock)
    with database.read() as session:
        row = session.get_one(ConversationRow, "c1")
        assert "token-c1" not in {str(value) for value in vars(row).values()}


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("c1", "token-c2"),
        ("c2", "token-c1"),
        ("nothing", "token-c1"),
        ("c1\x00", "token-c1"),
        ("c1' OR '1'='1", "token-c1"),
        ("x" * 5_000, "token-c1"),
        ("", "token-c1"),
    ],
)
def test_a_foreign_token_and_an_unknown_conversation_are_not_told_apart(
    conversations: SqlConversations, turns: SqlTurns, clock: Now, name: str, token: str
) -> None:
    begin(conversations, clock)
    begin(conversations, clock, "c2")
    doors: tuple[Callable[[], object], ...] = (
        lambda: conversations.authorize(name, token),
        lambda: conversations.view(name, token),
        lambda: conversations.accept(name, token, NewMessage("m", "Hello?"), now=clock()),
        lambda: conversations.feedback(name, token, resolved=True, csat=5, comment="", now=clock()),
    )
    said = set()
    for door in doors:
        with pytest.raises(NotFound) as refused:
            door()
        said.add(str(refused.value))
    assert said == {"There is no such conversation. Check the id and the token."}
    assert len(turns.unanswered()) == 2


def test_no_token_is_unauthorized(conversations: SqlConversations, clock: Now) -> None:
    begin(conversations, clock)
    with pytest.raises(Unauthorized):
        conversations.view("c1", "")


def test_the_same_key_gives_the_same_message_and_later_its_reply(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    first = begin(conversations, clock)
    once = conversations.accept("c1", "token-c1", NewMessage("m2", "And monthly?", "key"), now=clock())
    again = conversations.accept("c1", "token-c1", NewMessage("m3", "And monthly?", "key"), now=clock())
    assert (again.message, again.reply) == (once.message, None)
    said = close_run(database, answered(first), reply_id="r1", now=clock())
    late = conversations.accept("c1", "token-c1", NewMessage("m4", "And monthly?", "key"), now=clock())
    assert late.again
    assert late.reply == replace(said, message_id=once.message.id), "one reply covers both"
    assert turns.unanswered() == []


def test_the_same_key_for_another_text_is_a_conflict(conversations: SqlConversations, clock: Now) -> None:
    begin(conversations, clock)
    conversations.accept("c1", "token-c1", NewMessage("m2", "And monthly?", "key"), now=clock())
    with pytest.raises(Conflict, match="another text"):
        conversations.accept("c1", "token-c1", NewMessage("m3", "And yearly?", "key"), now=clock())


def test_a_key_belongs_to_its_conversation(conversations: SqlConversations, clock: Now) -> None:
    begin(conversations, clock)
    begin(conversations, clock, "c2")
    one = conversations.accept("c1", "token-c1", NewMessage("m2", "A?", "key"), now=clock())
    other = conversations.accept("c2", "token-c2", NewMessage("m3", "B?", "key"), now=clock())
    assert one.message.id != other.message.id


def test_a_closed_conversation_opens_again_with_a_message(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    first = begin(conversations, clock)
    with database.write() as session:
        session.get_one(ConversationRow, "c1").status = "closed"
    again = conversations.accept("c1", "token-c1", NewMessage("m2", "Hello?"), now=clock()).message
    assert conversations.view("c1", "token-c1").status == "open"
    assert turns.unanswered() == [first, again]


def test_the_view_shows_each_reply_beside_its_message(
    conversations: SqlConversations, database: Database, clock: Now
) -> None:
    message = begin(conversations, clock)
    reply = close_run(database, answered(message), reply_id="r1", now=clock())
    view = conversations.view("c1", "token-c1")
    assert [(one.author, one.reply) for one in view.messages] == [("customer", reply), ("assistant", None)]


def test_times_come_back_as_the_same_instant(conversations: SqlConversations, clock: Now) -> None:
    begin(conversations, clock)
    assert conversations.view("c1", "token-c1").created_at == clock()


def test_the_last_word_of_feedback_counts_and_silence_changes_nothing(
    conversations: SqlConversations, database: Database, clock: Now
) -> None:
    begin(conversations, clock)
    conversations.feedback("c1", "token-c1", resolved=False, csat=2, comment="Hm.", now=clock())
    conversations.feedback("c1", "token-c1", resolved=True, csat=None, comment=None, now=clock())
    with database.read() as session:
        row = session.get_one(FeedbackRow, "c1")
        assert (row.resolved, row.csat, row.comment) == (True, 2, "Hm.")


def test_text_of_every_script_comes_back_as_it_was(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    text = "Ünï — 日本語 🙂 \u202fe\u0301\n\ttab 'quote' \"double\" ; DROP TABLE messages; --"
    message = begin(conversations, clock, text=text)
    assert turns.ticket([message.id]).message.text == text
    assert conversations.view("c1", "token-c1").messages[0].text == text


def test_concurrent_writers_lose_nothing(conversations: SqlConversations, turns: SqlTurns, clock: Now) -> None:
    for n in range(4):
        begin(conversations, clock, f"c{n}")
    gate = threading.Barrier(8)

    def write(worker: int) -> None:
        gate.wait()
        for n in range(25):
            name = f"c{(worker + n) % 4}"
            conversations.accept(
                name, f"token-{name}", NewMessage(f"w{worker}-{n}", f"Question {worker} {n}?"), now=clock()
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    stored = turns.unanswered()
    assert {message.id for message in stored} == {f"w{worker}-{n}" for worker in range(8) for n in range(25)} | {
        f"c{n}-m1" for n in range(4)
    }
    for n in range(4):
        own = sorted(message.seq for message in stored if message.conversation_id == f"c{n}")
        assert own == list(range(1, len(own) + 1))


def test_of_many_sends_with_one_key_one_message_is_stored(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    begin(conversations, clock)
    gate = threading.Barrier(8)

    def send(worker: int) -> str:
        gate.wait()
        return conversations.accept("c1", "token-c1", NewMessage(f"w{worker}", "Again?", "key"), now=clock()).message.id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(8)))) == 1
    assert len(turns.unanswered()) == 2
