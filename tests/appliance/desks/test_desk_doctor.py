"""What the doctor says of a configured desk, and which settings and files are refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from desks_server import TOKEN, DeskServer, serving
from desks_wire import KINDS, SECRET, settings
from pydantic import ValidationError

from appliance.channels.desks.registry import open_desks
from appliance.channels.desks.words import handoff_words, unsent_note
from appliance.config import Config, load_config
from appliance.desk_settings import DeskSettings
from appliance.doctor.amiss import Amiss
from appliance.doctor.calls import calls
from appliance.doctor.desks import desk
from appliance.errors import ConfigInvalid
from appliance.outgoing_settings import Outgoing
from appliance.post_office import desk_keys
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.desk_tickets import departures
from appliance.store.outbox import Departure, Happened, SqlOutbox, put
from appliance.ticket import HandoffNote

INSIDE = Outgoing(allow_networks={"127.0.0.1": ("127.0.0.0/8",)}, timeout_s=2)
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[DeskServer]:
    with serving() as running:
        yield running


def config(tmp_path: Path, *desks: DeskSettings, outgoing: Outgoing = INSIDE) -> Config:
    return Config(data=tmp_path, desks=desks, outgoing=outgoing)


@pytest.mark.parametrize("kind", KINDS)
def test_a_desk_that_answers_is_in_order(kind: str, server: DeskServer, tmp_path: Path) -> None:
    one = settings(kind, server.url, tmp_path)
    assert desk(config(tmp_path, one), one).endswith("the token is user 99's")
    assert server.said == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_not_accepted_is_named_without_being_shown(
    kind: str, server: DeskServer, tmp_path: Path
) -> None:
    one = settings(kind, server.url, tmp_path)
    (tmp_path / "token").write_text("another-token")
    with pytest.raises(Amiss, match="401") as fault:
        desk(config(tmp_path, one), one)
    assert "another-token" not in str(fault.value)


@pytest.mark.parametrize("kind", KINDS)
def test_another_users_token_is_told_since_the_box_would_answer_itself(
    kind: str, server: DeskServer, tmp_path: Path
) -> None:
    one = settings(kind, server.url, tmp_path, own_user=5)
    with pytest.raises(Amiss, match="belongs to user 99, and own_user says 5") as fault:
        desk(config(tmp_path, one), one)
    assert 'own_user = "99"' in fault.value.remedy


def test_a_desk_that_is_down_and_one_that_may_not_be_called_are_told(server: DeskServer, tmp_path: Path) -> None:
    one = settings("zammad", server.url, tmp_path)
    with pytest.raises(Amiss, match="not allowed"):
        desk(config(tmp_path, one, outgoing=Outgoing()), one)
    gone = settings("zammad", "http://127.0.0.1:9", tmp_path)
    with pytest.raises(Amiss, match="takes no connection"):
        desk(config(tmp_path, gone), gone)


def test_what_could_not_be_posted_is_told(server: DeskServer, tmp_path: Path) -> None:
    one = settings("zammad", server.url, tmp_path)
    settled = config(tmp_path, one)
    database = Database(settled.database_url)
    new = NewConversation("c1", "t", "desk", source=one.name, external_id="501")
    SqlConversations(database).create(new, now=NOW, first=NewMessage("m1", "When?"))
    with database.write() as session:
        happened = Happened("reply.sent", "c1", "desk", one.name, "m1", NOW, speaks=True)
        put(session, departures(happened), happened, new_id=lambda: "p1")
    outbox = SqlOutbox(database)
    [parcel] = outbox.claim(replica="r", now=NOW, limit=9)
    outbox.failed(parcel.id, fault="desk zammad-desk: POST answered 403.", now=NOW)
    database.close()
    with pytest.raises(Amiss, match=r"1 messages could not be posted .* answered 403"):
        desk(settled, one)


def test_only_replies_and_hand_overs_of_a_desk_leave_for_it() -> None:
    def left(channel: Any, what: Any, *, speaks: bool = True) -> list[Departure]:
        return list(departures(Happened(what, "c1", channel, "s", "m1", NOW, speaks=speaks)))

    assert [one.purpose for one in left("desk", "reply.sent")] == ["reply"]
    assert [one.purpose for one in left("desk", "conversation.handed_over")] == ["handoff"]
    assert left("desk", "reply.sent", speaks=False) == []
    assert left("desk", "message.received") == []
    assert left("chat", "reply.sent") == left("mail", "conversation.handed_over") == []


def test_the_addresses_of_desks_are_listed_and_one_outside_is_in_order(tmp_path: Path) -> None:
    one = settings("zendesk", "https://company.zendesk.example", tmp_path)
    assert "company.zendesk.example (desks.zendesk-desk)" in calls(config(tmp_path, one))


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "Desk 1"},
        {"kind": "freshdesk"},
        {"base_url": "https://user:key@desk.example"},
        {"base_url": "desk.example"},
        {"base_url": "https://desk.example/?a=1"},
        {"own_user": ""},
        {"token_file": ""},
        {"kind": "chatwoot", "account": ""},
        {"kind": "chatwoot", "account": "1/../2"},
        {"kind": "chatwoot", "account": "7", "proof": "bearer"},
        {"max_age_s": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    whole = settings("zammad", "https://desk.example", tmp_path).model_dump()
    assert DeskSettings.model_validate(whole)
    with pytest.raises(ValidationError):
        DeskSettings.model_validate(whole | change)


def test_a_profile_of_its_own_is_opened_besides_the_appliances(tmp_path: Path) -> None:
    named = [settings("zammad", "https://desk.example", tmp_path, profile=name) for name in ("shop", "saas", "")]
    assert config(tmp_path, *named).further_profiles == {"shop"}


def test_its_keys_may_stand_in_no_reply(tmp_path: Path) -> None:
    one = settings("zammad", "https://desk.example", tmp_path)
    assert set(desk_keys(config(tmp_path, one)).values()) == {SECRET, TOKEN}


def test_a_file_with_desks_is_read(tmp_path: Path) -> None:
    (tmp_path / "appliance.toml").write_text(
        '[[desks]]\nname = "help"\nkind = "zammad"\nbase_url = "https://desk.example"\nown_user = 9\n'
        'token_file = "t"\nsecret_file = "s"\n[desks.hand_over]\ngroup = "Second level"\n'
    )
    [one] = load_config(None, data=tmp_path).desks
    assert (one.own_user, one.hand_over.group) == ("9", "Second level")
    (tmp_path / "appliance.toml").write_text('[[desks]]\nname = "help"\n')
    with pytest.raises(ConfigInvalid, match="missing: kind, base_url"):
        load_config(None, data=tmp_path)


@pytest.mark.parametrize(
    ("file", "held"), [("secret", "short"), ("secret", ""), ("token", ""), ("token", "two\nlines")]
)
def test_files_that_hold_no_key_are_refused(tmp_path: Path, file: str, held: str) -> None:
    one = settings("zammad", "https://desk.example", tmp_path)
    (tmp_path / file).write_text(held)
    with pytest.raises(ConfigInvalid):
        open_desks((one,))


def test_a_missing_file_and_a_name_given_twice_are_refused(tmp_path: Path) -> None:
    one = settings("zammad", "https://desk.example", tmp_path)
    with pytest.raises(ConfigInvalid, match="Two desks are called zammad-desk"):
        open_desks((one, one))
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        open_desks((one,))


def test_an_open_desk_never_shows_its_keys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [opened] = open_desks((settings("zammad", "https://desk.example", tmp_path),)).values()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("%r %s", opened, opened)
    assert SECRET not in caplog.text
    assert "token-of" not in caplog.text


def test_the_note_has_everything_that_the_next_person_needs() -> None:
    note = HandoffNote(
        "How do I pay?", ("Searched.",), "high", "“urgent”", "Answer it.", "Open Billing.", ("Paying (pay)",)
    )
    words = handoff_words(note)
    for part in (
        "How do I pay?",
        "- Searched.",
        "Urgency: high (“urgent”)",
        "Next step: Answer it.",
        "Open Billing.",
        "- Paying (pay)",
    ):
        assert part in words
    assert "Handed over" in handoff_words(None)
    assert "answered 401" in unsent_note("desk x: POST answered 401.").tried[0]
