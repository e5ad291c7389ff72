"""A form that is sent again is the ticket that it was, on both engines, also when both arrive at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from appliance.errors import Conflict
from appliance.store.attachment_files import AttachmentFiles
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.outbox import Happened
from appliance.store.tables import ConversationRow, MessageRow
from appliance.ticket import SUSPECTED, Message

Now = Callable[[], datetime]


def form(name: str, **more: object) -> NewConversation:
    made = NewConversation(name, "derived-token", "form", source="form", external_id="this-form")
    return replace(made, **more)  # type: ignore[arg-type] # a test names the fields that it changes


def begun(message: Message | None) -> str:
    assert message is not None
    return message.conversation_id


def test_the_same_form_is_the_same_ticket(database: Database, clock: Now, tmp_path: Path) -> None:
    conversations, files = SqlConversations(database), AttachmentFiles(tmp_path / "files", max_bytes=10)
    first, again = (
        conversations.create(
            form(name), now=clock(), first=NewMessage(f"m-{name}", "Hello?", files=(files.keep("a", "", b"same"),))
        )
        for name in ("c1", "c2")
    )
    assert first == again
    assert len(conversations.view("c1", "derived-token").messages) == 1


@pytest.mark.parametrize(
    ("more", "text", "content"),
    [
        ({}, "Hello!", b"same"),
        ({}, "Hello?", b"other"),
        ({"contact_email": "ana@example.com"}, "Hello?", b"same"),
        ({"contact_name": "Ana"}, "Hello?", b"same"),
        ({"subject": "Paying"}, "Hello?", b"same"),
        ({"token": "another"}, "Hello?", b"same"),
    ],
)
def test_the_same_form_with_anything_else_is_a_conflict(
    database: Database, clock: Now, tmp_path: Path, more: dict[str, str], text: str, content: bytes
) -> None:
    conversations, files = SqlConversations(database), AttachmentFiles(tmp_path / "files", max_bytes=10)
    kept = files.keep("a", "", b"same")
    conversations.create(form("c1"), now=clock(), first=NewMessage("m1", "Hello?", files=(kept,)))
    with pytest.raises(Conflict, match="sent before"):
        other = NewMessage("m2", text, files=(files.keep("a", "", content),))
        conversations.create(form("c2", **more), now=clock(), first=other)


def test_a_form_that_arrives_eight_times_at_once_is_one_ticket(database: Database, clock: Now) -> None:
    conversations = SqlConversations(database)

    def press(number: int) -> str:
        message = NewMessage(f"m{number}", "Hello?")
        return begun(conversations.create(form(f"c{number}"), now=clock(), first=message))

    with ThreadPoolExecutor(8) as pool:
        tickets = set(pool.map(press, range(8)))
    assert len(tickets) == 1
    with database.read() as session:
        for table in (ConversationRow, MessageRow):
            assert session.scalar(select(func.count()).select_from(table)) == 1


def test_forms_of_their_own_are_tickets_of_their_own(database: Database, clock: Now) -> None:
    conversations = SqlConversations(database)
    made = {
        begun(
            conversations.create(form(f"c{n}", external_id=f"form {n}"), now=clock(), first=NewMessage(f"m{n}", "Hi"))
        )
        for n in range(3)
    }
    assert len(made) == 3


def test_whoever_sends_mail_is_told_that_it_looks_like_spam(sqlite: Database, clock: Now) -> None:
    heard: list[Happened] = []

    def depart(happened: Happened) -> tuple[()]:
        heard.append(happened)
        return ()

    conversations = SqlConversations(sqlite, depart=depart)
    conversations.create(form("c1", suspicion="links_only"), now=clock(), first=NewMessage("m1", "Hello?"))
    assert [one.rule for one in heard] == [SUSPECTED]
