"""Kill -9 between every two steps of a hosted request: the ledger stays intact, and no byte arrives that it does not have."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import appliance
from appliance.egress.anchor import Anchor
from appliance.egress.ledger import Ledger, departures
from appliance.egress.verify import verify
from appliance.store.database import Database

PROGRAM = Path(__file__).with_name("crashing_egress.py")
DRAFT = {"covered": True, "sentences": [{"text": "Refunds are paid within 10 business days.", "citations": [1]}]}


class Recorder:
    """Keeps the bytes of every body; may keep silent after that, so that the client can be killed while it waits."""

    def __init__(self, *, answers: bool) -> None:
        self.bodies: list[bytes] = []
        self.arrived = threading.Event()
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                length = 0
                while (line := stream.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length"):
                        length = int(line.split(b":")[1])
                self.bodies.append(stream.read(length))
                self.arrived.set()
                if self._answers:
                    connection.sendall(_answer())
                else:
                    stream.read(1)  # until the client is gone


def _answer() -> bytes:
    usage = {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}
    chunks = [
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": usage, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
        for text, finish in ((json.dumps(DRAFT), None), ("", "stop"))
    ]  # fmt: skip
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks) + b"data: [DONE]\n\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + body


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    recorder = Recorder(answers=getattr(request, "param", True))
    yield recorder
    recorder.close()


def start(data: Path, server: Recorder, moment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(data), server.address, moment],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(appliance.__file__).parents[1])},
    )


def check(data: Path, server: Recorder, *, rows: int, lag: int) -> list[dict[str, object]]:
    """Intact as it was left, intact after the next start, and everything that arrived is in it."""
    database = Database(f"sqlite:///{data / 'appliance.db'}")
    try:
        ledger = Ledger(database, data / "egress.anchor", now=lambda: datetime.now(UTC))
        report = verify(ledger.rows, Anchor(data / "egress.anchor"))
        assert report.intact, report.breaks
        assert (report.rows, report.rows - report.anchored) == (rows, lag)
        ledger.settle_unknown()
        report = verify(ledger.rows, ledger.anchor)
        assert report.intact, report.breaks
        with ledger.reading() as book:
            left = departures(book)
    finally:
        database.close()
    known = {row["sha256"] for row in left}
    assert {hashlib.sha256(body).hexdigest() for body in server.bodies} <= known
    assert all(row["status"] != "open" for row in left)
    return left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "rows", "lag"), [("row", 0, 0), ("committed", 1, 1), ("anchored", 1, 0), ("answered", 1, 0)]
)
def test_killed_between_two_steps(tmp_path: Path, server: Recorder, moment: str, rows: int, lag: int) -> None:
    with start(tmp_path, server, moment) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors
    assert len(server.bodies) == (1 if moment == "answered" else 0)
    left = check(tmp_path, server, rows=rows, lag=lag)
    assert [row["status"] for row in left] == ["unknown"] * rows
    assert all(row["money"] == row["reserved_money"] for row in left), "what is unknown stays spent"


@pytest.mark.slow
@pytest.mark.parametrize("server", [False], indirect=True)
def test_killed_while_the_server_has_it(tmp_path: Path, server: Recorder) -> None:
    with start(tmp_path, server, "none") as process:
        assert server.arrived.wait(120)
        process.send_signal(signal.SIGKILL)
    assert len(server.bodies) == 1
    assert [row["status"] for row in check(tmp_path, server, rows=1, lag=0)] == ["unknown"]


@pytest.mark.slow
def test_kill_upon_kill_and_then_a_good_one(tmp_path: Path, server: Recorder) -> None:
    for moment in ("committed", "anchored", "row", "answered", "committed"):
        with start(tmp_path, server, moment) as process:
            process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
    with start(tmp_path, server, "none") as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    left = check(tmp_path, server, rows=6, lag=0)
    assert [row["status"] for row in left] == ["unknown"] * 4 + ["ok"]
    assert len(server.bodies) == 2
