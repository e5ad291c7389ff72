"""Kill -9 while help desks send webhooks and get replies: what a desk was told 200 for is answered there once, and nothing twice."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from desks_server import DeskServer, serving
from desks_wire import KINDS, Wire, settings

from benchmarks.recovery.box import Box
from benchmarks.recovery.scene import starter

TICKETS = 4
MESSAGES = ("Which payment methods can I use for an invoice?", "agent please", "Thank you!", "How do I export my data?")
PLACES = [
    *(("sent:2", kind) for kind in KINDS),
    ("stored:2", "chatwoot"),
    ("closed:2", "zendesk"),
    ("marked", "zammad"),
]
"""Where a desk's wire makes a difference; ``test_crash_points`` has every place of the line."""


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return starter(tmp_path_factory.mktemp("desks"))


@pytest.fixture
def server() -> Iterator[DeskServer]:
    with serving() as running:
        running.tickets |= {str(500 + number): {} for number in range(TICKETS)}
        yield running


def box(start: Path, folder: Path, kind: str, url: str) -> Box:
    data = Path(shutil.copytree(start, folder / "data"))
    one = settings(kind, url, folder)
    keys = ("name", "kind", "base_url", "account", "user", "own_user", "token_file", "secret_file")
    lines = [f'{key} = "{getattr(one, key)}"' for key in keys]
    head = '[models]\nstand_in = true\n[outgoing.allow_networks]\n"127.0.0.1" = ["127.0.0.0/8"]\n[[desks]]\n'
    (data / "appliance.toml").write_text(head + "\n".join(lines) + "\n")
    return Box(data)


class Sender:
    """Delivers webhooks as desks do: again and again until it is told 2xx, and now and then once more than needed."""

    def __init__(self, wire: Wire, port: int, over: threading.Event) -> None:
        self.wire, self.over = wire, over
        self.address = f"http://127.0.0.1:{port}/api/desks/{wire.kind}-desk"
        self.told: list[str] = []

    def deliver(self, document: Any, ticket: str) -> None:
        while not self.over.is_set():
            webhook = self.wire.signed(document)
            try:
                answer = httpx.post(
                    self.address, content=webhook.body, headers=webhook.headers, timeout=5, trust_env=False
                )
            except httpx.HTTPError:
                time.sleep(0.1)
                continue
            if answer.status_code == 200:
                self.told.append(ticket)
                return
            assert answer.status_code in {429, 503}, answer.text
            time.sleep(0.1)

    def work(self) -> None:
        for number in range(TICKETS):
            ticket = 500 + number
            document = self.wire.customer(MESSAGES[number], ticket=ticket, message=ticket * 10)
            self.deliver(document, str(ticket))
            self.deliver(document, str(ticket))


@pytest.mark.slow
@pytest.mark.parametrize(("place", "kind"), PLACES)
def test_a_desk_reads_each_reply_once_whatever_is_killed(
    place: str, kind: str, start: Path, tmp_path: Path, server: DeskServer
) -> None:
    here, over = box(start, tmp_path, kind, server.url), threading.Event()
    sender = Sender(Wire(kind), here.port, over)
    assert here.start(place)
    thread = threading.Thread(target=sender.work, daemon=True)
    thread.start()
    try:
        assert here.crashed(60), f"{place} was never reached"
        assert here.start()
        thread.join(60)
        assert set(sender.told) == set(server.tickets)
        assert server.wait(lambda: all(server.public(ticket) for ticket in server.tickets), patience_s=60)
        time.sleep(3)  # longer than the postman takes to look for what is left
        assert {ticket: len(server.public(ticket)) for ticket in server.tickets} == dict.fromkeys(server.tickets, 1)
        assert max(len(server.notes(ticket)) for ticket in server.tickets) == 1
    finally:
        over.set()
        here.stop()
