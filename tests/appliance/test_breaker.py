"""The circuit breaker: a model server that is down is left alone, and exactly one request finds out whether it is back."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.line.breaker import Breaker, Limits

LIMITS = Limits(faults=3, open_s=10.0, lasting_s=100.0)


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(LIMITS, time)


def failing(breaker: Breaker, times: int, *, lasting: bool = False) -> None:
    for _ in range(times):
        assert breaker.allow()
        breaker.failed(lasting=lasting)


def test_it_opens_after_so_many_faults_in_a_row_and_not_before(breaker: Breaker) -> None:
    failing(breaker, 2)
    assert breaker.state == "closed"
    failing(breaker, 1)
    assert (breaker.state, breaker.allow(), breaker.opens_in_s) == ("open", False, 10.0)


def test_a_success_in_between_starts_the_count_anew(breaker: Breaker) -> None:
    failing(breaker, 2)
    breaker.succeeded()
    failing(breaker, 2)
    assert breaker.state == "closed"


def test_one_lasting_fault_opens_it_for_longer(breaker: Breaker, time: Time) -> None:
    failing(breaker, 1, lasting=True)
    time.now = 99.0
    assert breaker.state == "open"
    time.now = 100.0
    assert breaker.state == "half_open"


def test_half_open_lets_exactly_one_through_and_closes_on_its_success(breaker: Breaker, time: Time) -> None:
    failing(breaker, 3)
    time.now = 10.0
    assert [breaker.allow() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert (breaker.state, breaker.allow(), breaker.allow()) == ("closed", True, True)


def test_a_probe_that_fails_opens_it_again_at_once(breaker: Breaker, time: Time) -> None:
    failing(breaker, 3)
    time.now = 10.0
    failing(breaker, 1)
    assert (breaker.state, breaker.opens_in_s) == ("open", 10.0)


def test_a_probe_that_tells_nothing_lets_another_one_go(breaker: Breaker, time: Time) -> None:
    failing(breaker, 3)
    time.now = 10.0
    assert breaker.allow()
    breaker.abandoned()
    assert [breaker.allow(), breaker.allow()] == [True, False]


def test_a_probe_that_is_never_heard_of_does_not_keep_it_shut_for_ever(breaker: Breaker, time: Time) -> None:
    failing(breaker, 3)
    time.now = 10.0
    assert breaker.allow()
    time.now = 20.0
    assert breaker.allow()


def test_a_late_success_of_an_old_request_closes_nothing(breaker: Breaker) -> None:
    assert breaker.allow()
    failing(breaker, 3)
    breaker.succeeded()
    assert breaker.state == "open"


def test_nor_does_it_once_the_time_is_over_before_a_probe_has_gone(breaker: Breaker, time: Time) -> None:
    failing(breaker, 3)
    time.now = LIMITS.open_s + 1
    breaker.succeeded()
    assert breaker.state == "half_open"
    assert [breaker.allow(), breaker.allow()] == [True, False]


async def test_of_eight_tickets_at_once_one_is_the_probe(breaker: Breaker, time: Time) -> None:
    failing(breaker, 3)
    time.now = 10.0
    asked = 0

    async def ticket() -> None:
        nonlocal asked
        await asyncio.sleep(0)
        if breaker.allow():
            asked += 1
            await asyncio.sleep(0.01)
            breaker.succeeded()

    await asyncio.gather(*(ticket() for _ in range(8)))
    assert (asked, breaker.state) == (1, "closed")


class Model(RuleBasedStateMachine):
    """A second, plainer account of the same machine, held against it after every step: many requests at once, ending in any order."""

    @initialize()
    def begin(self) -> None:
        self.time = Time()
        self.breaker = Breaker(LIMITS, self.time)
        self.state = "closed"
        self.faults = 0
        self.until = 0.0
        self.probe: float | None = None
        self.under_way = 0

    def look(self) -> str:
        if self.state == "open" and self.time.now >= self.until:
            self.state = "half_open"
        return self.state

    @rule(seconds=st.sampled_from((0.5, 3.0, 10.0, 60.0)))
    def time_goes_by(self, seconds: float) -> None:
        self.time.now += seconds

    @rule()
    def a_ticket_comes(self) -> None:
        state = self.look()
        free = self.probe is None or self.time.now - self.probe >= LIMITS.open_s
        expected = state == "closed" or (state == "half_open" and free)
        assert self.breaker.allow() == expected
        if expected:
            self.under_way += 1
            self.probe = self.time.now if state == "half_open" else None

    @precondition(lambda self: self.under_way)
    @rule()
    def one_succeeds(self) -> None:
        self.under_way -= 1
        if self.look() != "open":
            self.state, self.faults, self.probe = "closed", 0, None
        self.breaker.succeeded()

    @precondition(lambda self: self.under_way)
    @rule(lasting=st.booleans())
    def one_fails(self, *, lasting: bool) -> None:
        self.under_way -= 1
        self.faults += 1
        shut = self.look() != "closed"
        if lasting or shut or self.faults >= LIMITS.faults:
            until = self.time.now + (LIMITS.lasting_s if lasting else LIMITS.open_s)
            self.until = max(until, self.until) if shut else until
            self.state, self.probe = "open", None
        self.breaker.failed(lasting=lasting)

    @precondition(lambda self: self.under_way)
    @rule()
    def one_is_abandoned(self) -> None:
        self.under_way -= 1
        self.probe = None
        self.breaker.abandoned()

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "breaker"):
            assert self.breaker.state == self.look()


TestBreakerAgainstItsModel = Model.TestCase
TestBreakerAgainstItsModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
