"""From a signed identity to the tier on a ticket: identity, customer table, CRM and line together, and what the command and the doctor say."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from sqlalchemy import select
from typer.testing import CliRunner

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.channels.reception import Incoming
from appliance.channels.visitors import Visitors
from appliance.cli.main import app
from appliance.config import Config
from appliance.customer_settings import Identity
from appliance.doctor import calls, customers
from appliance.doctor.amiss import Amiss
from appliance.errors import ConfigInvalid, IdentityInvalid, NotFound
from appliance.identity.opening import open_verifier
from appliance.recognition import customer_keys
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.tables import MessageRow, RunRow
from appliance.ticket import Trust
from models.standin import StandInWarning

SECRET = "shared-by-the-host-page-and-the-appliance-77"
HEADER = "id,email,name,tier\n"


def signed(id: str, *, lasts_s: int = 600, **more: object) -> str:
    payload = {"id": id, "expires": int(datetime.now(UTC).timestamp()) + lasts_s, **more}
    head = "v1." + base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"{head}.{hmac.new(SECRET.encode(), head.encode(), hashlib.sha256).hexdigest()}"


@pytest.fixture
def config(stand_in_data: Path, tmp_path: Path) -> Config:
    data = Path(shutil.copytree(stand_in_data, tmp_path / "data"))
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "crm.csv").write_text(HEADER + "4711,ann@x.example,Ann Ltd,Premier\n")
    return Config.model_validate(
        {
            "data": data,
            "models": {"stand_in": True},
            "identity": {"mode": "hmac", "secret_file": str(tmp_path / "secret")},
            "crm": {
                "kind": "csv",
                "csv_file": str(tmp_path / "crm.csv"),
                "tiers": {"Premier": "enterprise"},
                "ttl_s": 0,
                "stale_s": 0,
            },
        }
    )


@pytest.fixture
async def appliance(config: Config) -> AsyncIterator[Appliance]:
    with pytest.warns(StandInWarning):
        async with open_appliance(config) as opened, answering(opened):
            yield opened


def spoil(config: Config) -> None:
    Path(config.crm.csv_file).write_text("no header\n")


async def ask(appliance: Appliance, identity: str | None) -> str:
    known = await appliance.visitors.recognise(identity) if identity else None
    opened = await appliance.reception.open(
        channel="api", customer_id=known.customer_id if known else None, text="How do I invite members?"
    )
    assert opened.accepted is not None
    await appliance.runner.reply(opened.accepted.message.id)
    return opened.accepted.message.id


def rules(appliance: Appliance, message_id: str) -> list[str]:
    with appliance.database.read() as session:
        run = session.get_one(RunRow, message_id)
        return [one["rule"] for one in run.decisions]


def trust(appliance: Appliance, message_id: str) -> str | None:
    with appliance.database.read() as session:
        return session.scalar(select(MessageRow.trust).where(MessageRow.id == message_id))


async def test_the_tier_comes_from_the_crm_by_the_verified_id(appliance: Appliance) -> None:
    message = await ask(appliance, signed("4711"))
    assert trust(appliance, message) == "session"
    found = appliance.recognition.customers.known_as("4711")
    assert found is not None
    assert (found.tier, found.name) == ("enterprise", "Ann Ltd")
    assert "crm.down" not in rules(appliance, message)
    assert {part: detail for part, _, detail in appliance.ready()}["crm"].startswith("csv: in order")


async def test_a_crm_that_is_down_stops_no_ticket_and_is_told_everywhere(appliance: Appliance, config: Config) -> None:
    spoil(config)
    message = await ask(appliance, signed("4711"))
    assert rules(appliance, message)[0] == "crm.down"
    [(_, ok, detail)] = [row for row in appliance.ready() if row[0] == "crm"]
    assert ok  # it is told, and stops nothing
    assert "DOWN" in detail
    assert 'appliance_crm_questions_total{outcome="failed"}' in generate_latest(appliance.metrics).decode()


@pytest.mark.parametrize(("trust", "tier"), [("none", "free"), ("dmarc", "enterprise")])
async def test_a_mail_gets_the_tier_of_its_address_when_it_is_proven(
    appliance: Appliance, trust: Trust, tier: str
) -> None:
    customers = appliance.recognition.customers
    who = customers.of_address("ann@x.example", new_id=lambda: "k1", now=datetime.now(UTC))
    taken = await appliance.reception.take(
        Incoming(
            channel="mail",
            source="box",
            key="m1",
            text="How do I invite members?",
            customer_email="ann@x.example",
            customer_id=who,
            trust=trust,
        )
    )
    await appliance.runner.reply(taken.message.id)
    found = customers.customer(who)
    assert found is not None
    assert (found.tier, found.listed) == (tier, trust == "dmarc")


async def test_an_anonymous_message_is_nobodys(appliance: Appliance) -> None:
    message = await ask(appliance, None)
    assert trust(appliance, message) == "none"
    assert "crm" not in " ".join(rules(appliance, message))


async def test_a_false_identity_opens_nothing_and_is_counted(appliance: Appliance) -> None:
    with pytest.raises(IdentityInvalid):
        await ask(appliance, signed("4711").replace("v1.", "v1.a"))
    text = generate_latest(appliance.metrics).decode()
    assert 'appliance_identities_total{outcome="refused"} 1.0' in text
    assert "4711" not in text


async def test_going_on_is_for_ones_own_alone(appliance: Appliance) -> None:
    known = await appliance.visitors.recognise(signed("4711"))
    opened = await appliance.reception.open(channel="chat", customer_id=known.customer_id)
    made = await appliance.visitors.go_on(signed("4711"), opened.id)
    await appliance.reception.authorize(opened.id, made.token)
    with pytest.raises(NotFound):
        await appliance.visitors.go_on(signed("4712"), opened.id)
    assert await appliance.visitors.conversations(signed("4712")) == []


async def test_a_token_that_was_used_is_refused_after_its_window(database: Database) -> None:
    import jwt

    now = [datetime(2026, 6, 1, tzinfo=UTC)]
    identity = Identity(mode="jwt", issuer="i", audience="a", replay_window_s=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPLIANCE_IDENTITY_SECRET", SECRET)
        verifier = open_verifier(identity)
    visitors = Visitors(verifier, SqlCustomers(database), identity, new_id=lambda: "k1", now=lambda: now[0])
    claims = {"iss": "i", "aud": "a", "sub": "1", "exp": now[0].timestamp() + 600}
    with pytest.raises(IdentityInvalid, match="jti"):
        await visitors.recognise(jwt.encode(claims, SECRET))
    token = jwt.encode({**claims, "jti": "j1"}, SECRET)
    assert (await visitors.recognise(token)).customer_id == "k1"
    now[0] += timedelta(seconds=29)
    await asyncio.gather(*(visitors.recognise(token) for _ in range(4)))
    now[0] += timedelta(seconds=1)
    with pytest.raises(IdentityInvalid, match="used before"):
        await visitors.recognise(token)


def test_the_secrets_may_stand_in_no_reply(config: Config) -> None:
    assert SECRET in customer_keys(config).values()


def look(config: Config, tmp_path: Path, key: str) -> tuple[int, dict[str, object]]:
    crm = config.crm
    (tmp_path / "appliance.toml").write_text(
        f'[crm]\nkind = "csv"\ncsv_file = "{crm.csv_file}"\ntiers = {{ "Premier" = "enterprise" }}\n'
    )
    command = [
        "customers",
        "look",
        key,
        "--json",
        "--data",
        str(config.data),
        "--config",
        str(tmp_path / "appliance.toml"),
    ]
    done = CliRunner().invoke(app, command)
    return done.exit_code, json.loads(done.stdout)


async def test_the_command_says_what_the_crm_says_and_what_is_kept(
    appliance: Appliance, config: Config, tmp_path: Path
) -> None:
    await ask(appliance, signed("4711", email="ann@x.example", email_verified=True))
    for key in ("4711", "Ann@x.example"):
        code, said = look(config, tmp_path, key)
        assert code == 0
        assert said["crm"] == {"state": "found", "tier": "enterprise", "name": "Ann Ltd"}
        kept = said["kept"]
        assert isinstance(kept, dict)
        assert (kept["external_id"], kept["tier"]) == ("4711", "enterprise")
        assert kept["crm_age_s"] >= 0
    assert look(config, tmp_path, "nobody@x.example") == (
        0,
        {"key": "nobody@x.example", "crm": {"state": "absent", "tier": "free"}, "kept": None},
    )
    spoil(config)
    code, said = look(config, tmp_path, "4711")
    assert code == 1
    assert isinstance(said["crm"], dict)
    assert said["crm"]["state"] == "down"


def test_the_doctor_looks_at_keys_and_crm(config: Config) -> None:
    assert customers.identity(config) == "signed identities by HMAC"
    assert "csv: in order" in customers.crm(config)
    Path(config.crm.csv_file).unlink()
    with pytest.raises(Amiss, match="does not answer"):
        customers.crm(config)
    Path(config.identity.secret_file).write_text("short")
    with pytest.raises(ConfigInvalid):
        customers.identity(config)
    assert "anonymous" in customers.identity(Config())
    assert "no CRM" in customers.crm(Config())


@pytest.mark.parametrize(
    ("crm", "host"),
    [
        ({"kind": "http", "url": "https://crm.intern/{id}"}, ["crm.intern"]),
        ({"kind": "sql", "url": "postgresql+psycopg://u@db.intern/x", "query": "SELECT :id"}, ["db.intern"]),
        ({"kind": "sql", "url": "sqlite:////x.db", "query": "SELECT :id"}, []),
        ({"kind": "csv", "csv_file": "x"}, []),
    ],
)
def test_the_crm_is_among_whom_the_box_calls(crm: dict[str, str], host: list[str]) -> None:
    named = [
        where for setting, where in calls.addresses(Config.model_validate({"crm": crm}), {}) if setting == "crm.url"
    ]
    assert named == host
