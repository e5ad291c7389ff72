"""Connectors to a CRM: what each says of a customer, and what none of them does."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import make_url

from appliance.config import Config
from appliance.crm.book import Book, Standing
from appliance.crm.csv_file import CsvFile
from appliance.crm.http_lookup import HttpLookup
from appliance.crm.opening import open_connector
from appliance.crm.record import Record
from appliance.crm.sql_query import SqlQuery
from appliance.customer_settings import Crm
from appliance.errors import ConfigInvalid, CrmDown
from appliance.outgoing.client import Client
from appliance.outgoing_settings import Outgoing

HEADER = "id,email,name,tier\n"


def csv_crm(tmp_path: Path, content: str | bytes, **settings: object) -> CsvFile:
    file = tmp_path / "customers.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return CsvFile(Crm.model_validate({"kind": "csv", "csv_file": str(file), **settings}))


def test_a_customer_is_found_by_id_or_address(tmp_path: Path) -> None:
    crm = csv_crm(tmp_path, HEADER + '4711,Ann@Example.org,"Ann, Ltd",gold\n,bob@example.org,Bob,free\n')
    ann = Record("gold", "Ann, Ltd", "4711", "ann@example.org")
    assert crm.look(id="4711", email="") == crm.look(id="", email="ANN@example.org") == ann
    assert crm.look(id="", email="bob@example.org") == Record("free", "Bob", "", "bob@example.org")
    assert crm.look(id="", email="") is None
    assert crm.look(id="4712", email="nobody@example.org") is None
    assert crm.state() == "2 customers"


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffMail;Plan\nann@example.org;gold\n",
        "Plan\tMail\ngold\tann@example.org\n",
        '"Mail","Plan","Other"\r\n"ann@example.org","gold","x"\r\n',
    ],
)
def test_the_columns_go_by_the_operators_names(tmp_path: Path, content: str) -> None:
    crm = csv_crm(tmp_path, content, fields={"email": "mail", "tier": "Plan"})
    assert crm.look(id="", email="ann@example.org") == Record("gold", "", "", "ann@example.org")


def test_bad_rows_are_named_by_line_and_left_out(tmp_path: Path) -> None:
    crm = csv_crm(
        tmp_path,
        HEADER
        + "1,a@x.example,A,gold\n2,b@x.example,B\n\n,,Nobody,gold\n4,d@x.example,D,\n1,e@x.example,E,free\n"
        + '5,f@x.example,"F\nf",free\n6,g@x.example,G,free\n',
    )
    assert crm.look(id="6", email="") is not None
    assert crm.look(id="2", email="b@x.example") is None
    said = crm.state()
    assert said.startswith("2 customers; left out: line 3 (3 cells instead of 4), line 5 (neither id nor email)")
    for line in (
        "line 6 (no tier)",
        "line 7 (another line has this id or email)",
        "line 8 (a cell holds a line break)",
    ):
        assert line in said
    assert "x.example" not in said


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"a,b,c\n1,2,3\n",
        b"email,name\na@x.example,A\n",
        HEADER.encode() + b"1,a\xe9@x.example,A,gold\n",
        (HEADER + '1,a@x.example,"A,gold\n2,b@x.example,B,gold\n').encode(),
    ],
)
def test_a_file_is_used_as_a_whole_or_not_at_all(tmp_path: Path, broken: bytes) -> None:
    with pytest.raises(CrmDown):
        csv_crm(tmp_path, broken).look(id="1", email="")
    crm = csv_crm(tmp_path, HEADER + "1,a@x.example,A,gold\n2,b@x.example,B,gold\n")
    assert crm.look(id="2", email="") is not None
    newer(tmp_path / "customers.csv", broken)
    assert crm.look(id="2", email="") is not None
    assert "the newer file is not used" in crm.state()
    newer(tmp_path / "customers.csv", (HEADER + "3,c@x.example,C,free\n").encode())
    assert crm.look(id="2", email="") is None
    assert crm.look(id="3", email="") is not None
    assert crm.state() == "1 customers"


def newer(file: Path, content: bytes) -> None:
    """A new file renamed over the old one, as exports should do it."""
    made = file.with_suffix(".new")
    made.write_bytes(content)
    made.replace(file)


def test_a_file_that_is_gone_keeps_its_last_word(tmp_path: Path) -> None:
    crm = csv_crm(tmp_path, HEADER + "1,a@x.example,A,gold\n")
    assert crm.look(id="1", email="") is not None
    (tmp_path / "customers.csv").unlink()
    assert crm.look(id="1", email="") is not None
    assert "cannot be read" in crm.state()


TABLE = "CREATE TABLE customers (customer_no TEXT, mail TEXT, company TEXT, plan TEXT)"
ROWS = [
    ("4711", "ann@x.example", "Ann Ltd", "Gold"),
    ("1", "twice@x.example", "A", "a"),
    ("2", "twice@x.example", "B", "b"),
]
QUERY = (
    "SELECT plan AS tier, company AS name, customer_no AS id FROM customers WHERE mail = :email OR customer_no = :id"
)


@dataclass
class Sql:
    """A database of the company's, and how it is asked."""

    url: str
    slow: str

    def crm(self, query: str = QUERY, *, timeout_s: float = 5.0, **more: Any) -> SqlQuery:
        return SqlQuery(Crm(kind="sql", url=self.url, query=query, timeout_s=timeout_s, **more), "")


@pytest.fixture(params=["sqlite", "postgresql"])
def sql(request: pytest.FixtureRequest, tmp_path: Path) -> Sql:
    if request.param == "sqlite":
        file = tmp_path / "crm.db"
        with sqlite3.connect(file) as connection:
            connection.execute(TABLE)
            connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", ROWS)
        connection.close()
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS tier FROM n WHERE :email != ''"
        return Sql(f"sqlite:///{file}", slow)
    url = request.getfixturevalue("cluster").new_database()
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string()) as made:
        made.execute(TABLE)
        made.cursor().executemany("INSERT INTO customers VALUES (%s, %s, %s, %s)", ROWS)
    return Sql(url, "SELECT pg_sleep(60)::text AS tier WHERE :email != ''")


def test_a_query_finds_a_customer(sql: Sql) -> None:
    crm = sql.crm()
    assert crm.look(id="4711", email="") == crm.look(id="", email="ann@x.example") == Record("Gold", "Ann Ltd", "4711")
    assert crm.look(id="nobody", email="") is None
    assert crm.look(id="", email="") is None
    crm.close()


def test_values_are_bound_and_never_read_as_sql(sql: Sql) -> None:
    crm = sql.crm()
    for evil in ("' OR '1'='1", "x'; DROP TABLE customers; --", "\\", "%", "ann@x.example' --", "日本"):
        assert crm.look(id=evil, email=evil) is None
    assert crm.look(id="4711", email="") is not None
    crm.close()


def test_more_than_one_row_is_a_fault(sql: Sql) -> None:
    crm = sql.crm()
    with pytest.raises(CrmDown, match="more than one row"):
        crm.look(id="", email="twice@x.example")
    crm.close()


def test_a_query_that_writes_changes_nothing(sql: Sql) -> None:
    crm = sql.crm("UPDATE customers SET plan = 'free' WHERE mail = :email RETURNING plan AS tier")
    with pytest.raises(CrmDown) as fault:
        crm.look(id="", email="ann@x.example")
    crm.close()
    assert "ann@x.example" not in str(fault.value)
    after = sql.crm()
    found = after.look(id="4711", email="")
    after.close()
    assert found is not None
    assert found.tier == "Gold"


def test_a_query_that_never_ends_is_stopped(sql: Sql) -> None:
    """Without the limit this test would not come back for a minute, on SQLite never; the connection is good afterwards."""
    crm = sql.crm(sql.slow, timeout_s=0.5)
    for _ in range(6):
        with pytest.raises(CrmDown):
            crm.look(id="", email="ann@x.example")
    crm.close()


def test_many_threads_share_a_small_pool(sql: Sql) -> None:
    crm = sql.crm(timeout_s=20)
    found: list[object] = []

    def ask() -> None:
        found.extend(crm.look(id="4711", email="") for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    crm.close()
    assert found == [Record("Gold", "Ann Ltd", "4711")] * 80


def test_a_database_that_is_not_there_is_down() -> None:
    for url in ("sqlite:////nowhere/at/all.db", "postgresql+psycopg://u@127.0.0.1:1/x"):
        crm = SqlQuery(Crm(kind="sql", url=url, query=QUERY, timeout_s=1), "s3cret-password")
        with pytest.raises(CrmDown) as fault:
            crm.look(id="1", email="")
        assert "s3cret" not in str(fault.value)
        crm.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"query": "SELECT 1 AS tier"},
        {"query": "SELECT 1 AS tier WHERE x = :other AND y = :id"},
        {"url": "postgresql+psycopg://u:password@h/x"},
        {"url": "mysql://u@h/x"},
        {"url": "nonsense"},
        {"url": "sqlite://"},
    ],
)
def test_settings_of_a_query_that_cannot_be_held_to_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigInvalid) as fault:
        SqlQuery(Crm.model_validate({"kind": "sql", "url": "sqlite:////x.db", "query": QUERY, **settings}), "")
    assert "password@" not in str(fault.value)


@dataclass
class Service:
    """A CRM over HTTP: answers what a test says, and notes what it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = b"{}"
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def crm(self, path: str = "/customers?email={email}", secret: str = "", **more: Any) -> HttpLookup:
        settings = Crm(
            kind="http", url=f"http://127.0.0.1:{self.port}{path}", timeout_s=more.pop("timeout_s", 10), **more
        )
        return HttpLookup(settings, secret, Client(Outgoing(allow_networks={"127.0.0.1": ("127.0.0.0/8",)})))


@pytest.fixture
def service() -> Iterator[Service]:
    said = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            time.sleep(said.delay_s)
            try:
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)
            except OSError:
                return  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        said.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield said
        server.shutdown()
        thread.join()


def test_a_service_is_asked_with_its_key_and_read_by_pointers(service: Service) -> None:
    service.body = json.dumps({"matches": [{"plan": {"code/x": "Gold"}, "who": "Ann Ltd"}]}).encode()
    crm = service.crm(secret="k3y", fields={"tier": "/matches/0/plan/code~1x", "name": "/matches/0/who"})
    assert crm.look(id="", email="ann@x.example") == Record("Gold", "Ann Ltd")
    [(path, headers)] = service.asked
    assert path == "/customers?email=ann%40x.example"
    assert headers["authorization"] == "Bearer k3y"
    service.crm(secret="k3y", header="X-Api-Key").look(id="", email="a@x.example")
    assert service.asked[-1][1]["x-api-key"] == "k3y"
    assert "authorization" not in service.asked[-1][1]


@pytest.mark.parametrize(
    "evil", ["../admin", "..", ".", "a/b", "a?x=1", "a#b", "a&tier=gold", "%2e%2e", "a b", "ä", "a\r\nX: y"]
)
def test_an_id_is_never_a_path_a_query_or_another_host(service: Service, evil: str) -> None:
    service.status = 404
    crm = service.crm("/customers/{id}/standing")
    try:
        assert crm.look(id=evil, email="") is None
    except CrmDown:
        assert evil in {".", ".."}
        assert service.asked == []
        return
    [(path, _)] = service.asked
    pieces = urlsplit(path)
    assert pieces.path.count("/") == 3
    assert (pieces.query, pieces.fragment) == ("", "")
    assert pieces.path.startswith("/customers/")
    assert pieces.path.endswith("/standing")


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"no"), (410, b""), (200, b"[]"), (200, b"{}"), (200, b"null"), (200, b'{"matches": []}')],
)
def test_nobody_is_nobody(service: Service, status: int, body: bytes) -> None:
    service.status, service.body = status, body
    assert service.crm(fields={"tier": "/matches/0/plan"}).look(id="", email="a@x.example") is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (401, b"{}"),
        (204, b""),
        (200, b"<html>"),
        (200, b"[" * 9_000),
        (200, b"x" * 300_000),
        (200, b'{"tier": {"a": 1}}'),
        (200, b"\xff"),
    ],
)
def test_whatever_else_comes_is_a_crm_that_is_down(service: Service, status: int, body: bytes) -> None:
    service.status, service.body = status, body
    with pytest.raises(CrmDown) as fault:
        service.crm().look(id="", email="ann@x.example")
    assert "ann" not in str(fault.value)


def test_a_service_elsewhere_gets_no_key(service: Service) -> None:
    service.status, service.headers = 302, {"Location": "http://localhost:9/steal"}
    with pytest.raises(CrmDown):
        service.crm(secret="k3y").look(id="", email="a@x.example")
    assert len(service.asked) == 1


def test_a_service_that_nobody_allowed_is_not_called(service: Service) -> None:
    crm = HttpLookup(Crm(kind="http", url=f"http://127.0.0.1:{service.port}/c/{{id}}"), "", Client(Outgoing()))
    with pytest.raises(CrmDown, match="not allowed"):
        crm.look(id="1", email="")
    assert service.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/all",
        "https://{id}.crm.example/x",
        "https://u@crm.example/{id}",
        "ftp://crm.example/{id}",
        "{id}",
        "https://crm.example/#{id}",
    ],
)
def test_an_address_of_no_single_customer_is_refused(url: str) -> None:
    with pytest.raises(ConfigInvalid):
        HttpLookup(Crm(kind="http", url=url), "", Client(Outgoing()))


class Ticking:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Fake:
    """A connector whose answers a test chooses; ``gate`` holds it up."""

    answer: Record | Exception | None = None
    gate: threading.Event | None = None
    asked: int = 0

    def look(self, *, id: str, email: str) -> Record | None:
        self.asked += 1
        if self.gate is not None:
            self.gate.wait(30)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def state(self) -> str:
        return ""

    def close(self) -> None:
        return


Kept = list[Standing]


@dataclass
class Desk:
    fake: Fake
    clock: Ticking
    book: Book
    seen: list[str]
    kept: Kept

    def ask(self, within_s: float = 20.0) -> Standing:
        return self.book.ask(id="1", email="", within_s=within_s, keep=self.kept.append)


@pytest.fixture
def make() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def build(**settings: Any) -> Desk:
        fake, clock, seen, kept = Fake(), Ticking(), [], []
        crm = Crm.model_validate({"kind": "csv", "csv_file": "x", **settings})
        made.append(Desk(fake, clock, Book(crm, fake, clock=clock, observe=seen.append), seen, kept))
        return made[-1]

    yield build
    for desk in made:
        if desk.fake.gate:
            desk.fake.gate.set()
        desk.book.close()


@pytest.mark.parametrize(
    ("said", "tier", "known"),
    [
        ("Gold", "enterprise", True),
        ("gold", "enterprise", True),
        ("PAID", "paid", True),
        ("platinum", "free", False),
        ("", "free", False),
    ],
)
def test_tiers_are_translated_and_unknown_ones_are_free_and_counted(
    make: Callable[..., Desk], caplog: pytest.LogCaptureFixture, said: str, tier: str, known: bool
) -> None:
    desk = make(tiers={"Gold": "enterprise"})
    desk.fake.answer = Record(said, "Ann")
    assert [desk.ask().tier for _ in range(3)] == [tier] * 3
    assert desk.seen.count("unknown_tier") == (0 if known else 3)
    assert len(caplog.records) == (0 if known else 1)
    assert "platinum" not in caplog.text


def test_after_some_faults_it_is_not_asked_for_a_while(make: Callable[..., Desk]) -> None:
    desk = make(faults=3, open_s=30)
    desk.fake.answer = CrmDown("no route")
    for _ in range(5):
        with pytest.raises(CrmDown, match="no route"):
            desk.ask()
    assert (desk.fake.asked, desk.seen.count("skipped")) == (3, 2)
    assert "DOWN (no route)" in desk.book.state()
    desk.clock.now += 30
    with pytest.raises(CrmDown):
        desk.ask()
    with pytest.raises(CrmDown):
        desk.ask()
    assert desk.fake.asked == 4
    desk.clock.now += 30
    desk.fake.answer = Record("paid")
    assert desk.ask().tier == desk.ask().tier == "paid"
    assert "in order" in desk.book.state()


def test_a_defect_of_a_connector_is_a_crm_that_is_down(
    make: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    desk = make()
    desk.fake.answer = RuntimeError("quotes ann@x.example")
    with pytest.raises(CrmDown) as fault:
        desk.ask()
    assert "ann" not in str(fault.value) + caplog.text


def test_a_ticket_does_not_wait_longer_than_it_may_and_a_late_answer_is_kept(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.fake.gate, desk.fake.answer = threading.Event(), Record("paid")
    for _ in range(4):
        with pytest.raises(CrmDown, match="within"):
            desk.ask(within_s=0.01)
    with pytest.raises(CrmDown):
        desk.ask(within_s=30)  # all places are taken: refused at once
    assert desk.fake.asked == 4
    desk.fake.gate.set()
    desk.book.close()
    assert [one.tier for one in desk.kept] == ["paid"] * 4


def test_the_settings_choose_the_connector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_connector(Config()) is None
    csv = Config.model_validate({"crm": {"kind": "csv", "csv_file": "x.csv"}})
    assert isinstance(open_connector(csv), CsvFile)
    monkeypatch.setenv("APPLIANCE_CRM_SECRET", "from the environment")
    web = Config.model_validate({"crm": {"kind": "http", "url": "https://crm.example/{id}"}})
    opened = open_connector(web)
    assert isinstance(opened, HttpLookup)
    assert opened._headers["Authorization"] == "Bearer from the environment"
    with pytest.raises(ConfigInvalid, match="secret_file"):
        open_connector(web.model_copy(update={"crm": web.crm.model_copy(update={"secret_file": str(tmp_path / "no")})}))
