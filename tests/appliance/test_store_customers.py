"""Customers in SQL, on both engines: who is who, whose is what, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count

import pytest

from appliance.crm.book import Standing
from appliance.errors import IdentityInvalid, NotFound
from appliance.identity.claims import Verified
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.turns import SqlTurns

Now = Callable[[], datetime]


@pytest.fixture
def customers(database: Database) -> SqlCustomers:
    return SqlCustomers(database)


def who(clock: Now, id: str = "", email: str = "", *, proven: bool = True, name: str = "") -> Verified:
    return Verified(id, email, proven and bool(email), name, clock() + timedelta(minutes=5))


def ids(prefix: str = "k") -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


def test_the_same_person_is_the_same_row(customers: SqlCustomers, clock: Now) -> None:
    new_id = ids()
    first = customers.recognise(who(clock, "4711", "a@x.example", name="Ann"), new_id=new_id, now=clock())
    assert customers.recognise(who(clock, "4711"), new_id=new_id, now=clock()) == first
    assert customers.recognise(who(clock, "", "a@x.example"), new_id=new_id, now=clock()) == first
    found = customers.customer(first)
    assert found is not None
    assert (found.external_id, found.email, found.name, found.listed) == ("4711", "a@x.example", "Ann", True)


def test_an_address_that_is_not_proven_gives_nothing(customers: SqlCustomers, clock: Now) -> None:
    new_id = ids()
    owner = customers.of_address("victim@x.example", new_id=new_id, now=clock())
    other = customers.recognise(who(clock, "666", "victim@x.example", proven=False), new_id=new_id, now=clock())
    assert other != owner
    found = customers.customer(other)
    assert found is not None
    assert found.email == ""


def test_whoever_only_wrote_a_mail_is_no_customer_yet(customers: SqlCustomers, clock: Now) -> None:
    new_id = ids()
    made = customers.of_address("A@x.example", new_id=new_id, now=clock())
    before = customers.customer(made)
    assert customers.recognise(who(clock, "1", "a@x.example"), new_id=new_id, now=clock()) == made
    after = customers.customer(made)
    assert before is not None
    assert after is not None
    assert (before.listed, after.listed, after.external_id) == (False, True, "1")


def test_an_address_moves_to_the_one_who_proved_it_last(
    customers: SqlCustomers, database: Database, clock: Now
) -> None:
    """With the conversations that only its mails had made, and without those of another signed-in customer."""
    new_id, talks = ids(), SqlConversations(database, now=clock)
    ann = customers.recognise(who(clock, "1"), new_id=new_id, now=clock())
    mails = customers.of_address("a@x.example", new_id=new_id, now=clock())
    talks.create(NewConversation("m1", "t", "mail", customer_id=mails), now=clock())
    customers.recognise(who(clock, "1", "a@x.example"), new_id=new_id, now=clock())
    assert [one.id for one in customers.conversations_of(ann, limit=9)] == ["m1"]
    bob = customers.recognise(who(clock, "2", "a@x.example"), new_id=new_id, now=clock())
    assert customers.conversations_of(bob, limit=9) == []
    assert [one.id for one in customers.conversations_of(ann, limit=9)] == ["m1"]


def test_many_at_once_make_one_row(customers: SqlCustomers, clock: Now) -> None:
    new_id, now = ids(), clock()
    said = Verified("9", "z@x.example", True, "", now + timedelta(minutes=5))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: customers.recognise(said, new_id=new_id, now=now), range(24)))
    assert len(found) == 1


def test_a_customer_sees_and_enters_only_their_own(customers: SqlCustomers, database: Database, clock: Now) -> None:
    new_id, talks, now = ids(), SqlConversations(database, now=clock), clock()
    ann, bob = (customers.recognise(who(clock, name), new_id=new_id, now=now) for name in ("ann", "bob"))
    for name, owner in (("a1", ann), ("b1", bob), ("n1", None)):
        talks.create(NewConversation(name, f"token-{name}", "chat", customer_id=owner), now=now)
    assert [one.id for one in customers.conversations_of(ann, limit=9)] == ["a1"]
    said = set()
    for name in ("b1", "n1", "none", "a1\u0000", "../a1", "a1' OR 1=1"):
        with pytest.raises(NotFound) as fault:
            customers.admit(ann, name, "t", until=now + timedelta(hours=1), now=now)
        said.add(str(fault.value))
    assert len(said) == 1
    customers.admit(ann, "a1", "second", until=now + timedelta(hours=1), now=now)
    assert talks.view("a1", "second").id == "a1"
    for name in ("b1", "n1"):
        with pytest.raises(NotFound):
            talks.view(name, "second")


def test_a_token_of_a_signed_in_device_ends(customers: SqlCustomers, database: Database, clock: Now) -> None:
    new_id, now = ids(), clock()
    time = [now]
    talks = SqlConversations(database, now=lambda: time[0])
    ann = customers.recognise(who(clock, "ann"), new_id=new_id, now=now)
    new = NewConversation("a1", "first", "chat", customer_id=ann, signed_in_until=now + timedelta(hours=1))
    talks.create(new, now=now)
    customers.admit(ann, "a1", "second", until=now + timedelta(hours=1), now=now)
    assert trust_of(talks, "first", "m1", now) == trust_of(talks, "second", "m2", now) == "session"
    time[0] = later = now + timedelta(hours=1)
    assert trust_of(talks, "first", "m3", later) == "none"
    with pytest.raises(NotFound):
        talks.view("a1", "second")
    assert talks.view("a1", "first").id == "a1"


def trust_of(talks: SqlConversations, token: str, message_id: str, now: datetime) -> str:
    """Of a message that comes with that token, whatever it says of itself."""
    talks.accept("a1", token, NewMessage(message_id, "How?", trust="session"), now=now)
    return ticket_trust(talks._database, message_id)


def ticket_trust(database: Database, message_id: str) -> str:
    return SqlTurns(database).ticket([message_id]).trust


def test_an_anonymous_token_never_counts_as_a_customer(customers: SqlCustomers, database: Database, clock: Now) -> None:
    talks, now = SqlConversations(database, now=clock), clock()
    talks.create(NewConversation("a1", "first", "form", contact_email="ann@x.example"), now=now)
    assert trust_of(talks, "first", "m1", now) == "none"


def test_whose_trust_was_proven_for_another_is_trusted_as_nobody(
    customers: SqlCustomers, database: Database, clock: Now
) -> None:
    new_id, talks, now = ids(), SqlConversations(database, now=clock), clock()
    ann, bob = (customers.of_address(f"{name}@x.example", new_id=new_id, now=now) for name in ("ann", "bob"))
    new = NewConversation("a1", "t", "mail", customer_id=ann, source="box", external_id="x1")
    talks.take(new, NewMessage("m1", "Hi", "k1", "dmarc"), reply_to=None, now=now)
    other = NewConversation("zz", "t", "mail", customer_id=bob, source="box", external_id="x1")
    talks.take(other, NewMessage("m2", "Hi", "k2", "dmarc"), reply_to="a1", now=now)
    assert [ticket_trust(database, name) for name in ("m1", "m2")] == ["dmarc", "none"]


def test_an_identity_is_used_within_its_window(customers: SqlCustomers, clock: Now) -> None:
    now = clock()
    ends = now + timedelta(minutes=5)
    for seconds in (0, 30, 59):
        customers.use("j1", within_s=60, expires=ends, now=now + timedelta(seconds=seconds))
    with pytest.raises(IdentityInvalid, match="used before"):
        customers.use("j1", within_s=60, expires=ends, now=now + timedelta(seconds=60))
    customers.use("j2", within_s=60, expires=ends, now=now + timedelta(seconds=60))


def test_the_crms_word_is_kept_and_an_older_one_changes_nothing(customers: SqlCustomers, clock: Now) -> None:
    now = clock()
    ann = customers.recognise(who(clock, "ann", name="Ann"), new_id=ids(), now=now)
    customers.put_standing(ann, Standing("enterprise", "Ann Ltd", listed=True), now=now)
    customers.put_standing(ann, Standing("free", "", listed=False), now=now - timedelta(seconds=1))
    found = customers.customer(ann)
    assert found is not None
    assert (found.tier, found.name, found.listed, found.crm_at) == ("enterprise", "Ann Ltd", True, now)
    assert customers.known_as("ann") == found
    assert customers.names(ann) == (ann, "ann")
    assert customers.names("nobody") == ("nobody",)


def test_customers_are_kept_by_address(customers: SqlCustomers, clock: Now) -> None:
    added = customers.put_customer(customer_id="k1", email="A@example.org", name="Ann", tier="free", now=clock())
    changed = customers.put_customer(customer_id="k2", email="a@example.org", name="", tier="paid", now=clock())
    found = customers.customer("k1")
    assert (added, changed) == ("k1", "k1")
    assert found is not None
    assert (found.name, found.tier, found.email) == ("Ann", "paid", "a@example.org")
    assert customers.customer("k2") is None
