"""Kill -9 at every named place, on every channel: what was acknowledged is there once, has one end, and is told outside once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres import Cluster

from appliance.crash_points import POINTS
from benchmarks.recovery.__main__ import WRONG
from benchmarks.recovery.scene import Scene, scene, starter

LATER = {"classify": ":3", "closed": ":2", "acknowledged": ":4", "stored": ":2", "sent": ":2"}
"""Where the first time that a place is reached is the least telling one."""
ON_POSTGRES = ("told", "closed", "sent")

Open = Callable[..., Scene]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return starter(tmp_path_factory.mktemp("recovery"))


@pytest.fixture
def here(start: Path, tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, start) as opened:
        yield opened


def check(here: Scene) -> None:
    assert here.settle() is not None, here.box.log[-3000:]
    found = here.judge()
    assert found["acknowledged"] > 0
    assert found["mails"] > 0
    for wrong in WRONG:
        assert found[wrong] == 0, found


@pytest.mark.parametrize("point", sorted(POINTS))
def test_nothing_is_lost_or_doubled_when_the_process_is_killed_at(point: str, here: Scene) -> None:
    assert here.crash(f"{point}{LATER.get(point, '')}"), "the place was never reached"
    check(here)


@pytest.mark.parametrize("point", ON_POSTGRES)
def test_so_it_is_with_two_replicas_on_postgresql(point: str, start: Path, tmp_path: Path, cluster: Cluster) -> None:
    """The one that dies comes back or not: the other takes its runs over, and both share what has to leave."""
    with scene(tmp_path, start, database_url=cluster.new_database(), replicas=2) as here:
        here.boxes[1].start()
        assert here.crash(f"{point}{LATER.get(point, '')}"), "the place was never reached"
        check(here)


def test_a_replica_that_never_comes_back_leaves_nothing_behind(start: Path, tmp_path: Path, cluster: Cluster) -> None:
    with scene(tmp_path, start, database_url=cluster.new_database(), replicas=2) as here:
        dead, living = here.boxes
        living.start()
        over = threading.Event()
        dead.start("route:3")
        threads = here.crowd(4, over=over)
        assert dead.crashed(30)
        here.boxes.reverse()
        for thread in threads:
            thread.join(60)
        over.set()
        assert dead.dead
        check(here)
