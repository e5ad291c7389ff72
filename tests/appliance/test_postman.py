"""What has to leave: written with what caused it, sent once as far as the other side can tell, tried again, and given up aloud."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.channels.carriers import Receipt, Undelivered
from appliance.channels.postman import Postman
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.outbox import Departure, Happened, Parcel, SqlOutbox


class FileCarrier:
    """Writes each parcel into a file: another side that remembers what it was sent. ``faults`` are raised first, in turn."""

    kind = "webhook"

    def __init__(self, file: Path, *faults: Exception, remembers: bool = True) -> None:
        self.file = file
        self.faults = list(faults)
        self.remembers = remembers
        self.looked_up: list[str] = []
        self.after_arrival: Exception | None = None
        """Raised once when the parcel has arrived: its answer got lost."""

    def arrived(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.file.read_text().splitlines()] if self.file.exists() else []

    async def look_up(self, parcel: Parcel) -> Receipt | None:
        self.looked_up.append(parcel.id)
        return Receipt("found") if self.remembers and parcel.id in self.arrived() else None

    async def carry(self, parcel: Parcel) -> Receipt:
        if self.faults:
            raise self.faults.pop(0)
        with self.file.open("a") as file:
            file.write(json.dumps({"id": parcel.id, "key": parcel.key}) + "\n")
        lost, self.after_arrival = self.after_arrival, None
        if lost:
            raise lost
        return Receipt(f"ref-{parcel.id}")


def lasting(text: str = "No such address.") -> Undelivered:
    return Undelivered(text, lasting=True)


def passing(retry_after_s: float | None = None) -> Undelivered:
    return Undelivered("The server is away.", lasting=False, retry_after_s=retry_after_s)


def departures(happened: Happened) -> Iterable[Departure]:
    if happened.what == "message.received":
        yield Departure(f"hook:{happened.message_id}", "webhook", "crm", "event")


@pytest.fixture
def outbox(database: Database) -> SqlOutbox:
    return SqlOutbox(database)


@pytest.fixture
def send(database: Database, clock: Callable[[], datetime], ids: Callable[[], str]) -> Callable[[int], None]:
    store = SqlConversations(database, depart=departures, new_id=ids)

    def made(n: int) -> None:
        store.create(NewConversation(f"c{n}", f"t{n}", "chat"), now=clock(), first=NewMessage(f"m{n}", "Hello?"))

    return made


@pytest.fixture
def carrier(tmp_path: Path) -> FileCarrier:
    return FileCarrier(tmp_path / "arrived")


def postman(outbox: SqlOutbox, carrier: FileCarrier, clock: Any, **more: Any) -> Postman:
    return Postman(outbox, [carrier], replica=more.pop("replica", "r1"), now=clock, jitter=lambda: 0.5, **more)


async def test_each_row_is_delivered_once_and_marked(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    for n in range(20):
        send(n)
    man = postman(outbox, carrier, clock)
    while await man.round():
        pass
    assert len(carrier.arrived()) == len(set(carrier.arrived())) == 20
    assert carrier.looked_up == [], "nobody looks for what was never sent"
    assert outbox.count() == {"waiting": 0, "sending": 0, "sent": 20, "failed": 0}


async def test_the_same_key_is_one_row(
    outbox: SqlOutbox, database: Database, clock: Any, ids: Callable[[], str]
) -> None:
    def twice(happened: Happened) -> Iterable[Departure]:
        yield Departure("the key", "webhook", "crm", "event")
        yield Departure("the key", "webhook", "crm", "event")

    store = SqlConversations(database, depart=twice, new_id=ids)
    for n in range(3):
        store.create(NewConversation(f"c{n}", "t", "chat"), now=clock(), first=NewMessage(f"m{n}", "Hello?"))
    assert outbox.count()["waiting"] == 1


async def test_what_does_not_arrive_is_tried_again_later_and_looked_up_before(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    carrier.faults = [passing(), passing()]
    send(1)
    man = postman(outbox, carrier, clock)
    for _ in range(3):
        assert outbox.count()["sent"] == 0
        assert await man.round() == 1
        clock.forward(minutes=1)
    assert len(carrier.arrived()) == 1
    assert len(carrier.looked_up) == 2
    assert outbox.count()["sent"] == 1


async def test_the_pauses_grow_and_the_other_side_may_name_its_own(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    carrier.faults = [passing(), passing(), passing(retry_after_s=77)]
    send(1)
    man = postman(outbox, carrier, clock)
    for seconds in (5, 15, 77):
        assert await man.round() == 1
        clock.forward(seconds=seconds - 1)
        assert await man.round() == 0
        clock.forward(seconds=1)
    assert await man.round() == 1
    assert outbox.count()["sent"] == 1


async def test_an_answer_that_got_lost_does_not_make_a_second_delivery(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    carrier.after_arrival = passing()
    send(1)
    man = postman(outbox, carrier, clock)
    await man.round()
    clock.forward(minutes=1)
    await man.round()
    assert len(carrier.arrived()) == 1
    assert outbox.count()["sent"] == 1
    assert outbox.listed("webhook", ["sent"], limit=9)[0].receipt == "found"


@pytest.mark.parametrize(("fault", "tries"), [(lasting, 1), (passing, 11)])
async def test_what_cannot_arrive_is_given_up_and_people_are_told_once(
    outbox: SqlOutbox,
    carrier: FileCarrier,
    clock: Any,
    send: Callable[[int], None],
    fault: Callable[[], Undelivered],
    tries: int,
) -> None:
    told: list[tuple[str, str]] = []

    async def given_up(parcel: Parcel, reason: str) -> None:
        told.append((parcel.key, reason))

    carrier.faults = [fault() for _ in range(50)]
    send(1)
    man = postman(outbox, carrier, clock, given_up=given_up)
    for _ in range(tries + 5):
        await man.round()
        clock.forward(days=1)
    assert told == [("hook:m1", fault().message)]
    assert 50 - len(carrier.faults) == tries
    assert outbox.count()["failed"] == 1
    assert carrier.arrived() == []


async def test_a_defect_of_a_carrier_loses_nothing_and_says_nothing_of_the_parcel(
    outbox: SqlOutbox,
    carrier: FileCarrier,
    clock: Any,
    send: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    carrier.faults = [ValueError("my secret is 4711")]
    send(1)
    man = postman(outbox, carrier, clock)
    await man.round()
    assert "defect: ValueError" in caplog.text
    assert "4711" not in caplog.text
    clock.forward(minutes=1)
    await man.round()
    assert outbox.count()["sent"] == 1


async def test_what_a_dead_replica_had_claimed_is_released_and_looked_up_before_it_is_sent(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    send(1)
    send(2)
    [first, _] = outbox.claim(replica="dead", now=clock(), limit=8)
    await carrier.carry(first)
    living = postman(outbox, carrier, clock, replica="living")
    assert await living.round() == 0, "it is in another's hands"
    assert outbox.release("somebody else", now=clock()) == 0
    assert outbox.release("dead", now=clock()) == 2
    await living.round()
    assert len(carrier.arrived()) == len(set(carrier.arrived())) == 2
    assert len(carrier.looked_up) == 2


async def test_two_postmen_on_one_outbox_deliver_each_row_once(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    for n in range(30):
        send(n)
    men = [postman(outbox, carrier, clock, replica=f"r{n}") for n in range(2)]

    async def work(man: Postman) -> None:
        while await man.round():
            pass

    await asyncio.gather(*map(work, men))
    assert set(Counter(carrier.arrived()).values()) == {1}
    assert outbox.count()["sent"] == 30


async def test_the_postman_begins_with_what_its_earlier_life_had_in_hand(
    outbox: SqlOutbox, carrier: FileCarrier, clock: Any, send: Callable[[int], None]
) -> None:
    send(1)
    assert len(outbox.claim(replica="r1", now=clock(), limit=8)) == 1
    man = postman(outbox, carrier, clock)
    working = asyncio.create_task(man.work())
    async with asyncio.timeout(30):
        while not outbox.count()["sent"]:  # noqa: ASYNC110 # the store tells nobody
            await asyncio.sleep(0.02)
    send(2)
    man.wake()
    async with asyncio.timeout(30):
        while outbox.count()["sent"] < 2:  # noqa: ASYNC110 # the store tells nobody
            await asyncio.sleep(0.02)
    working.cancel()


async def test_what_nothing_here_carries_waits(outbox: SqlOutbox, clock: Any, send: Callable[[int], None]) -> None:
    send(1)
    man = Postman(outbox, [], replica="r1", now=clock)
    await man.round()
    assert outbox.count()["waiting"] == 1
    [row] = outbox.listed("webhook", ["waiting"], limit=9)
    assert row.due_at > clock() + timedelta(seconds=1)


async def test_what_another_replica_has_sent_meanwhile_stays_sent(
    outbox: SqlOutbox, clock: Any, send: Callable[[int], None]
) -> None:
    """One that was taken for dead comes back with a fault of its own try; what its heir has sent must not be sent again."""
    send(1)
    [parcel] = outbox.claim(replica="asleep", now=clock(), limit=8)
    assert outbox.holds("asleep")
    outbox.release("asleep", now=clock())
    [again] = outbox.claim(replica="heir", now=clock(), limit=8)
    outbox.sent(again.id, receipt="r", now=clock())
    outbox.later(parcel.id, fault="no answer", due_at=clock())
    outbox.failed(parcel.id, fault="no answer", now=clock())
    assert outbox.count() == {"waiting": 0, "sending": 0, "sent": 1, "failed": 0}
    assert not outbox.holds("asleep")
