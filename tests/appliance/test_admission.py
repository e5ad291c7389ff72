"""Permits, the pace of the line, when refused senders may come back, and places in the queue. The clock is ours."""

from __future__ import annotations

import random

import pytest

from appliance.errors import Busy, TooFast
from appliance.line.admission import Admission, Admittance, DrainRate


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def ran(permit: Admittance, message_id: str) -> None:
    permit.wait_as(message_id)
    permit.begin()
    permit.release()


def test_a_full_box_refuses_before_anything_is_stored_and_takes_on_again_when_a_run_has_ended() -> None:
    admission = Admission(2, each=2, clock=Clock())
    first, _second = admission.enter("a"), admission.enter("b")
    assert admission.full
    with pytest.raises(Busy) as refused:
        admission.enter("c")
    assert refused.value.code == "overloaded"
    ran(first, "m1")
    admission.enter("c")


def test_one_conversation_alone_is_told_that_it_is_too_fast_while_others_are_taken_on() -> None:
    admission = Admission(10, each=2, clock=Clock())
    permits = [admission.enter("a"), admission.enter("a")]
    with pytest.raises(TooFast) as refused:
        admission.enter("a")
    assert refused.value.code == "too_many_requests"
    assert refused.value.retry_after_s >= 1
    admission.enter("b")
    ran(permits[0], "m1")
    admission.enter("a")


def test_a_permit_that_no_message_came_of_is_given_back_by_its_block_and_one_that_was_handed_on_is_not() -> None:
    admission = Admission(1, each=1, clock=Clock())
    with pytest.raises(RuntimeError), admission.enter("a"):
        raise RuntimeError("the disk is full")
    assert admission.under_way == 0
    with admission.enter("a") as permit:
        permit.wait_as("m1")
    assert admission.under_way == 1
    permit.release()
    permit.release()
    assert (admission.under_way, admission.waiting) == (0, 0)


def test_what_an_earlier_process_left_is_taken_on_even_when_the_box_is_full() -> None:
    admission = Admission(1, each=1, clock=Clock())
    admission.enter("a")
    left = admission.take("a")
    left.wait_as("m0")
    assert admission.under_way == 2
    with pytest.raises(TooFast):
        admission.enter("a")


def test_the_pace_counts_busy_time_only() -> None:
    clock = Clock()
    rate = DrainRate(clock)
    for _ in range(40):
        rate.began()
        clock.now += 0.25
        rate.ended(more=True)
    rate.ended(more=False)
    assert rate.per_s() == pytest.approx(4.0, rel=0.1)
    clock.now += 3_600
    assert rate.per_s() == pytest.approx(4.0, rel=0.1)


def test_the_pace_follows_a_line_that_slows_down_and_one_that_stands_still() -> None:
    clock = Clock()
    rate = DrainRate(clock)
    rate.began()
    for pause in [0.1] * 40 + [1.0] * 32:
        clock.now += pause
        rate.ended(more=True)
    assert rate.per_s() == pytest.approx(1.0, rel=0.05)
    clock.now += 310
    assert rate.per_s() < 0.1


def test_the_time_to_come_back_is_the_time_the_box_needs_for_those_who_were_told_before() -> None:
    clock = Clock()
    admission = Admission(100, each=100, clock=clock)
    permits = [admission.enter(str(number)) for number in range(100)]
    for number, permit in enumerate(permits[:50]):
        clock.now += 0.2
        ran(permit, str(number))
    for number in range(50):
        admission.enter(f"n{number}")
    waits = []
    for _ in range(20):
        with pytest.raises(Busy) as refused:
            admission.enter("late")
        waits.append(refused.value.retry_after_s)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 4)  # five a second: the twentieth has a place in four seconds


def test_nobody_is_sent_away_for_longer_than_a_minute_or_told_to_come_back_at_once() -> None:
    admission = Admission(1, each=1, clock=Clock())
    admission.enter("a")
    waits = set()
    for _ in range(500):
        with pytest.raises(Busy) as refused:
            admission.enter("b")
        waits.add(refused.value.retry_after_s)
    assert min(waits) >= 1
    assert max(waits) == 60


def test_places_count_from_one_and_move_up_when_somebody_before_has_a_turn_or_goes() -> None:
    clock = Clock()
    admission = Admission(10, each=10, clock=clock)
    permits = {name: admission.enter(f"c-{name}") for name in "abcd"}
    for name, permit in permits.items():
        permit.wait_as(name)
    assert admission.places() == {}, "nobody has waited yet"
    clock.now += 2
    assert admission.places() == {"c-a": 1, "c-b": 2, "c-c": 3, "c-d": 4}
    permits["a"].begin()
    permits["c"].release()
    assert admission.places() == {"c-b": 1, "c-d": 2}


def test_a_conversation_with_several_messages_has_the_place_of_its_first() -> None:
    clock = Clock()
    admission = Admission(10, each=10, clock=clock)
    for name, conversation in (("m1", "a"), ("m2", "b"), ("m3", "a")):
        admission.enter(conversation).wait_as(name)
    clock.now += 2
    assert admission.places() == {"a": 1, "b": 2}


def test_after_any_order_of_arrivals_turns_and_ends_no_permit_is_left() -> None:
    dice, clock = random.Random(11), Clock()
    admission = Admission(20, each=3, clock=clock)
    out: list[Admittance] = []
    for number in range(3_000):
        clock.now += dice.random()
        try:
            with admission.enter(f"c{dice.randrange(8)}") as permit:
                if dice.random() < 0.8:
                    permit.wait_as(f"m{number}")
                    out.append(permit)
        except (Busy, TooFast) as refused:
            assert 1 <= refused.retry_after_s <= 60
        assert admission.under_way == len(out) <= 20
        for permit in dice.sample(out, min(len(out), dice.randrange(3))):
            permit.begin()
            if dice.random() < 0.7:
                permit.release()
                out.remove(permit)
        assert sorted(admission.places().values()) == list(range(1, len(admission.places()) + 1))
    for permit in out:
        permit.release()
    assert (admission.under_way, admission.waiting, admission.places()) == (0, 0, {})
