"""A company keeps its help desk: webhooks come in by HTTP, answers and notes stand in the desk, on the real appliance with the shipped models."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from desks_server import DeskServer, serving
from desks_wire import HANDED_OVER, KINDS, SECRET, Webhook, Wire, settings
from web_fixtures import ROOT, ServerProcess, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / "models" / "weights" / "reranker").is_dir(), reason="the weights are not in this tree"
    ),
]
QUESTION = "How much does the Team plan cost per member?"


@dataclass(frozen=True)
class Town:
    """The company's desk, and the appliance in front of it."""

    server: DeskServer
    appliance: ServerProcess

    def send(self, wire: Wire, webhook: Webhook, name: str = "") -> httpx.Response:
        address = f"{self.appliance.url}/api/desks/{name or f'{wire.kind}-desk'}"
        return httpx.post(address, content=webhook.body, headers=webhook.headers, timeout=30.0, trust_env=False)

    def hear(self, wire: Wire, document: Any, **sign: Any) -> httpx.Response:
        return self.send(wire, wire.signed(document, **sign))


def configured(server: DeskServer, folder: Path) -> str:
    tables = ['[outgoing]\nallow_networks = { "127.0.0.1" = ["127.0.0.0/8"] }\n']
    for kind in KINDS:
        one = settings(kind, server.url, folder)
        lines = [f'{key} = "{getattr(one, key)}"' for key in
                 ("name", "kind", "base_url", "account", "user", "own_user", "token_file", "secret_file")]  # fmt: skip
        over = one.hand_over
        tables.append(
            "\n".join(["[[desks]]", *lines, f'hand_over = {{ group = "{over.group}", status = "{over.status}" }}', ""])
        )
    tables.append(tables[1].replace("zammad-desk", "by-path").replace("[[desks]]", '[[desks]]\nproof = "path"'))
    return "\n".join(tables)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    data = tmp_path_factory.mktemp("data")
    port = free_port()
    with serving() as server:
        server.tickets |= {str(ticket): {} for ticket in range(500, 600)}
        (data / "appliance.toml").write_text(configured(server, data))
        command = [sys.executable, "-m", "appliance", "up", "--data", str(data), "--port", str(port)]
        appliance = ServerProcess(command, port, data.parent / "desks.log")
        yield Town(server, appliance)
        assert appliance.stop() == 0
    assert "Traceback" not in appliance.output
    assert "Team plan cost" not in appliance.output
    assert SECRET not in appliance.output


@pytest.fixture(params=enumerate(KINDS), ids=KINDS)
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(request.param[1])


@pytest.fixture
def ticket(request: pytest.FixtureRequest) -> int:
    """One for each test, in a desk that all kinds share."""
    number = getattr(request.config, "_desk_ticket", 500)
    request.config._desk_ticket = number + 1  # type: ignore[attr-defined] # a counter of this module
    return int(number)


def test_a_question_in_the_desk_is_answered_there_once(town: Town, wire: Wire, ticket: int) -> None:
    document = wire.customer(QUESTION, ticket=ticket, message=ticket * 10)
    answer = town.hear(wire, document)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted")
    assert town.server.wait(lambda: bool(town.server.public(str(ticket))))
    again = town.hear(wire, document)
    assert (again.status_code, again.json()["outcome"]) == (200, "repeated")
    time.sleep(1.5)  # longer than the postman looks for further parcels
    [text] = town.server.public(str(ticket))
    assert "plan" in text.lower()
    assert town.server.notes(str(ticket)) == []


def test_a_wish_for_a_person_leaves_a_note_and_moves_the_ticket(town: Town, wire: Wire, ticket: int) -> None:
    town.hear(wire, wire.customer("Let me talk to a person, please.", ticket=ticket, message=ticket * 10))
    assert town.server.wait(lambda: bool(town.server.notes(str(ticket))) and bool(town.server.public(str(ticket))))
    [note] = town.server.notes(str(ticket))
    assert "Let me talk to a person" in note
    assert "Next step:" in note
    assert town.server.tickets[str(ticket)] == HANDED_OVER[wire.kind]


def test_an_agent_who_has_answered_is_left_alone(town: Town, wire: Wire, ticket: int) -> None:
    assert (
        town.hear(wire, wire.agent("I look into it.", ticket=ticket, message=ticket * 10)).json()["outcome"] == "person"
    )
    after = town.hear(wire, wire.customer(QUESTION, ticket=ticket, message=ticket * 10 + 1))
    assert after.json()["outcome"] == "accepted"
    other = ticket + 40  # answered after it in the same desk, so by then this one had its chance
    town.hear(wire, wire.customer(QUESTION, ticket=other, message=other * 10))
    assert town.server.wait(lambda: bool(town.server.public(str(other))))
    assert town.server.public(str(ticket)) == town.server.notes(str(ticket)) == []


def test_what_is_not_proved_or_not_readable_is_told_by_status(town: Town, wire: Wire, ticket: int) -> None:
    document = wire.customer(QUESTION, ticket=ticket, message=ticket * 10)
    wrong = town.hear(wire, document, secret="another-secret-of-some-length")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "signature_invalid")
    unsigned = town.send(wire, Webhook(wire.signed(document).body, {}))
    assert unsigned.status_code == 401
    assert town.send(wire, wire.signed(document), name="no-such-desk").status_code == 404
    broken = town.hear(wire, b"{not json")
    assert (broken.status_code, broken.json()["code"]) == (400, "input_invalid")
    if wire.kind != "zammad":
        old = town.hear(wire, document, at=datetime.now(UTC) - timedelta(hours=2))
        assert old.status_code == 401
    huge = wire.customer("x" * 5_000_000, ticket=ticket, message=1)
    assert town.hear(wire, huge).status_code == 413
    assert town.server.public(str(ticket)) == []


def test_a_large_webhook_of_a_long_mail_is_taken(town: Town, wire: Wire, ticket: int) -> None:
    long = QUESTION + "\n" + "And a long history below. " * 40_000
    assert town.hear(wire, wire.customer(long, ticket=ticket, message=ticket * 10)).status_code == 200


def test_a_secret_in_the_address_works_and_is_never_written_down(town: Town, ticket: int) -> None:
    wire = Wire("zammad")
    webhook = Webhook(wire.signed(wire.customer(QUESTION, ticket=ticket, message=ticket * 10)).body, {})
    assert town.send(wire, webhook, name="by-path").status_code == 401
    assert town.send(wire, webhook, name=f"by-path/{SECRET}x").status_code == 401
    assert town.send(wire, webhook, name=f"by-path/{SECRET}").json()["outcome"] == "accepted"
    assert town.server.wait(lambda: bool(town.server.public(str(ticket))))
