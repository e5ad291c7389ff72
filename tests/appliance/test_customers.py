"""Who a customer is to a message: its own trust, the CRM's word, and what is done while the CRM is down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from line_parts import Parts, classification, ticket

from appliance.crm.book import Book, Standing
from appliance.crm.record import Record
from appliance.customer_settings import Crm
from appliance.customers import Customer, Customers
from appliance.errors import CrmDown
from appliance.line.identify import identify
from appliance.line.line import run
from appliance.ticket import TRUSTS, Identified, Trust
from appliance.trusted import Trusted

START = datetime(2026, 6, 1, tzinfo=UTC)
CUSTOMER = Customer("k1", "4711", "ann@x.example", "Ann", "enterprise", listed=True, crm_at=None)


@dataclass
class World:
    """A customer table of one row, a CRM, and a clock, each as a test wants it."""

    row: Customer | None = CUSTOMER
    says: Record | Exception | None = None
    now: datetime = START
    asked: list[tuple[str, str]] = field(default_factory=list)

    def customer(self, customer_id: str) -> Customer | None:
        return self.row if self.row and self.row.id == customer_id else None

    def put_standing(self, customer_id: str, standing: Standing, *, now: datetime) -> None:
        assert self.row is not None
        assert customer_id == self.row.id
        self.row = replace(self.row, tier=standing.tier, listed=standing.listed, crm_at=now)

    def look(self, *, id: str, email: str) -> Record | None:
        self.asked.append((id, email))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def state(self) -> str:
        return ""

    def close(self) -> None:
        return


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def book(world: World) -> Iterator[Book]:
    def clock() -> float:
        return world.now.timestamp()

    crm = Crm(kind="csv", csv_file="x", ttl_s=900, stale_s=3600, faults=99)
    made = Book(crm, world, clock=clock, observe=lambda _: None)
    yield made
    made.close()


def customers(world: World, book: Book | None = None, **floors: Trust) -> Customers:
    return Customers(world, Trusted.model_validate(floors), now=lambda: world.now, book=book)


@pytest.mark.parametrize(
    ("trust", "tier", "audience"),
    [
        ("none", "free", "public"),
        ("relay", "enterprise", "public"),
        ("dmarc", "enterprise", "customer"),
        ("session", "enterprise", "customer"),
    ],
)
def test_the_messages_own_trust_decides_what_counts(world: World, trust: Trust, tier: str, audience: str) -> None:
    found = customers(world).identify("k1", trust)
    assert found.tier == tier
    assert ("customer" in found.audiences) == found.verified == (audience == "customer")
    assert "internal" not in found.audiences


@pytest.mark.parametrize("trust", TRUSTS)
def test_the_floors_are_the_profiles(world: World, trust: Trust) -> None:
    strict = customers(world, tier="session", audience="session").identify("k1", trust)
    assert strict.verified == (strict.tier == "enterprise") == (trust == "session")


def test_whoever_only_wrote_mails_is_no_customer(world: World) -> None:
    """Anybody's domain may pass DMARC: it proves the address, not that its owner is a customer."""
    world.row = replace(CUSTOMER, tier="free", listed=False)
    assert "customer" not in customers(world).identify("k1", "dmarc").audiences
    assert "customer" in customers(world).identify("k1", "session").audiences


def test_nobody_and_an_unknown_customer_are_anybody(world: World) -> None:
    for who in (None, "", "k2"):
        assert customers(world).identify(who, "session") == Identified()


def test_the_crm_is_asked_once_in_its_time(world: World, book: Book) -> None:
    world.says = Record("paid", "Ann Ltd")
    known = customers(world, book)
    assert [known.identify("k1", "session").tier for _ in range(3)] == ["paid"] * 3
    assert world.asked == [("4711", "ann@x.example")]
    world.now += timedelta(seconds=900)
    world.says = Record("free")
    assert known.identify("k1", "session").tier == "free"
    assert len(world.asked) == 2


def test_an_unauthenticated_message_asks_no_crm(world: World, book: Book) -> None:
    assert customers(world, book).identify("k1", "none") == Identified()
    assert world.asked == []


def test_whom_the_crm_does_not_know_is_free(world: World, book: Book) -> None:
    found = customers(world, book).identify("k1", "dmarc")
    assert (found.tier, found.verified, found.decisions) == ("free", False, ())
    assert world.row is not None
    assert (world.row.tier, world.row.listed) == ("free", False)


def test_while_it_is_down_its_last_word_counts_for_a_time_and_then_nothing(world: World, book: Book) -> None:
    world.says = Record("enterprise")
    known = customers(world, book)
    assert known.identify("k1", "dmarc").decisions == ()
    world.says = CrmDown("it does not answer")
    world.now += timedelta(seconds=1800)
    stale = known.identify("k1", "dmarc")
    assert (stale.tier, stale.verified, [one.rule for one in stale.decisions]) == ("enterprise", True, ["crm.stale"])
    assert "30 min" in stale.decisions[0].reason
    world.now += timedelta(seconds=1800)
    down = known.identify("k1", "dmarc")
    assert (down.tier, down.verified, [one.rule for one in down.decisions]) == ("free", False, ["crm.down"])
    for said in (stale, down):
        assert "ann" not in said.decisions[0].reason.lower()
        assert "4711" not in said.decisions[0].reason
    world.says = Record("paid")
    assert known.identify("k1", "dmarc") == Identified("paid", True, frozenset({"public", "customer"}))


def test_a_crm_that_never_spoke_of_them_gives_nothing_while_it_is_down(world: World, book: Book) -> None:
    world.says = CrmDown("no route")
    found = customers(world, book).identify("k1", "session")
    assert (found.tier, found.verified) == ("free", True)  # the host page vouches for who it is, not for the tier
    assert [one.rule for one in found.decisions] == ["crm.down"]


def test_a_clock_that_was_set_back_asks_again(world: World, book: Book) -> None:
    world.row = replace(CUSTOMER, crm_at=START + timedelta(days=1))
    world.says = Record("paid")
    assert customers(world, book).identify("k1", "session").tier == "paid"


async def test_the_station_goes_by_the_tickets_trust(world: World) -> None:
    known = customers(world)
    parts = Parts()
    desk = replace(parts.desk(), identify=known.identify)
    asked = replace(ticket(), customer_id="k1")
    assert (await identify(desk, replace(asked, trust="none"))).tier == "free"
    assert (await identify(desk, replace(asked, trust="session"))).tier == "enterprise"


async def test_agents_see_why_a_tier_was_not_known(world: World, book: Book) -> None:
    world.says = CrmDown("no route")
    desk = replace(Parts().desk(), identify=customers(world, book).identify)
    closed = await run(desk, replace(ticket(), customer_id="k1", trust="session"), lambda *_: None)
    assert closed.decisions[0].rule == "crm.down"


async def test_the_note_of_a_hand_over_says_so_too(world: World, book: Book) -> None:
    world.says = CrmDown("no route")
    parts = Parts(classification=classification("billing_dispute"))
    desk = replace(parts.desk(), identify=customers(world, book).identify)
    closed = await run(desk, replace(ticket(), customer_id="k1", trust="session"), lambda *_: None)
    assert closed.note is not None
    assert closed.note.tried[0].startswith("The CRM does not answer")
