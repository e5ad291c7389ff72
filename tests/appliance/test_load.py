"""Shedding: a ticket goes past a model server when it would wait too long there, and does not flap back and forth."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from appliance.line.load import Backlog, Load, LoadLimits

LIMITS = LoadLimits(parallel=4, wait_s=5.0, resume=0.5)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def backlog() -> Backlog:
    return Backlog()


@pytest.fixture
def load(backlog: Backlog) -> Load:
    return Load(LIMITS, backlog)


def served(load: Load, time: Time, seconds: float) -> None:
    with load.one(time):
        time.now += seconds


def test_a_server_with_free_places_is_asked(load: Load, time: Time) -> None:
    served(load, time, 4.0)
    with ExitStack() as running:
        for _ in range(3):
            assert not load.refuses(25.0)
            running.enter_context(load.one(time))
        assert not load.refuses(25.0)


def test_a_ticket_that_would_wait_too_long_for_a_place_is_shed(load: Load, time: Time, backlog: Backlog) -> None:
    served(load, time, 4.0)
    with ExitStack() as running:
        for _ in range(4):
            running.enter_context(load.one(time))
        assert not load.refuses(25.0)  # one place in four becomes free after a second
        with backlog.one(), backlog.one(), backlog.one(), backlog.one(), backlog.one():
            assert "9 tickets want a model that serves 4 at once (4.0 s on average)" in load.refuses(25.0)


def test_a_ticket_whose_deadline_is_near_is_shed_where_another_is_not(load: Load, time: Time) -> None:
    served(load, time, 4.0)
    with load.one(time):
        assert not load.refuses(4.5)
        assert load.refuses(3.5)


def test_a_server_that_is_full_twice_over_is_not_asked_even_when_nothing_is_known(load: Load, time: Time) -> None:
    with ExitStack() as running:
        for _ in range(8):
            assert not load.refuses(25.0)
            running.enter_context(load.one(time))
        assert "not known yet" in load.refuses(25.0)


def test_shedding_ends_only_when_demand_has_fallen_clearly(load: Load, time: Time) -> None:
    with ExitStack() as running:
        for _ in range(5):
            running.enter_context(load.one(time))
        with ExitStack() as more:
            for _ in range(3):
                more.enter_context(load.one(time))
            assert load.refuses(25.0)
        assert load.shedding
        assert load.refuses(25.0)  # five run: more than half of four
    with ExitStack() as running:
        running.enter_context(load.one(time))
        assert not load.refuses(25.0)
        assert not load.shedding


def test_an_idle_server_is_always_asked_so_that_one_slow_turn_does_not_keep_it_out(load: Load, time: Time) -> None:
    served(load, time, 500.0)
    assert not load.refuses(1.0)


def test_a_request_that_breaks_off_gives_its_place_back_and_its_time_counts(load: Load, time: Time) -> None:
    with pytest.raises(ValueError, match="gone"), load.one(time):
        time.now += 2.0
        raise ValueError("gone")
    assert (load.running, load.seconds) == (0, 2.0)
    served(load, time, 12.0)
    assert load.seconds == pytest.approx(4.0)
