"""Deadlines: which ticket has how long, and what each rung gets of it."""

from __future__ import annotations

import pytest
from line_parts import classified, ticket
from pydantic import ValidationError

from appliance.line.deadline import Deadline, deadline_of
from appliance.policy import Deadlines
from appliance.ticket import Classified, Ticket

LIMITS = Deadlines()
PARTS = (("how_to", 0.9),) * 4


@pytest.mark.parametrize(
    ("asked", "read", "rule", "words"),
    [
        (ticket(), classified(), "deadline.simple", "30 s from acceptance: one short message"),
        (ticket(), classified(parts=PARTS), "deadline.complex", "300 s from acceptance: 4 parts"),
        (ticket("word " * 120), classified(), "deadline.complex", "120 words"),
        (ticket("And now?", *[("customer", "Hm.")] * 6), classified(), "deadline.complex", "6 earlier messages"),
        (ticket("word " * 119, *[("customer", "Hm.")] * 5), classified(parts=PARTS[:3]), "deadline.simple", "30 s"),
    ],
)
def test_a_ticket_is_complex_by_its_parts_its_length_or_its_thread(
    asked: Ticket, read: Classified, rule: str, words: str
) -> None:
    found, decision = deadline_of(LIMITS, asked, read, accepted=100.0, clock=lambda: 100.0)
    assert decision.rule == rule
    assert words in decision.reason
    assert found.left_s == (300.0 if rule == "deadline.complex" else 30.0)


def test_time_in_the_queue_counts() -> None:
    found, _ = deadline_of(LIMITS, ticket(), classified(), accepted=100.0, clock=lambda: 112.0)
    assert found.left_s == 18.0


@pytest.mark.parametrize(
    ("left_s", "shares"),
    [
        (30.0, [15.0, 20.0, 25.0, 30.0]),
        (12.0, [0.0, 0.0, 7.0, 12.0]),
        (2.0, [0.0, 0.0, 0.0, 5.0]),
        (-9.0, [0, 0, 0, 5]),
    ],
)
def test_each_rung_leaves_time_to_those_below_and_the_last_always_has_its_turn(
    left_s: float, shares: list[float]
) -> None:
    deadline = Deadline(left_s, 5.0, lambda: 0.0)
    assert [deadline.share_s(below) for below in (3, 2, 1, 0)] == shares


def test_deadlines_that_leave_no_time_for_two_rungs_are_refused() -> None:
    with pytest.raises(ValidationError, match="reserve_s"):
        Deadlines(simple_s=8.0)
    with pytest.raises(ValidationError, match="complex_s"):
        Deadlines(complex_s=20.0)
