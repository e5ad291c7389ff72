"""A reader that loses its connection again and again, and its server once, still reads every event once and in order."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_fixtures import ServerProcess, free_port

from appliance.line.events import position

MESSAGES = 12
QUESTIONS = (
    "How do I export my data?",
    "Which payment methods can I use for an invoice?",
    "Can I invite somebody from another company?",
)


class Server:
    """The appliance on stand-ins, which may be killed and started again on the same data and port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "appliance.toml").write_text("[models]\nstand_in = true\n")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "appliance", "up", "--data", str(self.folder), "--port", str(self.port)]
        self.process = ServerProcess(command, self.port, self.folder / "log")

    def kill_and_start(self) -> None:
        self.process.process.kill()
        self.process.stop()
        self.start()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.process.stop()


class Reader(threading.Thread):
    """Reads a few events, hangs up, comes back with the last id. ``seen``: every id in the order in which it came; ``enough``: the last reply too."""

    def __init__(self, client: httpx.Client, path: str, headers: dict[str, str], seed: int) -> None:
        super().__init__(daemon=True)
        self.client, self.path, self.headers = client, path, headers
        self.dice = random.Random(seed)
        self.seen: list[str] = []
        self.connections = 0
        self.replies = 0
        self.enough, self.over = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.read(self.dice.randrange(1, 6))
            except httpx.TransportError:
                self.over.wait(0.05)

    def read(self, many: int) -> None:
        headers = {**self.headers, "Accept": "text/event-stream"} | (
            {"Last-Event-ID": self.seen[-1]} if self.seen else {}
        )
        with self.client.stream("GET", self.path, headers=headers) as answer:
            if answer.status_code != 200:
                return
            self.connections += 1
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    self.seen.append(line.removeprefix("id: "))
                    many -= 1
                self.replies += line == "event: done"
                if self.replies == MESSAGES:
                    self.enough.set()
                if line == "" and (many <= 0 or self.over.is_set()):
                    return


def whole(client: httpx.Client, path: str, headers: dict[str, str], last: str) -> list[str]:
    """All ids, as somebody reads them who comes when everything is over."""
    ids: list[str] = []
    with client.stream("GET", path, headers={**headers, "Accept": "text/event-stream"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("id: "):
                ids.append(line.removeprefix("id: "))
            if ids and ids[-1] == last:
                return ids
    raise AssertionError("the stream ended before the last event")


def test_broken_connections_and_a_killed_server_lose_and_double_no_event(server: Server) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        opened = client.post("/api/conversations", json={"channel": "chat"}).json()
        headers = {"Authorization": f"Bearer {opened['token']}"}
        path = f"/api/conversations/{opened['id']}"
        readers = [Reader(client, f"{path}/events", headers, seed) for seed in range(4)]
        for reader in readers:
            reader.start()
        for number in range(MESSAGES):
            if number == MESSAGES // 2:
                server.kill_and_start()
            said = client.post(f"{path}/messages", json={"text": QUESTIONS[number % 3]}, headers=headers)
            assert said.status_code == 200, said.text
        for reader in readers:
            assert reader.enough.wait(120)
            reader.over.set()
            reader.join(60)
        told = whole(client, f"{path}/events", headers, readers[0].seen[-1])
        assert len(told) >= 2 * MESSAGES
        assert told == sorted(told, key=position)
        for reader in readers:
            assert reader.seen == told
            assert reader.connections > MESSAGES // 2
