"""Kill -9 at named moments: what was acknowledged is answered after the restart, exactly once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

import appliance
from appliance.config import Config
from appliance.knowledge import open_knowledge
from appliance.stand_in import stand_in_models
from appliance.store.database import Database
from appliance.store.tables import MessageRow, RunRow
from models.standin import StandInWarning

PROGRAM = Path(__file__).with_name("crashing_appliance.py")


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the starter articles, made once."""
    data = tmp_path_factory.mktemp("starter") / "data"
    database = Database(f"sqlite:///{data / 'appliance.db'}")
    with pytest.warns(StandInWarning):
        encoder = stand_in_models().encoder
    assert open_knowledge(Config(data=data), database, encoder).add_starter("saas") > 0
    database.close()
    return data


@pytest.fixture
def data(starter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(starter, tmp_path / "data"))


def start(data: Path, moment: str, log: Path, conversations: int = 6, messages: int = 3) -> subprocess.Popen[str]:
    crash = {"APPLIANCE_CRASH_AT": moment} if moment else {}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(data), str(log), str(conversations), str(messages)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(appliance.__file__).parents[1])} | crash,
    )


def killed_at(data: Path, moment: str, log: Path) -> None:
    with start(data, moment, log) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors


def acknowledged(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def run_to_the_end(data: Path, log: Path, *, conversations: int = 0) -> None:
    with start(data, "", log, conversations) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def rows(data: Path) -> tuple[list[MessageRow], list[RunRow]]:
    database = Database(f"sqlite:///{data / 'appliance.db'}")
    try:
        with database.read() as session:
            found = (
                list(session.scalars(select(MessageRow).order_by(MessageRow.conversation_id, MessageRow.seq))),
                list(session.scalars(select(RunRow))),
            )
            session.expunge_all()
            return found
    finally:
        database.close()


def check(data: Path, log: Path) -> None:
    told = acknowledged(log)
    messages, runs = rows(data)
    asked = {row.id: row for row in messages if row.author == "customer"}
    assert told
    assert set(told) <= set(asked), "an acknowledged message was lost"
    assert {row.state for row in asked.values()} == {"answered"}
    assert all(count == 1 for count in Counter(run.message_id for run in runs).values())
    assert {run.message_id for run in runs} == {row.covered_by or row.id for row in asked.values()}
    assert all(asked[row.covered_by].seq < row.seq for row in asked.values() if row.covered_by)
    said = Counter((row.conversation_id, row.text) for row in messages if row.author == "assistant")
    meant = Counter((run.conversation_id, run.text) for run in runs if run.text)
    assert said == meant, "a reply was sent twice, or never"
    for name in {row.conversation_id for row in messages}:
        seqs = [row.seq for row in messages if row.conversation_id == name]
        assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["begun:2", "retrieve:2", "closing:3", "closed:3"])
def test_after_a_kill_every_accepted_message_has_exactly_one_reply(data: Path, tmp_path: Path, moment: str) -> None:
    log = tmp_path / "acknowledged"
    killed_at(data, moment, log)
    open_before = [row.id for row in rows(data)[0] if row.state == "accepted"]
    assert open_before, "the kill came too late to matter"
    run_to_the_end(data, log)
    check(data, log)


@pytest.mark.slow
def test_kills_upon_kills_lose_nothing(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "acknowledged"
    for moment in ("closed:3", "begun", "retrieve:2", "closing"):
        killed_at(data, moment, log)
    run_to_the_end(data, log, conversations=2)
    check(data, log)


def test_without_a_kill_the_log_and_the_store_agree(data: Path, tmp_path: Path) -> None:
    """The control: the same program, undisturbed."""
    log = tmp_path / "acknowledged"
    run_to_the_end(data, log, conversations=4)
    assert len(acknowledged(log)) == 12
    check(data, log)
