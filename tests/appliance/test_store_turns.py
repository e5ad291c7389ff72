"""The runner's side of conversations, on both engines: a run closes once, a burst is answered once, an old attempt can write nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from turn_parts import answered, begun, close_run, note

from appliance.errors import NotFound
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.tables import GapRow, HandoffRow, MessageRow, RunRow, ToldRow
from appliance.store.turns import MoreCame, SqlTurns, Superseded, Turn
from appliance.ticket import Message, Reply, Trust

Now = Callable[[], datetime]
DONE = {"id": "1.1", "type": "done", "data": {}}


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


def more(conversations: SqlConversations, clock: Now, name: str, text: str = "And monthly?") -> Message:
    return conversations.accept("c1", "token-c1", NewMessage(name, text), now=clock()).message


def sentence(n: int, text: str = "Open Billing.") -> dict[str, Any]:
    return {"id": f"1.{n}", "type": "sentence", "data": {"text": text, "citations": [1]}}


def tell(turns: SqlTurns, turn: Turn, covered: list[str], n: int, now: datetime, *, last: bool = False) -> None:
    citations = [asdict(one) for one in answered(turn.message).reply.citations]
    turns.tell(turn, covered, sentence(n), citations, last=last, now=now)


def texts_said(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(MessageRow.text).where(MessageRow.author == "assistant")))


def test_a_run_closes_once_and_its_record_is_whole(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    message = begin(conversations, clock)
    end, turn = answered(message), begun(turns, message.id)

    def close(text: str, reply_id: str) -> Reply:
        made = answered(message, text=text)
        return turns.close(
            made, turn=turn, covered=[message.id], events=[DONE], reply_id=reply_id, last=False, now=clock()
        )

    first, second = close("Open Billing.", "r1"), close("Something else.", "r2")
    assert first == second == end.reply == turns.reply(message.id)
    assert turns.turn(message.id) == "answered"
    assert turns.unanswered() == []
    assert texts_said(database) == ["Open Billing."]
    with database.read() as session:
        run = session.get_one(RunRow, message.id)
        assert run.decisions == [{"stage": "route", "rule": "route.attempt", "reason": "Sure."}]
        assert run.verdicts[0]["gate"] == "form"
    assert turns.events("c1", after_seq=0) == [DONE]


def test_a_handover_stores_its_note_once_with_the_priority_of_the_tier(
    conversations: SqlConversations, database: Database, clock: Now
) -> None:
    message = begin(conversations, clock)
    close_run(
        database, answered(message, "handed_over", "A colleague.", note=note(), priority=2), reply_id="r1", now=clock()
    )
    later = more(conversations, clock, "m2", "Hello?")
    close_run(database, answered(later, "handed_over", "", note=note()), reply_id="r2", now=clock())
    with database.read() as session:
        [row] = session.scalars(select(HandoffRow)).all()
        assert (row.message_id, row.priority, row.urgency, row.note["asked"]) == (message.id, 2, "high", "How?")
        assert session.scalar(select(func.count()).select_from(MessageRow).where(MessageRow.author == "assistant")) == 1
    assert conversations.view("c1", "token-c1").status == "handed_over"


def test_a_gap_is_stored_with_its_question(conversations: SqlConversations, database: Database, clock: Now) -> None:
    message = begin(conversations, clock)
    gap = answered(message, "handed_over", "Not covered.", gap="How do I pay?")
    close_run(database, gap, reply_id="r1", now=clock())
    with database.read() as session:
        assert session.scalars(select(GapRow.question)).all() == ["How do I pay?"]


def test_the_history_comes_oldest_first_and_ends_before_the_message(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    first = begin(conversations, clock)
    close_run(database, answered(first), reply_id="r1", now=clock())
    second = more(conversations, clock, "m2")
    more(conversations, clock, "m3", "And yearly?")
    ticket = turns.ticket([second.id])
    assert [(message.author, message.seq) for message in ticket.history] == [("customer", 1), ("assistant", 2)]


def test_unanswered_messages_come_in_the_order_of_their_arrival(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    later = clock() + timedelta(seconds=5)
    late = conversations.create(NewConversation("late", "t", "chat"), now=later, first=NewMessage("a", "B?"))
    early = begin(conversations, clock, "early")
    follow = conversations.accept("early", "token-early", NewMessage("z", "C?"), now=clock())
    assert turns.unanswered() == [early, follow.message, late]


def test_of_many_closes_at_once_one_counts(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    message = begin(conversations, clock)
    turn = begun(turns, message.id)
    gate = threading.Barrier(8)

    def close(worker: int) -> Reply:
        gate.wait()
        return turns.close(
            answered(message, text=f"Reply {worker}."),
            turn=turn,
            covered=[message.id],
            events=[],
            reply_id=f"r{worker}",
            last=False,
            now=clock(),
        )

    with ThreadPoolExecutor(8) as pool:
        replies = {reply.text for reply in pool.map(close, range(8))}
    assert len(replies) == 1
    assert set(texts_said(database)) == replies


def test_of_many_attempts_at_once_only_the_newest_may_write(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    message = begin(conversations, clock)
    gate = threading.Barrier(8)

    def attempt(_: int) -> Turn:
        gate.wait()
        return begun(turns, message.id)

    with ThreadPoolExecutor(8) as pool:
        attempts = sorted(pool.map(attempt, range(8)), key=lambda turn: turn.attempt)
    assert [turn.attempt for turn in attempts] == list(range(1, 9))
    for old in attempts[:-1]:
        with pytest.raises(Superseded):
            tell(turns, old, [message.id], 1, clock())
        with pytest.raises(Superseded):
            turns.close(
                answered(message), turn=old, covered=[message.id], events=[], reply_id="r", last=False, now=clock()
            )
    assert turns.reply(message.id) is None
    tell(turns, attempts[-1], [message.id], 1, clock())
    assert [event["id"] for event in turns.events("c1", after_seq=0)] == ["1.1"]
    assert texts_said(database) == []


def test_what_was_told_is_handed_to_the_next_attempt_with_its_citations(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    message = begin(conversations, clock)
    first = begun(turns, message.id)
    tell(turns, first, [message.id], 3, clock())
    tell(turns, first, [message.id], 4, clock(), last=True)
    second = begun(turns, message.id)
    citations = answered(message).reply.citations
    assert second.told == ((sentence(3), citations), (sentence(4), citations))
    with pytest.raises(Superseded):
        tell(turns, first, [message.id], 5, clock(), last=True)
    turns.close(
        answered(message), turn=second, covered=[message.id], events=[DONE], reply_id="r1", last=True, now=clock()
    )
    assert turns.events("c1", after_seq=0) == [DONE], "the run's own events hold its sentences from here on"
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ToldRow)) == 0


def test_after_the_end_nothing_more_is_told(conversations: SqlConversations, turns: SqlTurns, clock: Now) -> None:
    message = begin(conversations, clock)
    turn = begun(turns, message.id)
    turns.close(answered(message), turn=turn, covered=[message.id], events=[], reply_id="r1", last=False, now=clock())
    with pytest.raises(Superseded):
        tell(turns, turn, [message.id], 1, clock())


def test_a_burst_is_one_ticket_and_gets_one_reply_that_each_message_can_be_asked_for(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    first = begin(conversations, clock, text="I paid twice.")
    burst = [first, more(conversations, clock, "m2", "For May."), more(conversations, clock, "m3", "What now?")]
    covered = turns.open_messages(first.id)
    assert covered == [one.id for one in burst]
    ticket = turns.ticket(covered)
    assert (ticket.message.id, ticket.message.text) == (first.id, "I paid twice.\nFor May.\nWhat now?")
    assert ticket.history == ()
    close_run(database, answered(first), reply_id="r1", now=clock())
    assert texts_said(database) == ["Open Billing."]
    assert turns.unanswered() == []
    for message in burst:
        assert turns.reply(message.id) == replace(answered(first).reply, message_id=message.id)
        assert turns.first_of(message.id) == first
        assert turns.turn(message.id) == "answered"
    view = conversations.view("c1", "token-c1")
    assert [(one.author, one.reply is not None) for one in view.messages] == [
        ("customer", True),
        ("customer", True),
        ("customer", True),
        ("assistant", False),
    ]


def test_a_message_waits_for_the_earlier_one_of_its_conversation_and_for_no_other(
    conversations: SqlConversations, turns: SqlTurns, database: Database, clock: Now
) -> None:
    first, second = begin(conversations, clock), more(conversations, clock, "m2")
    other = begin(conversations, clock, "c2")
    assert turns.turn(second.id) == "waits"
    assert begun(turns, other.id).attempt == 1
    close_run(database, answered(first), covered=[first.id], reply_id="r1", now=clock())
    assert begun(turns, second.id).attempt == 1
    assert turns.reply(second.id) is None


def test_before_anything_was_told_a_run_gives_way_to_what_came_later(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    first = begin(conversations, clock)
    turn = begun(turns, first.id)
    more(conversations, clock, "m2")
    with pytest.raises(MoreCame):
        tell(turns, turn, [first.id], 1, clock())
    with pytest.raises(MoreCame):
        turns.close(answered(first), turn=turn, covered=[first.id], events=[], reply_id="r", last=False, now=clock())
    assert turns.events("c1", after_seq=0) == []
    tell(turns, turn, [first.id, "m2"], 1, clock())
    assert len(turns.events("c1", after_seq=0)) == 1


def test_after_something_was_told_what_comes_later_has_its_own_turn(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    first = begin(conversations, clock)
    turn = begun(turns, first.id)
    tell(turns, turn, [first.id], 1, clock())
    second = more(conversations, clock, "m2")
    tell(turns, turn, [first.id], 2, clock(), last=True)
    turns.close(answered(first), turn=turn, covered=[first.id], events=[], reply_id="r1", last=True, now=clock())
    assert turns.unanswered() == [second]
    assert begun(turns, second.id).attempt == 1


def test_what_came_after_a_told_sentence_is_not_covered_by_it_in_a_later_attempt(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    first, second = begin(conversations, clock), more(conversations, clock, "m2")
    tell(turns, begun(turns, first.id), [first.id, second.id], 1, clock())
    third = more(conversations, clock, "m3")
    begun(turns, first.id)
    assert turns.open_messages(first.id) == [first.id, second.id]
    assert turns.unanswered() == [first, second, third]


def test_a_superseded_attempt_hears_of_that_rather_than_of_more_messages(
    conversations: SqlConversations, turns: SqlTurns, clock: Now
) -> None:
    first = begin(conversations, clock)
    old, _ = begun(turns, first.id), begun(turns, first.id)
    more(conversations, clock, "m2")
    with pytest.raises(Superseded):
        tell(turns, old, [first.id], 1, clock())


@pytest.mark.parametrize(
    ("trusts", "lowest"),
    [(("session", "dmarc"), "dmarc"), (("dmarc", "none", "session"), "none"), (("session", "session"), "session")],
)
def test_a_burst_is_trusted_as_its_least_trusted_message(
    conversations: SqlConversations, turns: SqlTurns, clock: Now, trusts: tuple[Trust, ...], lowest: Trust
) -> None:
    new = NewConversation("c1", "t", "mail", source="inbox", external_id="thread")
    for n, trust in enumerate(trusts):
        conversations.take(
            replace(new, id=f"c{n}"), NewMessage(f"m{n}", "Hello?", f"k{n}", trust), reply_to=None, now=clock()
        )
    assert turns.ticket(turns.open_messages("m0")).trust == lowest


def test_a_message_that_is_not_there_is_named(turns: SqlTurns) -> None:
    with pytest.raises(NotFound, match="no message m9"):
        turns.turn("m9")
    assert turns.reply("m9") is None


def test_conversations_in_which_something_happened_are_found(
    conversations: SqlConversations, turns: SqlTurns, clock: Any
) -> None:
    first = begin(conversations, clock)
    begin(conversations, clock, "c2")
    clock.forward(minutes=1)
    since = clock()
    assert turns.changed(since=since) == []
    clock.forward(seconds=1)
    turn = begun(turns, first.id)
    tell(turns, turn, [first.id], 1, clock())
    assert turns.changed(since=since) == [("c1", clock())]
