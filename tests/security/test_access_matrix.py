"""S5: every route of the application by every credential on own, foreign and missing objects, against the table of ``access_table``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from access_table import OBJECTS, ROUTES, Row, Who
from scripted import scripted
from web_fixtures import ServerProcess, free_port

from appliance.access import ROLES, SCOPES, Scope
from appliance.store.access import SqlAccess
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.tables import ConversationRow
from appliance.web.app import create_app
from appliance.web.stream import Streams

SECRET = "matrix-secret-of-host-and-appliance-000000001"
DESK_SECRET = "matrix-secret-of-a-desk-0000000000000000001"
DESK = """
[[desks]]
name = "by-{proof}"
kind = "zammad"
base_url = "https://desk.example.com"
own_user = "3"
token_file = "{file}"
secret_file = "{file}"
proof = "{proof}"
"""
NONE, ODD = "f" * 32, "..%2f%00'x"
CANARY = {"own": "canary-of-ann-81", "foreign": "canary-of-bob-82"}
MISSING = ("own", "foreign", "none")


def identity(id: str, *, secret: str = SECRET, lasts_s: int = 3_600) -> str:
    payload = {"id": id, "expires": int(time.time()) + lasts_s}
    head = "v1." + base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"{head}.{hmac.new(secret.encode(), head.encode(), hashlib.sha256).hexdigest()}"


@dataclass
class Door:
    """A running appliance with Ann's conversation, Bob's, and the staff's keys."""

    server: ServerProcess
    database: Database
    ids: dict[str, str] = field(default_factory=lambda: {"none": NONE, "odd": ODD})
    tokens: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=lambda: {"none": NONE, "odd": ODD})

    def open(self, of: str, id: str) -> None:
        """A conversation with a file in it."""
        body = {"channel": "chat", "subject": CANARY[of], "customer": {"identity": identity(id)}}
        made = httpx.post(f"{self.server.url}/api/conversations", json=body, trust_env=False).json()
        self.ids[of], self.tokens[of] = made["id"], made["token"]
        self.files[of] = httpx.post(
            f"{self.server.url}/api/conversations/{made['id']}/attachments",
            content=CANARY[of].encode(),
            headers={**bearer(made["token"]), "Content-Disposition": 'attachment; filename="file.txt"'},
            trust_env=False,
        ).json()["id"]

    def session(self, role: str, *, now: datetime | None = None, revoke: bool = False) -> tuple[str, str]:
        """(token, csrf) of a new session of a new key."""
        access, at = SqlAccess(self.database), now or datetime.now(UTC)
        made, key = access.add_key(f"the {role}", role, now=at)  # type: ignore[arg-type] # a role
        signed = access.sign_in(key, now=at)
        assert signed is not None
        if revoke:
            access.revoke(made.id, now=at)
        return signed[0], signed[1].csrf

    def device(self, *, until: timedelta) -> str:
        """A token of another device of Ann's."""
        now, token = datetime.now(UTC), secrets.token_urlsafe(24)
        customers = SqlCustomers(self.database)
        ann = customers.known_as("ann")
        assert ann is not None
        customers.admit(ann.id, self.ids["own"], token, until=now + until, now=now - timedelta(days=1))
        return token


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "secret").write_text(SECRET)
    (folder / "appliance.toml").write_text(
        "[programs]\nburst = 0\n[openings]\nper_client = 0\ntotal = 0\nform_per_client = 0\nform_min_s = 0\n"
        f'[models]\nstand_in = true\n[identity]\nmode = "hmac"\nsecret_file = "{folder / "secret"}"\n'
    )
    (folder / "desk").write_text(DESK_SECRET)
    with (folder / "appliance.toml").open("a") as settings:
        settings.write("".join(DESK.format(proof=proof, file=folder / "desk") for proof in ("bearer", "path")))
    port = free_port()
    command = [sys.executable, "-m", "appliance", "up", "--data", str(folder), "--port", str(port)]
    server = ServerProcess(command, port, folder.parent / "matrix.log")
    database = Database(f"sqlite:///{folder / 'appliance.db'}")
    made = Door(server, database)
    made.open("own", "ann")
    made.open("foreign", "bob")
    yield made
    database.close()
    server.stop()
    assert "Traceback" not in server.output
    for secret in (SECRET, DESK_SECRET, *CANARY.values(), *made.tokens.values()):
        assert secret not in server.output


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed(token: str) -> dict[str, str]:
    return {"Support-Identity": token}


def everyone(door: Door) -> list[Who]:
    return [*visitors(door), *customers(), *the_staff(door), *desks(), *programs(door)]


def programs(door: Door) -> list[Who]:
    """Keys with each scope; those of the first two have opened Ann's and Bob's conversations."""
    access, now = SqlAccess(door.database), datetime.now(UTC)

    def made(name: str, *scopes: Scope, opened: str = "") -> Who:
        key, words = access.add_program(name, scopes, now=now)
        if opened:
            with door.database.write() as session:
                session.get_one(ConversationRow, door.ids[opened]).opened_by = key.id
        return Who(f"program: {name}", bearer(words), scopes=frozenset(scopes), opened=opened)

    ended, words = access.add_program("ended", SCOPES, now=now)
    access.revoke(ended.id, now=now)
    _, whole = access.add_program("everything", SCOPES, now=now)
    return [
        made("of Ann's conversation", "conversations:open", "conversations:write", opened="own"),
        made("of Bob's conversation, reading", "conversations:read", opened="foreign"),
        made("opens only", "conversations:open"),
        made("reads all", "conversations:read", "conversations:all"),
        made("writes all", "conversations:write", "conversations:all"),
        made("all of nothing", "conversations:all", "customers:assert"),
        Who("program: ended key", bearer(words), scopes=frozenset()),
        Who("program: garbage", bearer("sak_" + "x" * 43), scopes=frozenset()),
        Who("program's key as cookies", cookies={"session": whole, "ticket": whole}),
        Who("program's key in the address", query={"token": whole, "key": whole}),
        Who("program's key as an identity", signed(whole), identity="bad"),
        Who("program's key under another scheme", {"Authorization": f"Basic {whole}"}),
        Who("program's key without its beginning", bearer(whole.removeprefix("sak_"))),
        Who("the hash of a program's key", bearer(hashlib.sha256(whole.encode()).hexdigest())),
    ]


def desks() -> list[Who]:
    return [
        Who("a desk, by its bearer", bearer(DESK_SECRET), desk="by-bearer"),
        Who("a desk, by the address", path={"secret": DESK_SECRET}, desk="by-path"),
        Who("a desk by the address that has to use a bearer", path={"name": "by-bearer", "secret": DESK_SECRET}),
        Who("a desk that does not exist", bearer(DESK_SECRET), path={"name": "none", "secret": DESK_SECRET}),
        Who("a desk's secret in the query", query={"secret": DESK_SECRET}),
        Who("a desk's secret as a session", cookies={"session": DESK_SECRET, "ticket": DESK_SECRET}),
    ]


def visitors(door: Door) -> list[Who]:
    own, foreign = door.tokens["own"], door.tokens["foreign"]
    return [
        Who("anonymous"),
        Who("visitor of this conversation", bearer(own), key_to="own"),
        Who("visitor of another one", bearer(foreign), key_to="foreign"),
        Who("another device of Ann's", bearer(door.device(until=timedelta(hours=1))), key_to="own"),
        Who("a device of Ann's that was signed out", bearer(door.device(until=-timedelta(seconds=1)))),
        Who("browser of this ticket", cookies={"ticket": own}, ticket_of="own"),
        Who("browser of another ticket", cookies={"ticket": foreign}, ticket_of="foreign"),
        Who("garbage as key", bearer("x" * 32), {"ticket": "x" * 32}),
        Who("an empty key", {"Authorization": "Bearer"}, {"ticket": ""}),
        Who("the hash of the key", bearer(hashlib.sha256(own.encode()).hexdigest())),
        Who("the key in the address", query={"token": own, "access_token": own, "key": own}),
        Who("the key in a cookie of another name", cookies={"token": own, "session": own}),
        Who("the key under another scheme", {"Authorization": f"Basic {own}"}),
        Who("the key as an identity", signed(own), identity="bad"),
        Who("the conversation's id as its key", bearer(door.ids["own"]), {"ticket": door.ids["own"]}),
    ]


def customers() -> list[Who]:
    ann = identity("ann")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return [
        Who("Ann, signed in", signed(ann), customer="own", identity="good"),
        Who("Bob, signed in", signed(identity("bob")), customer="foreign", identity="good"),
        Who("a customer without a conversation", signed(identity("eve")), customer="nobody's", identity="good"),
        Who("Ann, expired", signed(identity("ann", lasts_s=-60)), identity="bad"),
        Who("Ann, for ever", signed(identity("ann", lasts_s=10**8)), identity="bad"),
        Who("Ann, signed by another", signed(identity("ann", secret="y" * 40)), identity="bad"),
        Who("Ann, unsigned", signed(ann.rpartition(".")[0] + "." + "0" * 64), identity="bad"),
        Who("Ann, as a JWT without a signature", signed(f"{none}.{none}."), identity="bad"),
        Who("an empty identity", signed(""), identity="bad"),
        Who("Ann, as a bearer", bearer(ann)),
        Who("Ann, in the address", query={"identity": ann, "Support-Identity": ann, "support_identity": ann}),
        Who("Ann, in a cookie", cookies={"Support-Identity": ann, "ticket": ann, "session": ann}),
    ]


def the_staff(door: Door) -> list[Who]:
    past = datetime.now(UTC) - timedelta(days=2)
    found = []
    for role in ROLES:
        token, csrf = door.session(role)
        found.append(Who(f"{role}, signed in", cookies={"session": token}, role=role, csrf=csrf))
    token, csrf = door.session("operator")
    found.append(Who("operator, session as a key", bearer(token), csrf=csrf))
    for name, made in (
        ("operator, session over", door.session("operator", now=past)),
        ("operator, key ended", door.session("operator", revoke=True)),
        ("operator, garbage as session", ("x" * 43, "x" * 22)),
        ("operator, empty session", ("", "")),
    ):
        found.append(Who(name, cookies={"session": made[0]}, csrf=made[1]))
    _, key = SqlAccess(door.database).add_key("a program", "operator", now=datetime.now(UTC))
    found.append(Who("operator's key as a bearer", bearer(key)))
    found.append(Who("operator's key as a session", cookies={"session": key}))
    return found


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    location: str
    headers: tuple[tuple[str, str], ...]


VOLATILE = {"date", "content-length", "connection", "set-cookie"}
"""Headers that tell of the moment or repeat the body; ``connection`` closes when the server has not read a body that it refused."""


def ask(client: httpx.Client, method: str, url: str, row: Row, who: Who, **more: Any) -> Answer:
    headers = {"Origin": str(client.base_url).rstrip("/"), **who.headers, **more.pop("headers", {})}
    if row.raw is not None:
        more["content"] = row.raw
        headers |= {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="a.txt"'}
    elif row.form is not None:
        form = {**row.form, "csrf": who.csrf}
        more |= {"content": "&".join(f"{quote(k)}={quote(v)}" for k, v in form.items())}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif row.json is not None:
        more["json"] = row.json
    cookies = "; ".join(f"{name}={value}" for name, value in who.cookies.items())
    if cookies:
        headers["Cookie"] = cookies
    with client.stream(method, url, headers=headers, params=who.query or None, **more) as got:
        body = "" if row.stream and got.is_success else got.read().decode("utf-8", "replace")
    kept = tuple(sorted((name, value) for name, value in got.headers.items() if name not in VOLATILE))
    return Answer(got.status_code, body, got.headers.get("location", ""), kept)


def was_allowed(row: Row, answer: Answer) -> bool:
    if row.says:
        return row.says in answer.body
    return answer.status not in {401, 403, 404} and not answer.location.startswith("/admin/login")


def address(template: str, row: Row, door: Door, of: str, who: Who | None = None) -> str:
    path = template
    for name, value in (row.path | (who.path if who and "desks" in template else {})).items():
        path = path.replace(f"{{{name}}}", value)
    path = path.replace("{attachment_id}", door.files.get(of, ""))
    return re.sub(r"\{\w+_id\}", door.ids.get(of, ""), path) if row.of else path


@pytest.fixture(scope="module")
def client(door: Door) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=door.server.url, trust_env=False, timeout=60) as made:
        yield made


def operations() -> set[str]:
    """Every operation of the application: of the OpenAPI document, and of the pages that are not in it."""
    doors = scripted(0)
    app: Any = create_app(doors, Streams()).app
    documented = {
        f"{method.upper()} {_plain(path)}"
        for path, item in app.openapi_schema.to_schema()["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }
    served = {
        f"{method} {_plain(route.path_format)}"
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in {"OPTIONS", "HEAD"}
    }
    assert documented <= served, documented - served
    return served


def _plain(path: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", r"{\1}", path)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    served = operations()
    assert served - set(ROUTES) == set(), "a new route needs a row in access_table.py"
    assert set(ROUTES) - served == set(), "a row without a route"


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_is_let_in_who_may_not_and_everybody_who_may(door: Door, client: httpx.Client, route: str) -> None:
    row = ROUTES[route]
    method, template = route.split(" ", 1)
    wrong: list[str] = []
    tried = 0
    for who in everyone(door) if row.ends_session else people(door):
        for of in OBJECTS if row.of else ("",):
            answer = ask(client, method, address(template, row, door, of, who), row, who)
            expected = row.allow(who, of)
            allowed = was_allowed(row, answer) if not row.ends_session else answer_ends(door, who)
            tried += 1
            if allowed != expected:
                wrong.append(f"{who.name} on {of or 'it'}: {answer.status} instead of {'in' if expected else 'out'}")
            wrong += [
                f"{who.name} on {of or 'it'} reads {owner}'s words"
                for owner, canary in CANARY.items()
                if canary in answer.body
                and owner not in {who.key_to, who.ticket_of, who.customer, who.opened}
                and "conversations:all" not in (who.scopes or ())
            ]
            if answer.status >= 500:
                wrong.append(f"{who.name} on {of or 'it'}: {answer.status}")
    assert tried >= (len(OBJECTS) if row.of else 1) * 40
    assert wrong == []


_PEOPLE: dict[int, list[Who]] = {}


def people(door: Door) -> list[Who]:
    """Made once; only signing out needs them anew."""
    if id(door) not in _PEOPLE:
        _PEOPLE[id(door)] = everyone(door)
    return _PEOPLE[id(door)]


def answer_ends(door: Door, who: Who) -> bool:
    """Whether the session that was in force is over now."""
    token = who.cookies.get("session", "")
    return bool(who.role) and SqlAccess(door.database).session(token, now=datetime.now(UTC)) is None


@pytest.mark.parametrize("route", [route for route, row in ROUTES.items() if row.of])
def test_a_foreign_object_and_a_missing_one_cannot_be_told_apart(door: Door, client: httpx.Client, route: str) -> None:
    row = ROUTES[route]
    method, template = route.split(" ", 1)
    told = []
    for who in people(door):
        answers = {
            of: ask(client, method, address(template, row, door, of), row, who)
            for of in MISSING
            if not row.allow(who, of)
        }
        for of, answer in answers.items():
            if answer != answers["none"]:
                told.append(f"{who.name}: {of} differs from none: {different(answer, answers['none'])}")
    assert told == []


def different(one: Answer, other: Answer) -> str:
    if one.headers != other.headers:
        return f"{sorted(set(one.headers) ^ set(other.headers))}"
    return f"{one.status} {one.location} {one.body[:300]!r} / {other.status} {other.location} {other.body[:300]!r}"


@pytest.mark.parametrize("route", [route for route, row in ROUTES.items() if row.form is not None])
def test_a_form_of_a_foreign_page_does_nothing(door: Door, client: httpx.Client, route: str) -> None:
    row = ROUTES[route]
    method, template = route.split(" ", 1)
    for who in people(door):
        for headers in (
            {"Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            answer = ask(client, method, address(template, row, door, "own"), row, who, headers=headers)
            assert answer.status == 403 or answer.location.startswith("/admin/login"), (who.name, headers)


@pytest.mark.parametrize(
    "route", [route for route, row in ROUTES.items() if row.form is not None and "/admin/" in route]
)
def test_a_form_without_its_sessions_secret_does_nothing(door: Door, client: httpx.Client, route: str) -> None:
    row = ROUTES[route]
    method, template = route.split(" ", 1)
    if template == "/admin/login":
        return
    for who in people(door):
        for csrf in ("", "x" * 22):
            other = Who(who.name, who.headers, who.cookies, who.query, role=who.role, csrf=csrf)
            answer = ask(client, method, template, row, other)
            assert answer.status == 403 or answer.location.startswith("/admin/login"), who.name


@pytest.mark.parametrize("page", [False, True])
def test_a_file_is_reached_through_its_own_conversation_alone(door: Door, client: httpx.Client, page: bool) -> None:
    """The key to one conversation opens no file of another one, by whatever pair of ids."""
    for of, other in (("own", "foreign"), ("foreign", "own")):
        token = door.tokens[of]
        headers = {"Cookie": f"ticket={token}"} if page else bearer(token)
        base = f"/{'contact' if page else 'api/conversations'}"
        own = client.get(f"{base}/{door.ids[of]}/attachments/{door.files[of]}", headers=headers)
        assert (own.status_code, own.text) == (200, CANARY[of])
        refused = {
            (got.status_code, got.text)
            for conversation, file in ((of, other), (other, other), (other, of), (of, "none"), (other, "none"))
            for got in [client.get(f"{base}/{door.ids[conversation]}/attachments/{door.files[file]}", headers=headers)]
        }
        assert len({status for status, _ in refused}) == 1
        assert {status for status, _ in refused} == {404}
        assert not any(canary in body for _, body in refused for canary in CANARY.values())


def test_a_customers_list_holds_their_own_alone(door: Door, client: httpx.Client) -> None:
    """The matrix has opened more for Ann and Bob; none of it is in another's list."""
    lists = {
        id: {
            one["id"]
            for one in client.get("/api/customers/me/conversations", headers=signed(identity(id))).json()[
                "conversations"
            ]
        }
        for id in ("ann", "bob", "nobody else")
    }
    assert door.ids["own"] in lists["ann"]
    assert door.ids["foreign"] in lists["bob"]
    assert lists["ann"] & lists["bob"] == set()
    assert lists["nobody else"] == set()
