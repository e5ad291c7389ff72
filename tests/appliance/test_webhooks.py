"""Webhooks against a real server: what arrives, what is signed, what is tried again, and what a crash does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from far_server import Heard, Names, far, hangs_up, says

from appliance.channels.postman import Postman
from appliance.channels.webhooks import KIND, WebhookCarrier, departures, retry_after, secrets_of, signed
from appliance.config import load_config
from appliance.errors import ConfigInvalid, Conflict, NotFound
from appliance.outgoing.client import Client
from appliance.outgoing_settings import Outgoing, Webhook, WebhookEvent
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.outbox import SqlOutbox, What
from appliance.store.telling import SqlTelling

WORDS = "My card 4711 was charged twice"
SECRETS = [b"a" * 24, b"b" * 64]
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def secret_file(folder: Path, *secrets: bytes) -> str:
    file = folder / "webhook.secret"
    file.write_text("".join(f"whsec_{base64.b64encode(secret).decode()}\n" for secret in secrets or SECRETS[:1]))
    return str(file)


def webhook(folder: Path, port: int, *events: str, name: str = "crm", text: bool = False) -> Webhook:
    return Webhook(
        name=name,
        url=f"http://hook.example:{port}/in",
        events=events or get_args(WebhookEvent),  # type: ignore[arg-type] # checked by pydantic
        secret_file=secret_file(folder),
        include_text=text,
    )


def receives(heard: Heard, *secrets: bytes) -> dict[str, Any]:
    """A receiver of its own, written from the specification: verifies, and gives the payload."""
    content = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    given = [mark.split(",", 1) for mark in heard.headers["webhook-signature"].split(" ")]
    assert all(version == "v1" for version, _ in given)
    own = {base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode() for secret in secrets}
    assert own & {mark for _, mark in given}, "no signature fits"
    payload: dict[str, Any] = json.loads(heard.body)
    return payload


class Box:
    """Store, outbox and postman, as the appliance puts them together; ``Names`` stands for the name server."""

    def __init__(self, database: Database, *hooks: Webhook, clock: Any, ids: Any) -> None:
        self.outbox = SqlOutbox(database)
        self.conversations = SqlConversations(database, depart=departures(hooks), new_id=ids)
        self.tries: Counter[tuple[str, str]] = Counter()
        client = Client(
            Outgoing(allow_networks={"hook.example": ("127.0.0.0/8",)}, timeout_s=2.0),
            resolve=Names(hook_example=[["127.0.0.1"]]),
        )
        carrier = WebhookCarrier(hooks, client, SqlTelling(database), clock, self._count)
        self.postman = Postman(self.outbox, [carrier], replica="r", now=clock, jitter=lambda: 0.5)
        self.clock = clock

    def _count(self, name: str, result: str) -> None:
        self.tries[name, result] += 1

    def talk(self, text: str = WORDS) -> None:
        new = NewConversation("c1", "token", "chat", contact_email="ann@example.org", contact_name="Ann Example")
        self.conversations.create(new, now=self.clock(), first=NewMessage("m1", text))


async def test_an_event_arrives_signed_and_without_customers_text(
    database: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    async with far(says(204)) as server:
        box = Box(database, webhook(tmp_path, server.port), clock=clock, ids=ids)
        box.talk()
        assert await box.postman.round() == 1
    [heard] = server.heard
    payload = receives(heard, SECRETS[0])
    assert payload == {
        "type": "message.received",
        "timestamp": "2026-06-01T09:00:00+00:00",
        "data": {"conversation_id": "c1", "sequence": 1, "channel": "chat", "message_id": "m1"},
    }
    assert (heard.method, heard.path, heard.headers["content-type"]) == ("POST", "/in", "application/json")
    assert not any(word in str(heard) for word in ("card", "ann@", "Ann", "token"))
    assert box.tries == {("crm", "delivered"): 1}
    assert box.outbox.tally(KIND) == {("crm", "sent"): 1}


async def test_words_leave_only_where_the_settings_say_so(
    sqlite: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    async with far(says(200)) as server:
        hooks = [webhook(tmp_path, server.port, name="bare"), webhook(tmp_path, server.port, name="full", text=True)]
        box = Box(sqlite, *hooks, clock=clock, ids=ids)
        box.talk()
        box.conversations.feedback("c1", "token", resolved=False, csat=2, comment="Too slow", now=clock())
        await box.postman.round()
    told = [receives(heard, SECRETS[0]) for heard in server.heard]
    assert sorted(one["data"].get("text", "") for one in told if one["type"] == "message.received") == ["", WORDS]
    assert Counter(str(one["data"]).count(WORDS) for one in told) == {0: 3, 1: 1}
    marks = [one["data"] for one in told if one["type"] == "feedback.given"]
    assert [(mark["resolved"], mark["csat"]) for mark in marks] == [(False, 2)] * 2
    assert sorted(mark.get("comment", "") for mark in marks) == ["", "Too slow"]


async def test_what_was_erased_meanwhile_does_not_leave(sqlite: Database, tmp_path: Path, clock: Any, ids: Any) -> None:
    from sqlalchemy import text  # the store has no erasure of its own yet

    async with far(says(200)) as server:
        box = Box(sqlite, webhook(tmp_path, server.port, text=True), clock=clock, ids=ids)
        box.talk()
        with sqlite.write() as session:
            session.execute(text("DELETE FROM messages"))
        await box.postman.round()
    assert "text" not in receives(server.heard[0], SECRETS[0])["data"]


async def test_only_events_that_are_asked_for_are_told_and_one_number_counts_them(
    database: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    async with far(says(200)) as server:
        hooks = [
            webhook(tmp_path, server.port, "feedback.given", name="marks"),
            webhook(tmp_path, server.port, "message.received", "feedback.given", name="both"),
        ]
        box = Box(database, *hooks, clock=clock, ids=ids)
        box.talk()
        for csat in (1, 5):
            clock.forward(seconds=1)
            box.conversations.feedback("c1", "token", resolved=None, csat=csat, comment=None, now=clock())
        while await box.postman.round():
            pass
    told = sorted((one["type"], one["data"]["sequence"]) for one in map(receives_any, server.heard))
    assert told == [("feedback.given", 2)] * 2 + [("feedback.given", 3)] * 2 + [("message.received", 1)]


def receives_any(heard: Heard) -> dict[str, Any]:
    return receives(heard, *SECRETS)


@pytest.mark.parametrize("first", [says(500), says(503), says(429), says(408), hangs_up])
async def test_a_passing_fault_is_tried_again_with_the_same_id_and_a_new_signature(
    sqlite: Database, tmp_path: Path, clock: Any, ids: Any, first: Callable[..., Any]
) -> None:
    async with far(first, says(200)) as server:
        box = Box(sqlite, webhook(tmp_path, server.port), clock=clock, ids=ids)
        box.talk()
        await box.postman.round()
        assert await box.postman.round() == 0  # not before its time
        clock.forward(seconds=60)
        assert await box.postman.round() == 1
    one, two = server.heard
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body
    assert one.headers["webhook-timestamp"] != two.headers["webhook-timestamp"]
    assert receives_any(one) == receives_any(two)
    assert box.tries == {("crm", "again"): 1, ("crm", "delivered"): 1}


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410, 413, 422])
async def test_a_lasting_refusal_is_not_tried_again_until_a_person_says_so(
    sqlite: Database, tmp_path: Path, clock: Any, ids: Any, status: int
) -> None:
    async with far(says(status, location="http://hook.example/else"), says(200)) as server:
        box = Box(sqlite, webhook(tmp_path, server.port), clock=clock, ids=ids)
        box.talk()
        await box.postman.round()
        clock.forward(days=2)
        assert await box.postman.round() == 0
        [failed] = box.outbox.listed(KIND, ("failed",), limit=5)
        assert failed.fault == f"It answered {status}."
        assert WORDS not in str(failed)
        box.outbox.again(failed.id, kind=KIND, now=clock())
        assert await box.postman.round() == 1
        with pytest.raises(Conflict):
            box.outbox.again(failed.id, kind=KIND, now=clock())
        with pytest.raises(NotFound):
            box.outbox.again("nothing", kind=KIND, now=clock())
    assert len({heard.headers["webhook-id"] for heard in server.heard}) == 1
    assert box.outbox.tally(KIND) == {("crm", "sent"): 1}


async def test_retry_after_is_honoured(sqlite: Database, tmp_path: Path, clock: Any, ids: Any) -> None:
    async with far(says(429, retry_after="7200"), says(200)) as server:
        box = Box(sqlite, webhook(tmp_path, server.port), clock=clock, ids=ids)
        box.talk()
        await box.postman.round()
        clock.forward(seconds=7100)
        assert await box.postman.round() == 0
        clock.forward(seconds=101)
        assert await box.postman.round() == 1


async def test_a_receiver_that_is_down_all_day_is_given_up_and_listed(
    sqlite: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    async with far(says(503)) as server:
        box = Box(sqlite, webhook(tmp_path, server.port), clock=clock, ids=ids)
        box.talk()
        began = clock()
        while not box.outbox.listed(KIND, ("failed",), limit=1):
            await box.postman.round()
            clock.forward(minutes=30)
    assert timedelta(hours=20) < clock() - began < timedelta(hours=36)
    assert len(server.heard) > 5


async def test_killed_between_sending_and_marking_it_is_sent_again_under_the_same_id(
    database: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    """The receiver's idempotency key is all that tells the two apart, so it must be the same."""
    async with far(says(200)) as server:
        box = Box(database, webhook(tmp_path, server.port), clock=clock, ids=ids)
        box.talk()
        [parcel] = box.outbox.claim(replica="r", now=clock(), limit=5)
        await box.postman._arrived(parcel)  # sent, and then the process dies
        clock.forward(seconds=5)
        assert await box.postman.round() == 0
        assert box.outbox.release("r", now=clock()) == 1
        assert await box.postman.round() == 1
    assert len(server.heard) == 2
    assert len({heard.headers["webhook-id"] for heard in server.heard}) == 1
    assert len({heard.body for heard in server.heard}) == 1


async def test_a_webhook_that_is_configured_no_more_ends_in_the_list(
    sqlite: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    box = Box(sqlite, webhook(tmp_path, 9), clock=clock, ids=ids)
    box.talk()
    other = Box(sqlite, clock=clock, ids=ids)
    await other.postman.round()
    assert [row.fault for row in box.outbox.listed(KIND, ("failed",), limit=5)] == [
        "No webhook is called crm any more."
    ]


async def test_an_address_that_may_not_be_called_waits_for_the_settings_to_be_mended(
    sqlite: Database, tmp_path: Path, clock: Any, ids: Any
) -> None:
    hook = webhook(tmp_path, 9).model_copy(update={"url": "https://10.0.0.1/in"})
    box = Box(sqlite, hook, clock=clock, ids=ids)
    box.talk()
    await box.postman.round()
    [row] = box.outbox.listed(KIND, ("waiting",), limit=5)
    assert "10.0.0.1" in row.fault
    assert box.tries == {("crm", "again"): 1}


def test_each_secret_signs_so_that_a_rotation_needs_no_break() -> None:
    headers = signed(SECRETS, "id-1", NOW, b'{"a":1}')
    for secret in SECRETS:
        heard = Heard("POST", "/", headers, b'{"a":1}')
        assert receives(heard, secret) == {"a": 1}
    with pytest.raises(AssertionError, match="no signature fits"):
        receives(Heard("POST", "/", headers, b'{"a":2}'), *SECRETS)
    with pytest.raises(AssertionError, match="no signature fits"):
        receives(Heard("POST", "/", headers | {"webhook-id": "id-2"}, b'{"a":1}'), *SECRETS)
    with pytest.raises(AssertionError, match="no signature fits"):
        receives(Heard("POST", "/", headers | {"webhook-timestamp": "1"}, b'{"a":1}'), *SECRETS)


def test_a_signature_is_the_one_of_the_specification() -> None:
    """The vector of the specification's reference libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "content", ["", "\n", "hunter2hunter2", "whsec_!", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode(),
                "whsec_" + base64.b64encode(b"x" * 65).decode(), "\n".join(["whsec_" + base64.b64encode(b"x" * 24).decode()] * 5)],
)  # fmt: skip
def test_a_file_without_a_proper_secret_is_refused_without_being_quoted(tmp_path: Path, content: str) -> None:
    hook = webhook(tmp_path, 1)
    Path(hook.secret_file).write_text(content)
    with pytest.raises(ConfigInvalid) as fault:
        secrets_of(hook)
    assert not content.strip() or content.strip() not in str(fault.value)
    Path(hook.secret_file).unlink()
    with pytest.raises(ConfigInvalid):
        secrets_of(hook)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 1.0), ("999999999", 86_400.0), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
     ("Mon, 01 Jun 2026 10:00:00 GMT", 3600.0), ("Mon, 01 Jun 2020 10:00:00 GMT", 1.0), ("Mon, 01 Jun 9999 10:00:00 GMT", 86_400.0)],
)  # fmt: skip
def test_retry_after_is_read_within_reason(value: str, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds


def test_the_settings_know_every_event_and_refuse_half_a_webhook(tmp_path: Path) -> None:
    assert set(get_args(WebhookEvent)) == set(get_args(What))
    file = tmp_path / "appliance.toml"
    whole = {"name": "crm", "url": "https://h.example/", "events": ["reply.sent"], "secret_file": "s"}
    for missing in whole:
        lines = [f"{name} = {json.dumps(value)}" for name, value in whole.items() if name != missing]
        file.write_text("[[webhooks]]\n" + "\n".join(lines))
        with pytest.raises(ConfigInvalid, match=missing):
            load_config(file)
    one = "[[webhooks]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in whole.items()) + "\n"
    file.write_text(one * 2)
    with pytest.raises(ConfigInvalid, match="same name"):
        load_config(file)
    file.write_text(one)
    assert load_config(file).webhooks[0].include_text is False
    file.write_text(one.replace("reply.sent", "reply.sunk"))
    with pytest.raises(ConfigInvalid):
        load_config(file)
