"""Webhook in, answer out: stored once, posted once, silent where a person has the ticket. On both databases, and a desk on a real socket."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from desks_server import DeskServer, serving
from desks_wire import HANDED_OVER, KINDS, SECRET, Webhook, Wire, settings
from house_parts import House, house
from line_parts import Parts
from sqlalchemy import func, select

from appliance.channels.desks.carrier import DeskCarrier
from appliance.channels.desks.intake import DeskIntake, Heeded
from appliance.channels.desks.registry import OpenDesk, open_desks
from appliance.channels.desks.words import unsent_note
from appliance.channels.postman import Postman
from appliance.errors import Busy, InputInvalid, NotFound, SignatureInvalid
from appliance.outgoing.client import Client
from appliance.outgoing_settings import Outgoing
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.desk_tickets import SqlDeskTickets, departures
from appliance.store.handoffs import SqlHandoffs
from appliance.store.outbox import Parcel, SqlOutbox
from appliance.store.tables import ConversationRow, MessageRow, OutboxRow
from appliance.store.turns import SqlTurns

INSIDE = Outgoing(allow_networks={"127.0.0.1": ("127.0.0.0/8",)}, timeout_s=2)


@dataclass
class Shop:
    """A company with one desk, and the appliance in front of it."""

    house: House
    wire: Wire
    desk: OpenDesk
    intake: DeskIntake
    tickets: SqlDeskTickets
    postman: Postman
    outbox: SqlOutbox
    database: Database
    server: DeskServer

    async def hear(self, document: Any, **sign: Any) -> Heeded:
        return await self.send(self.wire.signed(document, **{"at": self.house_time(), **sign}))

    async def send(self, webhook: Webhook, **more: Any) -> Heeded:
        return await self.intake.hear(self.desk.name, webhook.headers, webhook.body, **more)

    def house_time(self) -> datetime:
        return self.now()

    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def settled(self) -> None:
        """Until every accepted message has been answered."""
        for _ in range(2000):
            if not self.house.turns.unanswered():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("messages stay unanswered")

    def messages(self) -> list[tuple[str, str]]:
        """(author, text), in order."""
        return [(row.author, row.text) for row in sorted(self.rows(MessageRow), key=lambda row: row.seq)]

    def rows(self, table: type) -> list[Any]:
        with self.database.read() as session:
            return list(session.scalars(select(table)))


@pytest.fixture(params=KINDS)
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(request.param)


@pytest.fixture
def server() -> Iterator[DeskServer]:
    with serving() as running:
        running.tickets |= {"501": {}, "502": {}}
        yield running


class Opener:
    """Sets a shop up around a database, with parts and settings that a test chooses."""

    def __init__(self, server: DeskServer, folder: Path, clock: Any) -> None:
        self.server, self.folder, self.clock = server, folder, clock
        self.ids = itertools.count(1)

    def new_id(self) -> str:
        return f"id-{next(self.ids)}"

    async def open(self, database: Database, wire: Wire, parts: Parts, **more: Any) -> AsyncIterator[Shop]:
        max_running = more.pop("max_running", 8)
        desks = open_desks((settings(wire.kind, self.server.url, self.folder, **more),))
        [desk] = desks.values()
        turns = SqlTurns(database, depart=departures, new_id=self.new_id)
        async with house(
            database, parts, now=self.clock, new_id=self.new_id, turns=turns, max_running=max_running
        ) as inside:
            tickets = SqlDeskTickets(database, new_id=self.new_id)
            outbox = SqlOutbox(database)

            async def given_up(parcel: Parcel, fault: str) -> None:
                await asyncio.to_thread(tickets.unsent, parcel, note=unsent_note(fault), now=self.clock())

            postman = Postman(
                outbox,
                [DeskCarrier(desks, tickets, Client(INSIDE))],
                replica="r",
                now=self.clock,
                given_up=given_up,
            )
            intake = DeskIntake(
                desks, inside.reception, tickets, SqlCustomers(database), new_id=self.new_id, now=self.clock
            )
            yield Shop(inside, wire, desk, intake, tickets, postman, outbox, database, self.server, self.clock)


@pytest.fixture
def opener(server: DeskServer, tmp_path: Path, clock: Any) -> Opener:
    return Opener(server, tmp_path, clock)


@pytest.fixture
async def shop(database: Database, wire: Wire, opener: Opener) -> AsyncIterator[Shop]:
    async for opened in opener.open(database, wire, Parts()):
        yield opened


async def test_a_webhook_is_answered_in_the_desk_once(shop: Shop) -> None:
    assert (await shop.hear(shop.wire.customer("When do I get my refund?"))).what == "accepted"
    await shop.settled()
    assert await shop.postman.round() == 1
    assert await shop.postman.round() == 0
    [text] = shop.server.public("501")
    assert "Refunds are paid within 10 business days." in text
    [conversation] = shop.rows(ConversationRow)
    assert (conversation.channel, conversation.source, conversation.external_id) == ("desk", shop.desk.name, "501")
    assert shop.outbox.count() == {"waiting": 0, "sending": 0, "sent": 1, "failed": 0}


async def test_a_webhook_that_comes_again_changes_nothing(shop: Shop) -> None:
    webhook = shop.wire.signed(shop.wire.customer("When do I get my refund?"), at=shop.now())
    outcomes = [(await shop.send(webhook)).what for _ in range(3)]
    await shop.settled()
    outcomes.append((await shop.send(webhook)).what)
    edited = shop.wire.customer("When do I get my refund?? Edited.")
    outcomes.append((await shop.hear(edited)).what)
    assert outcomes == ["accepted", "repeated", "repeated", "repeated", "repeated"]
    await shop.postman.round()
    assert len(shop.server.public("501")) == 1
    assert [author for author, _ in shop.messages()] == ["customer", "assistant"]


async def test_the_same_webhook_many_times_at_once_is_one_message(shop: Shop) -> None:
    webhook = shop.wire.signed(shop.wire.customer("When do I get my refund?"), at=shop.now())
    outcomes = await asyncio.gather(*(shop.send(webhook) for _ in range(6)))
    assert sorted(one.what for one in outcomes) == ["accepted"] + ["repeated"] * 5
    await shop.settled()
    while await shop.postman.round():
        pass
    assert len(shop.server.public("501")) == 1


async def test_messages_of_one_ticket_are_one_conversation_and_of_two_are_two(shop: Shop) -> None:
    for ticket, message in ((501, 1), (501, 2), (502, 3)):
        await shop.hear(shop.wire.customer("When do I get my refund?", ticket=ticket, message=message))
        await shop.settled()
    assert sorted(row.external_id for row in shop.rows(ConversationRow)) == ["501", "502"]


@pytest.mark.parametrize("what", ["secret", "body", "none", "old"])
async def test_a_webhook_without_a_valid_proof_is_refused_and_stores_nothing(shop: Shop, what: str) -> None:
    document = shop.wire.customer("When do I get my refund?")
    webhook = shop.wire.signed(document, at=shop.now())
    bad = {
        "secret": shop.wire.signed(document, secret="some-other-secret-altogether", at=shop.now()),
        "body": replace(webhook, body=webhook.body.replace(b"refund", b"profit")),
        "none": replace(webhook, headers={}),
        "old": shop.wire.signed(document, at=shop.now() - timedelta(hours=1)),
    }[what]
    if what == "old" and shop.wire.kind == "zammad":
        assert (await shop.send(bad)).what == "accepted"  # it signs no time: its article's id ends replays
        return
    with pytest.raises(SignatureInvalid):
        await shop.send(bad)
    assert shop.rows(MessageRow) == shop.rows(ConversationRow) == []


async def test_a_desk_that_is_not_configured_is_not_there(shop: Shop) -> None:
    webhook = shop.wire.signed(shop.wire.customer("Hello?"), at=shop.now())
    with pytest.raises(NotFound):
        await shop.intake.hear("other", webhook.headers, webhook.body)


async def test_an_agents_reply_makes_us_silent_from_then_on(shop: Shop) -> None:
    assert (await shop.hear(shop.wire.agent("I look into it.", message=10))).what == "person"
    assert (await shop.hear(shop.wire.agent("I look into it.", message=10))).what == "repeated"
    assert (await shop.hear(shop.wire.customer("When do I get my refund?", message=9))).what == "accepted"
    await shop.settled()
    await shop.postman.round()
    assert shop.server.said == []
    assert shop.messages()[0] == ("agent", "I look into it.")


async def test_an_agent_who_answers_first_is_not_talked_over(shop: Shop) -> None:
    await shop.hear(shop.wire.customer("When do I get my refund?"))
    await shop.settled()
    await shop.hear(shop.wire.agent("I look into it."))
    assert await shop.postman.round() == 1
    assert shop.server.said == []
    assert [row.receipt for row in shop.rows(OutboxRow)] == ["withheld"]


async def test_own_messages_and_private_notes_change_nothing(shop: Shop) -> None:
    await shop.hear(shop.wire.own("Refunds are paid."))
    await shop.hear(shop.wire.agent("Ask billing.", private=True))
    assert shop.rows(ConversationRow) == []


async def test_only_the_named_groups_are_answered(database: Database, wire: Wire, opener: Opener) -> None:
    async for shop in opener.open(database, wire, Parts(), groups=("8",)):
        assert (await shop.hear(wire.customer("When?", message=1))).reason == "another group"
        assert (await shop.hear(wire.customer("When do I get my refund?", message=2, group="8"))).what == "accepted"
        await shop.settled()


async def test_two_machines_that_answer_each_other_come_to_an_end(
    database: Database, wire: Wire, opener: Opener
) -> None:
    async for shop in opener.open(database, wire, Parts(), ticket_replies_per_hour=3):
        for message in range(12):
            await shop.hear(wire.customer("When do I get my refund?", message=1000 + message))
            await shop.settled()
            await shop.postman.round()
        assert len(shop.server.public("501")) == 3
        [note] = shop.server.notes("501")
        assert "stopped answering" in note
        assert shop.server.tickets["501"] == HANDED_OVER[wire.kind]
        await shop.hear(wire.customer("When do I get my refund?", ticket=502, message=5000))
        await shop.settled()
        await shop.postman.round()
        assert len(shop.server.public("502")) == 1


async def test_the_desk_as_a_whole_has_a_budget_too(database: Database, wire: Wire, opener: Opener) -> None:
    async for shop in opener.open(database, wire, Parts(), replies_per_hour=4):
        for ticket in range(600, 608):
            shop.server.tickets[str(ticket)] = {}
            await shop.hear(wire.customer("When do I get my refund?", ticket=ticket, message=ticket))
            await shop.settled()
            await shop.postman.round()
        assert len([one for one in shop.server.said if one.public]) == 4
        assert len([one for one in shop.server.said if not one.public]) == 4


async def test_a_hand_over_leaves_the_note_in_the_desk_and_tells_the_customer(
    database: Database, wire: Wire, opener: Opener
) -> None:
    async for shop in opener.open(database, wire, Parts(answerable=0.0)):
        await shop.hear(wire.customer("When do I get my refund?"))
        await shop.settled()
        while await shop.postman.round():
            pass
        [note] = shop.server.notes("501")
        assert "Asked:" in note
        assert "When do I get my refund?" in note
        assert "Next step:" in note
        assert len(shop.server.public("501")) == 1
        assert shop.server.tickets["501"] == HANDED_OVER[wire.kind]
        await shop.hear(wire.customer("Hello? Is anybody there?", message=900))
        await shop.settled()
        await shop.postman.round()
        assert len(shop.server.said) == 2


@pytest.mark.parametrize("trouble", ["stored_then_500", "garbage", "stored_then_silence", "500", "429"])
async def test_whatever_the_desk_does_the_reply_stands_there_once(shop: Shop, clock: Any, trouble: Any) -> None:
    await shop.hear(shop.wire.customer("When do I get my refund?"))
    await shop.settled()
    shop.server.trouble = [trouble]
    await shop.postman.round()
    clock.forward(hours=1)
    await shop.postman.round()
    assert len(shop.server.public("501")) == 1
    assert shop.outbox.count()["sent"] == 1


async def test_a_token_that_is_not_accepted_any_more_brings_the_ticket_to_people(shop: Shop) -> None:
    await shop.hear(shop.wire.customer("When do I get my refund?"))
    await shop.settled()
    shop.server.trouble = ["401"]
    await shop.postman.round()
    [handoff] = SqlHandoffs(shop.database).waiting()
    assert handoff.rule == "desk.unsent"
    assert "answered 401" in handoff.note.tried[0]
    undone = shop.tickets.undone(shop.desk.name)
    assert undone.count == 1
    assert "token" in undone.last
    assert shop.server.said == []


async def test_another_accounts_ticket_never_gets_an_answer(shop: Shop) -> None:
    await shop.hear(shop.wire.customer("When do I get my refund?", ticket=999))
    await shop.settled()
    await shop.postman.round()
    assert shop.server.said == []
    assert shop.outbox.count()["failed"] == 1


async def test_when_too_much_is_waiting_nothing_is_stored_and_the_desk_may_try_again(
    database: Database, wire: Wire, opener: Opener
) -> None:
    async for shop in opener.open(database, wire, Parts(), max_running=1):
        with shop.house.runner.admit("another"), pytest.raises(Busy):
            await shop.hear(wire.customer("When do I get my refund?"))
        assert shop.rows(ConversationRow) == []
        assert (await shop.hear(wire.customer("When do I get my refund?"))).what == "accepted"
        await shop.settled()


@pytest.mark.parametrize("ticket", ["", "../../users", "5 0", "501/../502", "x" * 300, "५०१", "1" * 30, "501\n"])
async def test_a_ticket_id_that_is_no_number_is_refused(shop: Shop, ticket: str) -> None:
    document = shop.wire.customer("When do I get my refund?")
    {"zammad": document.get("ticket"), "chatwoot": document.get("conversation"), "zendesk": document.get("detail")}[
        shop.wire.kind
    ]["id"] = ticket  # type: ignore[index] # each shape has its own
    with pytest.raises(InputInvalid):
        await shop.hear(document)


@pytest.mark.parametrize("message", ["", " ", "7\x00", "7\n", "x" * 300, "../7", "é"])
async def test_a_message_id_that_no_desk_writes_is_refused(shop: Shop, message: str) -> None:
    document = shop.wire.customer("When do I get my refund?")
    place: Any = {"zammad": document.get("article"), "chatwoot": document}.get(shop.wire.kind)
    (place or document["event"]["comment"])["id"] = message
    if shop.wire.kind == "zendesk" and not message:
        assert (await shop.hear(document)).what == "accepted"  # a trigger knows no id, so one is made
        await shop.settled()
        return
    with pytest.raises(InputInvalid):
        await shop.hear(document)


async def test_an_agents_long_and_dirty_words_are_kept_short_and_clean(shop: Shop) -> None:
    await shop.hear(shop.wire.agent("\x00\u202eLook: " + "x" * 50_000))
    [(author, text)] = shop.messages()
    assert (author, text[:6], len(text)) == ("agent", "Look: ", 8_000)


@pytest.mark.parametrize(("verified", "trust"), [(True, "relay"), (False, "none")])
async def test_a_contacts_address_counts_only_where_the_desk_verifies_it(
    database: Database, wire: Wire, opener: Opener, verified: bool, trust: str
) -> None:
    async for shop in opener.open(database, wire, Parts(), contact_verified=verified):
        await shop.hear(wire.customer("When do I get my refund?"))
        await shop.settled()
        said = next(row for row in shop.rows(MessageRow) if row.author == "customer")
        expected = "none" if wire.kind == "zendesk" else trust  # its events name no address
        assert said.trust == expected
        [conversation] = shop.rows(ConversationRow)
        assert (conversation.customer_id is not None) == (expected == "relay")


async def test_the_secret_may_come_as_bearer_token_or_in_the_address(database: Database, opener: Opener) -> None:
    wire = Wire("zendesk")
    webhook = replace(wire.signed(wire.customer("When do I get my refund?")), headers={})
    async for shop in opener.open(database, wire, Parts(), proof="bearer"):
        for header in ("", "Bearer", "Bearer x", f"Basic {SECRET}", f"Bearer {SECRET}x"):
            with pytest.raises(SignatureInvalid):
                await shop.send(replace(webhook, headers={"authorization": header}))
        assert (await shop.send(replace(webhook, headers={"authorization": f"Bearer {SECRET}"}))).what == "accepted"
        await shop.settled()
    async for shop in opener.open(database, wire, Parts(), proof="path", name="by-path"):
        for secret in ("", "x", SECRET + "x"):
            with pytest.raises(SignatureInvalid):
                await shop.send(webhook, path_secret=secret)
        assert (await shop.send(webhook, path_secret=SECRET)).what == "accepted"
        await shop.settled()


async def test_a_message_without_words_still_reaches_the_line(shop: Shop) -> None:
    assert (await shop.hear(shop.wire.customer(""))).what == "accepted"
    await shop.settled()


def test_figures_count_only_what_was_said_in_the_last_hour(database: Database, clock: Any) -> None:
    tickets = SqlDeskTickets(database)
    assert tickets.replies("zammad-desk", "501", since=clock()) == (0, 0)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ConversationRow)) == 0
