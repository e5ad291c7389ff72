"""What holds for the adapter of every help desk: who is heard, which signatures count, and that nothing is posted twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from desks_server import OWN_USER, DeskServer, serving
from desks_wire import HAND_OVER, HANDED_OVER, KINDS, SECRET, Wire, settings, shape

from appliance.channels.carriers import Undelivered
from appliance.channels.desks.adapter import Desk, Post
from appliance.channels.desks.caller import Caller
from appliance.channels.desks.registry import KINDS as DESKS
from appliance.channels.desks.registry import OpenDesk, open_desks
from appliance.desk_settings import DeskChange, DeskSettings
from appliance.errors import InputInvalid
from appliance.outgoing.client import Client
from appliance.outgoing_settings import Outgoing

NOW = datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC)
INSIDE = Outgoing(allow_networks={"127.0.0.1": ("127.0.0.0/8",)}, timeout_s=2)


@pytest.fixture(params=KINDS)
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(request.param)


@pytest.fixture
def desk(wire: Wire) -> Desk:
    return DESKS[wire.kind]


@pytest.fixture
def server() -> Iterator[DeskServer]:
    with serving() as running:
        running.tickets["501"] = {}
        yield running


@pytest.fixture
def opened(wire: Wire, server: DeskServer, tmp_path: Path) -> OpenDesk:
    return open_desks((settings(wire.kind, server.url, tmp_path),))[f"{wire.kind}-desk"]


@pytest.fixture
def of(wire: Wire, tmp_path: Path) -> DeskSettings:
    return settings(wire.kind, "https://desk.example", tmp_path)


def heard(desk: Desk, of: DeskSettings, document: Any) -> Any:
    return desk.hear(json.dumps(document).encode(), of)


def post(key: str = "key-1", text: str = "Open Settings.", **more: Any) -> Post:
    given: dict[str, Any] = {"ticket": "501", "public": True, "change": DeskChange(), "since": datetime.now(UTC)}
    return Post(key=key, text=text, **{**given, **more})


def test_its_own_signature_counts_and_every_changed_byte_is_noticed(desk: Desk, wire: Wire) -> None:
    webhook = wire.signed(wire.customer("How do I pay?"), at=NOW)
    proof = {"now": NOW, "max_age_s": 300.0}
    assert desk.signed(webhook.headers, webhook.body, SECRET.encode(), **proof)
    assert not desk.signed(webhook.headers, webhook.body + b" ", SECRET.encode(), **proof)
    assert not desk.signed(webhook.headers, webhook.body, b"another-secret-of-32-characters", **proof)
    assert not desk.signed({}, webhook.body, SECRET.encode(), **proof)
    for name, value in webhook.headers.items():
        if "signature" in name and "timestamp" not in name:
            for wrong in ("", value[:-1], value.upper() if value.upper() != value else value[::-1], "ä€\udcff"):
                assert not desk.signed({**webhook.headers, name: wrong}, webhook.body, SECRET.encode(), **proof)


@pytest.mark.parametrize("away", [timedelta(seconds=301), timedelta(seconds=-301), timedelta(days=1)])
def test_a_signed_time_that_is_not_now_does_not_count(desk: Desk, wire: Wire, away: timedelta) -> None:
    webhook = wire.signed(wire.customer("How do I pay?"), at=NOW)
    signed = desk.signed(webhook.headers, webhook.body, SECRET.encode(), now=NOW + away, max_age_s=300.0)
    assert signed == (wire.kind == "zammad")  # Zammad signs no time: there the article's id ends a replay


@pytest.mark.parametrize("stamp", ["", "0", "-1", "9" * 40, "yesterday", "2026-11-02T08:15:30+99:99", "१७", "\x00"])
def test_a_time_that_is_none_does_not_count(desk: Desk, wire: Wire, stamp: str) -> None:
    webhook = wire.signed(wire.customer("How do I pay?"), at=NOW)
    headers = {name: stamp if "timestamp" in name else value for name, value in webhook.headers.items()}
    if headers != webhook.headers:
        assert not desk.signed(headers, webhook.body, SECRET.encode(), now=NOW, max_age_s=300.0)


def test_a_customer_is_heard_with_the_ids_of_the_desk(desk: Desk, wire: Wire, of: DeskSettings) -> None:
    said = heard(desk, of, wire.customer("How do I pay?", ticket=77, message=4321))
    assert (said.who, said.ticket, said.message, said.text) == ("customer", "77", "4321", "How do I pay?")
    assert said.group == ("Support" if wire.kind == "zammad" else "4")
    assert said.name in {"Mira Olsen", "Kim"}
    assert said.email == (
        "" if wire.kind == "zendesk" else "mira.olsen@example.org"
    )  # Zendesk's events name no address


def test_an_agents_public_reply_means_that_a_person_has_the_ticket(desk: Desk, wire: Wire, of: DeskSettings) -> None:
    said = heard(desk, of, wire.agent("I look into it.", ticket=77))
    assert (said.who, said.ticket, said.text) == ("person", "77", "I look into it.")


def test_private_notes_and_own_messages_are_left_alone(desk: Desk, wire: Wire, of: DeskSettings) -> None:
    assert heard(desk, of, wire.agent("Ask billing first.", private=True)).who == "nobody"
    assert heard(desk, of, wire.own("Open Settings.")).who == "nobody"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"{", b"\xff\xfe", b'{"ticket": 1}', b"[" * 100_000, b'{"type": {"a": 1}}']
)
def test_what_is_not_its_shape_is_refused_without_its_words(desk: Desk, of: DeskSettings, body: bytes) -> None:
    with pytest.raises(InputInvalid) as fault:
        desk.hear(body, of)
    assert "\n" not in str(fault.value)


def test_values_never_stand_in_the_refusal(desk: Desk, wire: Wire, of: DeskSettings) -> None:
    document = wire.customer("My password is hunter2")
    for part in ("article", "event", "conversation"):
        if part in document:
            document[part] = "hunter2"
    if wire.kind == "zammad":
        document["ticket"] = "hunter2"
    with pytest.raises(InputInvalid) as fault:
        heard(desk, of, document)
    assert "hunter2" not in str(fault.value)


async def test_a_reply_is_posted_once_however_often_it_is_asked_for(
    desk: Desk, opened: OpenDesk, server: DeskServer
) -> None:
    call = Caller(opened, Client(INSIDE))
    first = await desk.post(call, opened.settings, post())
    again = await desk.post(call, opened.settings, post())
    other = await desk.post(call, opened.settings, post("key-2", "And then press Invite."))
    assert first == again != other
    assert server.public("501") == ["Open Settings.", "And then press Invite."]
    assert await desk.find(call, opened.settings, post()) == first
    assert await desk.find(call, opened.settings, post("key-3")) is None


@pytest.mark.parametrize("trouble", ["stored_then_500", "stored_then_silence", "garbage"])
async def test_what_was_stored_though_the_desk_failed_is_found_before_the_next_try(
    desk: Desk, opened: OpenDesk, server: DeskServer, trouble: Any
) -> None:
    call = Caller(opened, Client(INSIDE))
    server.trouble = [trouble]
    with pytest.raises(Undelivered) as fault:
        await desk.post(call, opened.settings, post())
    assert fault.value.transient
    assert await desk.find(call, opened.settings, post())
    assert await desk.post(call, opened.settings, post())
    assert server.public("501") == ["Open Settings."]


async def test_it_is_found_among_many_later_messages(desk: Desk, opened: OpenDesk, server: DeskServer) -> None:
    call = Caller(opened, Client(INSIDE))
    first = await desk.post(call, opened.settings, post())
    for number in range(130):
        await desk.post(
            call, opened.settings, post(f"other-{number}", f"Message {number}")
        ) if number % 25 == 0 else None
        server.messages["501"].append({**server.messages["501"][-1], "id": server.new_id(), **_unmarked()})
    assert await desk.find(call, opened.settings, post()) == first


def _unmarked() -> dict[str, Any]:
    return {"preferences": {}, "content_attributes": {}, "metadata": {}}


async def test_a_hand_over_is_a_private_note_and_moves_the_ticket(
    desk: Desk, wire: Wire, opened: OpenDesk, server: DeskServer
) -> None:
    call = Caller(opened, Client(INSIDE))
    note = post(text="Asked: how to pay.", public=False, change=HAND_OVER[wire.kind])
    await desk.post(call, opened.settings, note)
    await desk.post(call, opened.settings, note)
    assert server.notes("501") == ["Asked: how to pay."]
    assert server.public("501") == []
    assert server.tickets["501"] == HANDED_OVER[wire.kind]


async def test_a_move_that_broke_off_before_the_note_is_made_whole(
    desk: Desk, wire: Wire, opened: OpenDesk, server: DeskServer
) -> None:
    call = Caller(opened, Client(INSIDE))
    note = post(text="Asked: how to pay.", public=False, change=HAND_OVER[wire.kind])
    server.trouble = ["", "500"] if wire.kind == "chatwoot" else ["500"]
    with pytest.raises(Undelivered):
        await desk.post(call, opened.settings, note)
    assert await desk.find(call, opened.settings, note) is None
    await desk.post(call, opened.settings, note)
    assert server.notes("501") == ["Asked: how to pay."]
    assert server.tickets["501"] == HANDED_OVER[wire.kind]


@pytest.mark.parametrize(
    ("trouble", "lasting"), [("500", False), ("429", False), ("401", True), ("404", True), ("redirect", True)]
)
async def test_faults_that_pass_and_faults_that_last_are_told_apart(
    desk: Desk, opened: OpenDesk, server: DeskServer, trouble: Any, lasting: bool
) -> None:
    server.trouble = [trouble]
    with pytest.raises(Undelivered) as fault:
        await desk.post(Caller(opened, Client(INSIDE)), opened.settings, post())
    assert fault.value.transient != lasting
    assert fault.value.retry_after_s == (1.0 if trouble == "429" else None)
    assert "Open Settings." not in str(fault.value)
    assert opened.token not in str(fault.value)
    assert server.said == []


async def test_another_accounts_ticket_is_not_there(desk: Desk, opened: OpenDesk, server: DeskServer) -> None:
    with pytest.raises(Undelivered) as fault:
        await desk.post(Caller(opened, Client(INSIDE)), opened.settings, post(ticket="999"))
    assert not fault.value.transient
    assert server.said == []


async def test_the_token_says_whose_it_is(desk: Desk, opened: OpenDesk) -> None:
    assert await desk.me(Caller(opened, Client(INSIDE)), opened.settings) == str(OWN_USER)


async def test_a_desk_inside_is_called_only_when_the_settings_allow_it(
    desk: Desk, opened: OpenDesk, server: DeskServer
) -> None:
    with pytest.raises(Undelivered) as fault:
        await desk.me(Caller(opened, Client(Outgoing())), opened.settings)
    assert not fault.value.transient
    assert server.calls == []


def test_shapes_are_read_whole(desk: Desk, wire: Wire, of: DeskSettings) -> None:
    names = {"zammad": ["zammad_article"], "chatwoot": ["chatwoot_message", "chatwoot_status"],
             "zendesk": ["zendesk_comment", "zendesk_created", "zendesk_trigger"]}  # fmt: skip
    for name in names[wire.kind]:
        assert heard(desk, of, shape(name)).ticket == "501", name
