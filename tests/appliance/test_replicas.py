"""Replicas look after each other: the dead are buried once, by beats and not by clocks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import StorageFailed
from appliance.line.replicas import Watch, replica_name
from appliance.store.database import Database
from appliance.store.replicas import SqlReplicas

HOLD = """
import sys
from pathlib import Path
from appliance.line.replicas import replica_name
with replica_name(Path(sys.argv[1])) as name:
    print(name, flush=True)
    sys.stdin.read()
"""


class Seconds:
    """A clock that only goes forward."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(database: Database, name: str, clock: Any, seconds: Seconds, inherited: list[tuple[str, str]]) -> Watch:
    async def inherit(dead: str) -> None:
        inherited.append((name, dead))

    return Watch(SqlReplicas(database), name, version="1", now=clock, inherit=inherit, clock=seconds)


async def looks(*watches: Watch) -> None:
    await asyncio.gather(*(one.look() for one in watches))


async def test_a_beat_that_stands_still_is_buried_once_by_one_of_the_living(database: Database, clock: Any) -> None:
    seconds, inherited = Seconds(), list[tuple[str, str]]()
    dead, *living = (watch(database, name, clock, seconds, inherited) for name in ("dead", "a", "b", "c"))
    await looks(dead, *living)
    for _ in range(12):
        await looks(*living)
        seconds.now += 3.0
    assert Counter(gone for _, gone in inherited) == {"dead": 1}
    assert {name for name, _, _ in SqlReplicas(database).alive()} == {"a", "b", "c"}


async def test_a_replica_that_is_slow_but_beats_is_left_alone(database: Database, clock: Any) -> None:
    seconds, inherited = Seconds(), list[tuple[str, str]]()
    slow, quick = (watch(database, name, clock, seconds, inherited) for name in ("slow", "quick"))
    for turn in range(40):
        if turn % 4 == 0:  # each 12 s, and 15 are a death
            await slow.look()
        await quick.look()
        seconds.now += 3.0
    assert inherited == []


@pytest.mark.parametrize("jump", [{"days": 1}, {"days": -1}])
async def test_a_clock_that_jumps_kills_nobody(database: Database, clock: Any, jump: dict[str, float]) -> None:
    seconds, inherited = Seconds(), list[tuple[str, str]]()
    both = [watch(database, name, clock, seconds, inherited) for name in ("a", "b")]
    for _ in range(3):
        await looks(*both)
        clock.forward(**jump)
        seconds.now += 3.0
    assert inherited == []


async def test_one_that_was_taken_for_dead_and_beats_again_is_counted_again(database: Database, clock: Any) -> None:
    seconds, inherited = Seconds(), list[tuple[str, str]]()
    asleep, awake = (watch(database, name, clock, seconds, inherited) for name in ("asleep", "awake"))
    await looks(asleep, awake)
    await awake.look()
    seconds.now += 20.0
    await awake.look()
    assert inherited == [("awake", "asleep")]
    await asleep.look()
    assert {name for name, _, _ in SqlReplicas(database).alive()} == {"asleep", "awake"}


async def test_who_leaves_in_order_is_not_missed(database: Database, clock: Any) -> None:
    seconds, inherited = Seconds(), list[tuple[str, str]]()
    one, other = (watch(database, name, clock, seconds, inherited) for name in ("one", "other"))
    await looks(one, other)
    await one.leave()
    for _ in range(8):
        seconds.now += 5.0
        await other.look()
    assert inherited == []


def test_a_replica_has_the_same_name_at_each_start(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with replica_name(tmp_path / "data") as name:
            names.append(name)
    assert len(set(names)) == 1
    with replica_name(tmp_path / "elsewhere") as other:
        assert other != names[0]


def test_a_second_process_on_the_same_directory_gets_a_name_of_its_own(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        held = first.stdout.readline().strip()
        with replica_name(tmp_path) as second, replica_name(tmp_path) as third:
            assert len({held, second, third}) == 3
            assert second.startswith(held)
        first.communicate("")
    with replica_name(tmp_path) as again:
        assert again == held


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StorageFailed, match="replica cannot be written"), replica_name(file):
        pass
