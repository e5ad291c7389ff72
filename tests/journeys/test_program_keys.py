"""Programs at the API: keys with scopes, customers that they vouch for, and requests that come twice, on a real server with stand-in models."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from web_fixtures import ServerProcess, free_port

from appliance.access import SCOPES, Scope
from appliance.store.access import SqlAccess
from appliance.store.database import Database
from appliance.store.tables import AccessKeyRow, ConversationRow, MessageRow

SAY = {"message": "How do I invite members?"}
EVERY: tuple[Scope, ...] = tuple(scope for scope in SCOPES if scope != "conversations:all")


@dataclass
class Box:
    server: ServerProcess
    database: Database
    folder: Path

    def key(self, *scopes: Scope, name: str = "shop") -> tuple[str, str]:
        """(id, key)"""
        made, key = SqlAccess(self.database).add_program(name, scopes or EVERY, now=datetime.now(UTC))
        return made.id, key

    def ask(self, method: str, path: str, key: str = "", body: object = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            named["Authorization"] = f"Bearer {key}"
        return httpx.request(
            method, f"{self.server.url}{path}", json=body, headers=named, trust_env=False, timeout=60.0
        )

    def open(self, key: str = "", body: object = None, **headers: str) -> httpx.Response:
        return self.ask("POST", "/api/conversations", key, body or SAY, **headers)

    def row(self, conversation_id: str) -> ConversationRow:
        with self.database.read() as session:
            return session.get_one(ConversationRow, conversation_id)

    def messages(self, conversation_id: str) -> list[MessageRow]:
        with self.database.read() as session:
            query = select(MessageRow).where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.seq)
            return list(session.scalars(query))


def start(folder: Path) -> Box:
    port = free_port()
    command = [sys.executable, "-m", "appliance", "up", "--data", str(folder), "--port", str(port)]
    server = ServerProcess(command, port, folder.parent / f"{folder.name}.log")
    return Box(server, Database(f"sqlite:///{folder / 'appliance.db'}"), folder)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "appliance.toml").write_text("[models]\nstand_in = true\n[programs]\nburst = 60\nper_hour = 60\n")
    made = start(folder)
    yield made
    made.database.close()
    made.server.stop()
    assert "Traceback" not in made.server.output
    assert "sak_" not in made.server.output


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_program_works_in_the_conversations_that_it_opened_and_in_no_others(box: Box) -> None:
    (own_id, own), (_, other) = box.key(), box.key(name="other")
    _, reader = box.key("conversations:read", "conversations:all", name="archive")
    opened = box.open(own, {**SAY, "channel": "chat"}).json()
    path = f"/api/conversations/{opened['id']}"
    assert (box.row(opened["id"]).channel, box.row(opened["id"]).opened_by) == ("api", own_id)
    assert box.ask("POST", f"{path}/messages", own, {"text": "And how many?"}).status_code == 200
    assert len(box.ask("GET", path, own).json()["messages"]) >= 2
    assert box.ask("GET", path, opened["token"]).status_code == 200
    assert box.ask("GET", path, reader).status_code == 200
    for method, rest, body in (
        ("GET", "", None),
        ("POST", "/messages", {"text": "x?"}),
        ("POST", "/feedback", {"csat": 1}),
    ):
        assert code(box.ask(method, path + rest, other, body)) == (404, "not_found")
    stranger = box.open().json()
    assert code(box.ask("GET", f"/api/conversations/{stranger['id']}", own)) == (404, "not_found")
    assert box.ask("GET", f"/api/conversations/{stranger['id']}", reader).status_code == 200


def test_a_key_does_only_what_its_scopes_say(box: Box) -> None:
    _, opener = box.key("conversations:open")
    _, reader = box.key("conversations:read", "conversations:all")
    path = f"/api/conversations/{box.open(opener).json()['id']}"
    assert code(box.ask("GET", path, opener)) == (403, "forbidden")
    assert code(box.open(reader)) == (403, "forbidden")
    for rest, body in (
        ("/messages", {"text": "x?"}),
        ("/feedback", {"csat": 1}),
        ("/confirmations/p", {"accept": True}),
    ):
        assert code(box.ask("POST", path + rest, reader, body)) == (403, "forbidden")
    upload = httpx.post(
        f"{box.server.url}{path}/attachments", content=b"x", trust_env=False,
        headers={"Authorization": f"Bearer {reader}", "Content-Disposition": 'attachment; filename="a.txt"', "Content-Type": "text/plain"},
    )  # fmt: skip
    assert code(upload) == (403, "forbidden")


def test_a_key_that_is_ended_or_unknown_is_refused_everywhere(box: Box) -> None:
    key_id, key = box.key()
    path = f"/api/conversations/{box.open(key).json()['id']}"
    SqlAccess(box.database).revoke(key_id, now=datetime.now(UTC))
    for one in (key, "sak_", "sak_" + "x" * 43, key[:-1], key + "x"):
        assert code(box.open(one)) == (401, "unauthorized")
        assert code(box.ask("GET", path, one)) == (401, "unauthorized")


def test_a_programs_key_is_no_session_no_ticket_and_no_key_of_the_staff(box: Box) -> None:
    _, key = box.key(*SCOPES)
    opened = box.open(key).json()
    for cookie in (f"ticket={key}", f"session={key}", f"__Host-session={key}"):
        page = box.ask("GET", f"/contact/{opened['id']}", Cookie=cookie, Accept="text/html")
        assert SAY["message"] not in page.text
        assert box.ask("GET", "/admin", Cookie=cookie).headers.get("location", "").startswith("/admin/login")
    assert SqlAccess(box.database).sign_in(key, now=datetime.now(UTC)) is None
    _, staff = SqlAccess(box.database).add_key("a person", "operator", now=datetime.now(UTC))
    assert code(box.ask("GET", f"/api/conversations/{opened['id']}", staff)) == (404, "not_found")


def test_only_a_key_that_may_vouches_for_a_customer(box: Box) -> None:
    _, trusted = box.key(*EVERY)
    _, plain = box.key("conversations:open", "conversations:write")
    ann = {"id": "4711", "email": "ann@example.org", "name": "Ann"}
    opened = box.open(trusted, {**SAY, "customer": ann}).json()
    assert box.row(opened["id"]).customer_id
    box.ask("POST", f"/api/conversations/{opened['id']}/messages", trusted, {"text": "And then?"})
    assert {one.trust for one in box.messages(opened["id"]) if one.author == "customer"} == {"session"}
    again = box.open(trusted, {**SAY, "customer": {"id": "4711"}}).json()
    assert box.row(again["id"]).customer_id == box.row(opened["id"]).customer_id
    by_mail = box.open(trusted, {**SAY, "customer": {"email": "ann@example.org"}}).json()
    assert box.row(by_mail["id"]).customer_id == box.row(opened["id"]).customer_id
    for key in (plain, ""):
        assert code(box.open(key, {**SAY, "customer": ann})) == (403, "forbidden")
    typed = box.open(plain, {**SAY, "customer": {"email": "ann@example.org"}}).json()
    assert box.row(typed["id"]).customer_id is None
    assert {one.trust for one in box.messages(typed["id"])} <= {"none"}


@pytest.mark.parametrize("quoted", [True, False])
def test_an_opening_that_comes_twice_is_one_conversation(box: Box, quoted: bool) -> None:
    _, key = box.key()
    _, other = box.key(name="other")
    once = f'"{uuid.uuid4()}"' if quoted else str(uuid.uuid4())
    first = box.open(key, Idempotency_Key=once)
    assert (first.status_code, box.open(key, Idempotency_Key=once).json()) == (201, first.json())
    assert code(box.open(key, {"message": "Another?"}, Idempotency_Key=once)) == (422, "idempotency_key_reused")
    assert box.open(other, Idempotency_Key=once).json()["id"] != first.json()["id"]
    assert box.open(key).json()["id"] != first.json()["id"]
    assert len([one for one in box.messages(first.json()["id"]) if one.author == "customer"]) == 1


def test_openings_at_the_same_moment_are_one_conversation(box: Box) -> None:
    _, key = box.key()
    once = str(uuid.uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: box.open(key, Idempotency_Key=once), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1


def test_strangers_need_a_key_that_nobody_else_has(box: Box) -> None:
    once = str(uuid.uuid4())
    first = box.open(Idempotency_Key=once).json()
    assert box.open(Idempotency_Key=once).json() == first
    assert code(box.open(Idempotency_Key="1")) == (400, "input_invalid")
    assert code(box.ask("POST", "/api/conversations", "", {"channel": "chat"}, Idempotency_Key=once)) == (
        400,
        "input_invalid",
    )
    for odd in ("", '""', "a b" * 8, "x" * 129, "ü" * 8):
        answer = httpx.post(
            f"{box.server.url}/api/conversations", json=SAY, headers={"Idempotency-Key": odd.encode()}, trust_env=False
        )
        assert answer.status_code == 400, odd


def test_a_message_that_comes_twice_is_one_message(box: Box) -> None:
    _, key = box.key()
    opened = box.open(key).json()
    path = f"/api/conversations/{opened['id']}/messages"
    first = box.ask("POST", path, key, {"text": "And how many?"}, Idempotency_Key='"k1"')
    again = box.ask("POST", path, key, {"text": "And how many?"}, Idempotency_Key='"k1"')
    assert (first.status_code, again.json()) == (200, first.json())
    in_body = box.ask("POST", path, key, {"text": "And how many?", "idempotency_key": "k1"})
    assert in_body.json() == first.json()
    assert code(box.ask("POST", path, key, {"text": "Else?"}, Idempotency_Key="k1")) == (422, "idempotency_key_reused")
    assert code(box.ask("POST", path, key, {"text": "Else?", "idempotency_key": "k1"})) == (409, "conflict")
    both = {"text": "Else?", "idempotency_key": "k2"}
    assert code(box.ask("POST", path, key, both, Idempotency_Key="k3")) == (400, "input_invalid")
    assert [one.text for one in box.messages(opened["id"]) if one.author == "customer"] == [
        SAY["message"],
        "And how many?",
    ]


def test_a_key_that_asks_too_often_waits(box: Box) -> None:
    key_id, key = box.key()
    _, other = box.key(name="other")
    answers = [box.ask("GET", "/api/conversations/none", key) for _ in range(90)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert code(refused[0]) == (429, "too_many_requests")
    assert box.ask("GET", "/api/conversations/none", other).status_code == 404
    with box.database.read() as session:
        row = session.get_one(AccessKeyRow, key_id)
    assert row.last_used_at is not None
    assert (row.last_used_at.minute, row.last_used_at.second) == (0, 0)
    assert key not in str(vars(row))


def test_the_openapi_document_shows_the_keys(box: Box) -> None:
    document = box.ask("GET", "/api/openapi.json").json()
    assert {"conversation", "program", "identity"} <= set(document["components"]["securitySchemes"])
    headers = {
        one["name"] for one in document["paths"]["/api/conversations"]["post"]["parameters"] if one["in"] == "header"
    }
    assert "Idempotency-Key" in headers


def test_killed_between_storing_and_answering_the_same_request_finds_its_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "appliance.toml").write_text("[models]\nstand_in = true\n")
    monkeypatch.setenv("APPLIANCE_CRASH_AT", "stored")
    first = start(folder)
    _, key = first.key()
    once = str(uuid.uuid4())
    with pytest.raises(httpx.TransportError):
        first.open(key, Idempotency_Key=once)
    monkeypatch.delenv("APPLIANCE_CRASH_AT")
    first.server.stop()
    second = start(folder)
    try:
        opened = second.open(key, Idempotency_Key=once)
        assert opened.status_code == 201
        assert second.ask("GET", f"/api/conversations/{opened.json()['id']}", opened.json()["token"]).status_code == 200
        with second.database.read() as session:
            assert session.scalar(select(func.count()).select_from(ConversationRow)) == 1
            customers = select(func.count()).select_from(MessageRow).where(MessageRow.author == "customer")
            assert session.scalar(customers) == 1
    finally:
        first.database.close()
        second.database.close()
        second.server.stop()
