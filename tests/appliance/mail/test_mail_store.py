"""Rows of e-mail, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.store.database import Database
from appliance.store.mail import DUPLICATE, Mail, SqlMailboxes, SqlMails
from appliance.store.mail_tickets import SqlMailTickets
from appliance.store.outbox import Happened, nobody
from appliance.store.sent_mail import Budget, SqlSentMails
from appliance.store.tables import ConversationRow, HandoffRow, MessageRow
from appliance.store.views import NewConversation, NewMessage
from appliance.ticket import HandoffNote

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
NOTE = HandoffNote(asked="a", tried=("first",), urgency="normal", urgency_evidence="", next_step="b")


def mail(number: int, **more: Any) -> Mail:
    whole = {"sha256": "s", "fingerprint": f"f{number}", "size": 1, "path": f"mail/{number}.eml", "received_at": NOW}
    return Mail(**{"id": f"m{number}", "mailbox": "support", "uidvalidity": 7, "uid": number, **whole} | more)


def test_a_mail_is_a_row_once_and_the_same_under_another_uid_is_a_duplicate(database: Database) -> None:
    mails = SqlMails(database)
    assert mails.store(mail(1)) == mail(1)
    assert mails.store(mail(1, id="again", path="mail/other.eml")).path == "mail/other.eml"
    twin = mails.store(mail(2, fingerprint="f1"))
    assert (twin.state, twin.rule, twin.path) == ("ignored", DUPLICATE, "")
    assert mails.store(mail(3, fingerprint="f1", mailbox="sales")).state == "stored"
    assert set(mails.known("support", 7, [1, 2, 3])) == {1, 2}
    assert mails.known("support", 8, [1]) == {}
    assert [one.id for one in mails.waiting("support")] == ["m1"]
    assert mails.paths() == {"mail/other.eml", "mail/3.eml"}


def test_raw_files_are_named_for_removal_when_their_time_has_come(database: Database) -> None:
    mails = SqlMails(database)
    for number in (1, 2):
        mails.store(mail(number))
    mails.settle("m1", "ignored", rule="auto.list", now=NOW)
    assert mails.raw_before(NOW) == []
    [old] = mails.raw_before(NOW + timedelta(days=1))
    mails.forget_raw(old.id)
    assert (old.id, mails.raw_before(NOW + timedelta(days=1))) == ("m1", [])
    assert mails.count() == {"stored": 1, "taken": 0, "ignored": 1, "to_people": 0}


def opened(database: Database, heard: list[str], ids: Any) -> SqlMailTickets:
    def depart(happened: Happened) -> Any:
        heard.append(happened.what)
        return nobody(happened)

    return SqlMailTickets(database, depart=depart, new_id=ids)


def test_a_ticket_for_people_is_opened_once_and_told_of(database: Database, ids: Any) -> None:
    heard: list[str] = []
    tickets = opened(database, heard, ids)
    new = NewConversation(id="c", token="t", channel="mail", source="support", external_id="m1")
    message = NewMessage("x", "unreadable", "m1")
    for _ in range(2):
        assert tickets.open(new, message, rule="mail.odd", note=NOTE, reply_to=None, now=NOW) == "c"
    assert heard == ["conversation.handed_over"]
    with database.read() as session:
        assert session.get_one(ConversationRow, "c").status == "handed_over"
        assert session.get_one(MessageRow, "x").state == "answered"
        assert session.query(HandoffRow).one().rule == "mail.odd"


def test_people_who_have_a_ticket_already_read_one_line_more(database: Database, ids: Any) -> None:
    tickets = opened(database, [], ids)
    new = NewConversation(id="c", token="t", channel="mail", source="support", external_id="m1")
    tickets.open(new, NewMessage("x", "text", "m1"), rule="r", note=NOTE, reply_to=None, now=NOW)
    for _ in range(2):
        tickets.to_people("c", rule="mail.undelivered", note=replace(NOTE, tried=("second",)), now=NOW)
        tickets.remark("c", "third")
    tickets.remark("unknown", "third")
    with database.read() as session:
        assert session.query(HandoffRow).one().note["tried"] == ["first", "second", "third"]


def test_a_thread_is_told_oldest_first_with_the_mail_that_is_answered(database: Database) -> None:
    mails, sent = SqlMails(database), SqlSentMails(database)
    with database.write() as session:
        session.add(
            ConversationRow(
                id="c", token_hash="", channel="mail", status="open", source="support", contact_email="ada@x.example", created_at=NOW, updated_at=NOW
            )
        )  # fmt: skip
        session.flush()
        for number in (1, 2):
            session.add(
                MessageRow(
                    id=f"x{number}", conversation_id="c", seq=number, author="customer", text="t", state="answered", idempotency_key=f"m{number}", trust="dmarc", created_at=NOW
                )
            )  # fmt: skip
    for number in (1, 2):
        mails.store(mail(number, received_at=NOW + timedelta(hours=number)))
        mails.settle(
            f"m{number}",
            "taken",
            rule="",
            now=NOW,
            conversation_id="c",
            message_id=f"{number}@x",
            message_id_hash=f"h{number}",
        )
    sent.reserve(
        parcel_id="p", mailbox="support", conversation_id="c", message_id="ours@desk", recipient="r", purpose="answer", budget=Budget(9, 9, 9), now=NOW + timedelta(minutes=90)
    )  # fmt: skip
    assert mails.thread("c", "x2") == ("2@x", ["1@x", "ours@desk", "2@x"])
    assert mails.holder("c") == ("ada@x.example", "dmarc")
    assert mails.holder("d") is None
    assert mails.conversation_by("support", ["h1", "nothing"]) == ("c", "ada@x.example")
    assert mails.conversation_by("sales", ["h1"]) is None
    assert mails.taken_as("support", "m1") == "c"
    assert sent.by_message_id("ours@desk") == sent.find("p")
    assert [one.id for one in mails.of_conversation("c")] == ["m1", "m2"]


def test_a_mailbox_has_one_reader(database: Database) -> None:
    places = SqlMailboxes(database)
    assert places.hold("support", "one", over=None, now=NOW)
    assert not places.hold("support", "two", over=None, now=NOW)
    assert places.hold("support", "two", over=places.place("support").beat, now=NOW)
    places.release("support", "one")
    assert places.place("support").holder == "two"
    places.reached("support", uidvalidity=7, uid_next=12)
    places.say("support", "connected")
    assert (places.place("support").uidvalidity, places.place("support").uid_next) == (7, 12)
    assert places.states()["support"][0] == "connected"


@pytest.mark.parametrize("state", ["accepted", "refused", "returned"])
def test_what_became_of_a_mail_is_kept(database: Database, state: Any) -> None:
    with database.write() as session:
        session.add(
            ConversationRow(id="c", token_hash="", channel="mail", status="open", created_at=NOW, updated_at=NOW)
        )
    sent = SqlSentMails(database)
    sent.reserve(
        parcel_id="p", mailbox="support", conversation_id="c", message_id="i@desk", recipient="r", purpose="answer", budget=Budget(9, 9, 9), now=NOW
    )  # fmt: skip
    sent.mark("p", state, fault="why")
    [one] = sent.of_conversation("c")
    assert (one.state, one.fault) == (state, "why")
