"""The report over a real database: its keys, its denominators, and null where there is no data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from turn_parts import close_run

from appliance.measures.kpi import kpis
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.ticket import Closed, HandoffNote, Outcome, Reply

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
NOTE = HandoffNote("asked", ("tried",), "normal", "none", "next")
NULLS = {"p50": None, "p90": None}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    yield opened
    opened.close()


class Desk:
    """Writes tickets into the database as the appliance does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.conversations = SqlConversations(database)
        self.count = 0

    def ticket(
        self,
        at: datetime,
        outcome: Outcome | None = "answered",
        *,
        intent: str = "billing",
        email: str = "",
        gap: str = "",
        seconds: int = 2,
    ) -> str:
        self.count += 1
        name = f"c{self.count}"
        new = NewConversation(id=name, token=name, channel="chat", contact_email=email)
        self.conversations.create(new, now=at, first=NewMessage(f"{name}-m", "a question"))
        if outcome:
            self._close(f"{name}-m", outcome, at + timedelta(seconds=seconds), intent, gap)
        return name

    def _close(self, message_id: str, outcome: Outcome, at: datetime, intent: str, gap: str) -> None:
        reply = Reply(message_id, outcome, "text", (), intent, "normal", 0.9, "some.rule", "why")
        closed = Closed(reply, (), note=NOTE if outcome == "handed_over" else None, gap=gap)
        close_run(self.database, closed, reply_id=f"{message_id}-r", now=at)

    def says(self, name: str, at: datetime, *, resolved: bool | None = None, csat: int | None = None) -> None:
        self.conversations.feedback(name, name, resolved=resolved, csat=csat, comment=None, now=at)


def test_without_data_every_figure_is_null(database: Database) -> None:
    assert kpis(database, since=SINCE, now=NOW) == {
        "tickets": 0,
        "resolution_rate": {"confirmed": None, "assumed": None, "durable": None, "recontact_adjusted": None},
        "csat": {"mean": None, "n": 0, "ai": None, "human": None},
        "time_to_resolution_s": NULLS,
        "time_to_first_useful_response_s": NULLS,
        "escalation": {"rate": None, "precision": None, "recall_sampled": None},
        "by_category": {},
        "kb_gap_rate": None,
        "classifier_accuracy_on_corrections": None,
        "unsafe_auto_handle_rate": None,
        "rungs": {},
    }


def test_a_month_of_tickets(database: Database) -> None:
    desk = Desk(database)
    old = NOW - timedelta(days=20)
    solved = desk.ticket(old, seconds=10)
    desk.says(solved, old + timedelta(minutes=5), resolved=True, csat=5)
    desk.ticket(old, seconds=20)
    unhappy = desk.ticket(old, "handed_over", intent="login", gap="how?")
    desk.says(unhappy, old + timedelta(days=1), resolved=False, csat=2)
    desk.ticket(NOW - timedelta(hours=1), None)
    figures = kpis(database, since=SINCE, now=NOW)
    assert figures["tickets"] == 4
    assert figures["resolution_rate"] == {
        "confirmed": 0.25,
        "assumed": pytest.approx(2 / 3, abs=1e-3),
        "durable": pytest.approx(2 / 3, abs=1e-3),
        "recontact_adjusted": pytest.approx(2 / 3, abs=1e-3),
    }
    assert figures["csat"] == {"mean": 3.5, "n": 2, "ai": 5.0, "human": 2.0}
    assert figures["time_to_resolution_s"] == {"p50": 10.0, "p90": 10.0}
    assert figures["time_to_first_useful_response_s"] == {"p50": 15.0, "p90": 19.0}
    assert figures["escalation"]["rate"] == pytest.approx(1 / 3, abs=1e-3)
    assert figures["kb_gap_rate"] == pytest.approx(1 / 3, abs=1e-3)
    assert figures["by_category"]["login"]["escalation_rate"] == 1.0
    assert figures["by_category"]["billing"]["tickets"] == 2
    assert figures["by_category"]["unclassified"]["tickets"] == 1


def test_the_same_address_asking_again_takes_the_resolution_back(database: Database) -> None:
    desk = Desk(database)
    old = NOW - timedelta(days=20)
    desk.ticket(old, email="Ann@example.org")
    desk.ticket(old + timedelta(days=2), email="ann@example.org")
    rates = kpis(database, since=SINCE, now=NOW)["resolution_rate"]
    assert rates["durable"] == 1.0
    assert rates["recontact_adjusted"] == 0.5


def test_a_known_customer_is_the_same_person_in_every_channel(database: Database) -> None:
    desk = Desk(database)
    old = NOW - timedelta(days=20)
    SqlCustomers(database).put_customer(customer_id="k1", email="ann@example.org", name="Ann", tier="paid", now=old)
    new = NewConversation(id="known", token="t", channel="api", customer_id="k1")
    desk.conversations.create(new, now=old, first=NewMessage("known-m", "a question"))
    desk._close("known-m", "answered", old, "billing", "")
    desk.ticket(old + timedelta(days=1), email="ann@example.org")
    assert kpis(database, since=SINCE, now=NOW)["resolution_rate"]["recontact_adjusted"] == 0.5


def test_older_conversations_and_empty_ones_are_not_counted(database: Database) -> None:
    desk = Desk(database)
    desk.ticket(SINCE - timedelta(days=1))
    desk.conversations.create(NewConversation(id="silent", token="t", channel="chat"), now=NOW - timedelta(days=1))
    assert kpis(database, since=SINCE, now=NOW)["tickets"] == 0
