"""Writers of one process take turns on SQLite, and every turn is given back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from appliance.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with made.write() as session:
        session.execute(text("CREATE TABLE counted (n INTEGER)"))
        session.execute(text("INSERT INTO counted VALUES (0)"))
    return made


def count(database: Database) -> int:
    with database.read() as session:
        return int(session.execute(text("SELECT n FROM counted")).scalar_one())


def test_many_writers_lose_nothing_and_each_has_its_turn(database: Database) -> None:
    inside: list[int] = []
    most: list[int] = []

    def writer() -> None:
        for _ in range(20):
            with database.write() as session:
                inside.append(1)
                most.append(len(inside))
                session.execute(text("UPDATE counted SET n = n + 1"))
                inside.pop()

    writers = [threading.Thread(target=writer) for _ in range(8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert count(database) == 160
    assert max(most) == 1
    database.close()


def test_a_write_that_fails_gives_its_turn_back(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        session.execute(text("UPDATE counted SET n = 7"))
        raise RuntimeError("something of the caller's")
    done = threading.Event()

    def other() -> None:
        with database.write() as session:
            session.execute(text("UPDATE counted SET n = n + 1"))
        done.set()

    threading.Thread(target=other).start()
    assert done.wait(5), "the turn was not given back"
    assert count(database) == 1
    database.close()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE counted SET n = 5"))
        assert count(database) == 0
    assert count(database) == 5
    database.close()
