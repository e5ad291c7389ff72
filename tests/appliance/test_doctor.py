"""The doctor: what it says of a sound installation, and of each way in which one can be unsound."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
from pathlib import Path

import pytest

from appliance.cli.main import run
from appliance.config import Config, Models, ModelServer, Server, Synthesis
from appliance.config import Database as DatabaseSettings
from appliance.doctor import Check, checks
from appliance.doctor.amiss import Amiss
from appliance.doctor.calls import calls
from appliance.doctor.destinations import destinations
from appliance.knowledge import open_knowledge
from appliance.model_set import open_catalog
from appliance.outgoing_settings import Outgoing, Webhook
from appliance.rerankers import open_encoder
from appliance.store.articles import SqlArticles
from appliance.store.database import Database
from kb.article import Article
from kb.chunking import chunk
from models.telemetry import SWITCHES, switch_off


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switches as ``appliance`` sets them, put back afterwards."""
    before: dict[str, str] = {}
    switch_off(before)
    for name, value in before.items():
        monkeypatch.setenv(name, value)


def config(data: Path, **sections: object) -> Config:
    return Config(data=data, **({"server": Server(port=0)} | sections))  # type: ignore[arg-type]


def seen(config: Config) -> dict[str, Check]:
    return {one.check: one for one in checks(config)}


def not_ok(config: Config, name: str) -> Check:
    found = seen(config)[name]
    assert not found.ok
    assert found.fix
    return found


def test_a_fresh_installation_is_in_order_and_untouched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    found = checks(config(data))
    assert [one.check for one in found if not one.ok] == []
    assert {
        "python",
        "telemetry",
        "onnxruntime",
        "weights.encoder",
        "weights.reranker",
        "weights.intent-saas",
        "classifier",
    } <= {one.check for one in found}
    assert not data.exists()


def test_a_used_installation_shows_its_pragmas(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'appliance.db'}").close()
    found = seen(config(tmp_path))["database"]
    assert found.ok
    assert "journal_mode=wal, synchronous=2, secure_delete=1" in found.detail


def test_an_older_schema_is_told_and_not_migrated(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "appliance.db") as old:
        old.execute("CREATE TABLE something (id TEXT)")
    old.close()
    found = seen(config(tmp_path))["database"]
    assert found.ok
    assert "at the next start" in found.detail
    with sqlite3.connect(tmp_path / "appliance.db") as old:
        assert old.execute("SELECT name FROM sqlite_master").fetchall() == [("something",)]
    old.close()


def test_a_newer_schema_is_not_ok(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'appliance.db'}").close()
    with sqlite3.connect(tmp_path / "appliance.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    assert "9999" in not_ok(config(tmp_path), "database").detail


def test_a_damaged_database_is_not_ok(tmp_path: Path) -> None:
    (tmp_path / "appliance.db").write_bytes(b"this is no database, not at all" * 100)
    assert "not a database" in not_ok(config(tmp_path), "database").detail


def test_missing_weights_are_named_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    found = seen(config(tmp_path / "data", models=Models(weights=str(tmp_path))))
    assert not found["weights.encoder"].ok
    assert "model.onnx" in found["weights.encoder"].detail
    for dependent in ("encoder", "classifier", "index"):
        assert not found[dependent].ok
    assert found["profile"].ok
    assert found["port"].ok


def test_a_provider_that_is_not_installed(tmp_path: Path) -> None:
    assert "CPUExecutionProvider" in not_ok(config(tmp_path, models=Models(provider="cuda")), "onnxruntime").detail


def test_an_unknown_profile(tmp_path: Path) -> None:
    assert "nowhere" in not_ok(config(tmp_path, profile="nowhere"), "profile").detail


def test_telemetry_that_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    assert "ORT_DISABLE_TELEMETRY=1" in not_ok(config(tmp_path), "telemetry").fix


def test_an_index_of_another_encoder(tmp_path: Path) -> None:
    (tmp_path / "lance").mkdir()
    manifest = {
        "table": "passages_1",
        "version": 1,
        "dimension": 384,
        "encoder_revision": "other",
        "chunking": 1,
        "passages": 3,
    }
    (tmp_path / "lance" / "index.json").write_text(json.dumps(manifest))
    found = not_ok(config(tmp_path), "index")
    assert "other" in found.detail
    assert "kb rebuild" in found.fix


def test_an_index_that_the_appliance_made_is_in_order(tmp_path: Path) -> None:
    asked = config(tmp_path)
    database = Database(asked.database_url)
    try:
        knowledge = open_knowledge(asked, database, open_encoder(asked, open_catalog(asked)))
        assert knowledge.add_starter("saas") > 0
    finally:
        database.close()
    assert seen(asked)["index"].ok


def test_articles_that_the_index_lacks(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    article = Article("a", "Gift cards", "Gift cards never expire.")
    SqlArticles(database).save([(article, chunk(article))])
    database.close()
    found = not_ok(config(tmp_path), "index")
    assert "1 of 1 articles" in found.detail
    assert "appliance kb rebuild" in found.fix


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert "no directory" in not_ok(config(tmp_path / "data"), "data_directory").detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in not_ok(config(tmp_path), "data_directory").detail


def test_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert str(port) in not_ok(config(tmp_path, server=Server(port=port)), "port").detail


def test_a_model_server_that_is_down(tmp_path: Path) -> None:
    asked = Synthesis(mode="vllm", base_url="http://127.0.0.1:9/v1", model="m")
    assert "127.0.0.1:9" in not_ok(config(tmp_path, synthesis=asked), "synthesis").detail


def test_a_key_file_that_others_can_read(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    key.chmod(0o644)
    asked = Synthesis(mode="vllm", base_url="http://127.0.0.1:9/v1", model="m", api_key_file=str(key))
    found = not_ok(config(tmp_path / "data", synthesis=asked), "synthesis")
    assert found.fix == f"chmod 600 {key}"
    assert "secret" not in found.detail


def called(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["appliance", "doctor", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        run()
    return int(ended.value.code or 0)


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert called(monkeypatch, "--data", tmp_path / "d", "--port", 0, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(set(row) == {"check", "ok", "detail", "fix"} for row in rows)
    assert called(monkeypatch, "--data", tmp_path / "d", "--port", 0, "--profile", "nowhere") == 1
    assert "nowhere" in capsys.readouterr().out


def test_every_switch_is_listed_with_its_value_and_whom_it_silences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = seen(config(tmp_path))["telemetry"]
    assert found.ok
    for switch in SWITCHES:
        said = switch.value or "''"
        assert f"{switch.name}={said} ({switch.silences})" in found.detail
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    wrong = not_ok(config(tmp_path), "telemetry").detail
    assert "ORT_DISABLE_TELEMETRY=0 (onnxruntime)" in wrong
    assert "HF_HUB_OFFLINE=unset" in wrong
    assert "DO_NOT_TRACK=1" in wrong


def test_by_default_the_box_calls_nobody(tmp_path: Path) -> None:
    found = seen(config(tmp_path))
    assert found["calls"] == Check("calls", True, "the box calls nobody")
    assert "hosted models are off" in found["egress"].detail


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.31.0.1", "[::1]", "[fd00::5]", "[fe80::1]", "localhost"]
)
def test_a_server_inside_is_named(host: str, tmp_path: Path) -> None:
    asked = Synthesis(mode="vllm", base_url=f"http://{host}:9/v1", model="m")
    assert calls(config(tmp_path, synthesis=asked)).endswith(f"may call {host.strip('[]')} (synthesis.base_url)")


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "172.32.0.1", "192.0.2.1", "[2001:db8::1]", "[::ffff:8.8.8.8]", "100.128.0.1", "198.18.0.1"]
)
def test_a_server_outside_is_not_in_order(host: str, tmp_path: Path) -> None:
    asked = Synthesis(mode="vllm", base_url=f"http://{host}:9/v1", model="m")
    assert host.strip("[]") in complaint(config(tmp_path, synthesis=asked))


def test_smaller_servers_are_looked_at_too(tmp_path: Path) -> None:
    smaller = (ModelServer(base_url="http://8.8.4.4:9/v1", model="s"),)
    asked = Synthesis(mode="vllm", base_url="http://127.0.0.1:9/v1", model="m", smaller=smaller)
    assert "8.8.4.4 (synthesis.smaller)" in complaint(config(tmp_path, synthesis=asked))


def test_a_database_and_a_collector_are_calls_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://9.9.9.9:4317")
    database = DatabaseSettings(url="postgresql+psycopg://u:p@10.0.0.5/appliance")
    found = complaint(config(tmp_path, database=database))
    assert "9.9.9.9 (OTEL_EXPORTER_OTLP_ENDPOINT)" in found
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert "10.0.0.5 (database.url)" in calls(config(tmp_path, database=database))


def test_an_answer_that_stays_on_the_machine_is_no_call(tmp_path: Path) -> None:
    quoting = Synthesis(mode="quote", base_url="http://8.8.8.8/v1")
    assert calls(config(tmp_path, synthesis=quoting)) == "the box calls nobody"


def complaint(asked: Config) -> str:
    with pytest.raises(Amiss) as found:
        calls(asked)
    assert found.value.remedy
    return found.value.message


def hooked(tmp_path: Path, *urls: str, text: bool = False, **outgoing: object) -> Config:
    secret = tmp_path / "secret"
    secret.write_text(f"whsec_{'YWFh' * 8}\n")
    hooks = tuple(
        Webhook(name=f"h{n}", url=url, events=("reply.sent",), secret_file=str(secret), include_text=text)
        for n, url in enumerate(urls)
    )
    return config(tmp_path, webhooks=hooks, outgoing=Outgoing(**outgoing))  # type: ignore[arg-type] # checked by pydantic


def test_each_configured_server_is_said_with_its_place_and_what_goes_there(tmp_path: Path) -> None:
    own = {"10.1.2.3": ("10.1.2.0/24",)}
    asked = hooked(tmp_path, "https://10.1.2.3/in", "https://8.8.8.8/in?key=t0psecret", allow_networks=own)
    said = "10.1.2.3 (webhooks.h0, inside): ids and states; 8.8.8.8 (webhooks.h1, outside): ids and states"
    assert destinations(asked) == said
    assert "customers' text" in destinations(hooked(tmp_path, "https://8.8.8.8/in", text=True))
    assert calls(asked) == "the box calls nobody but its destinations"
    assert destinations(config(tmp_path)) == "none is configured"


def test_a_configured_server_that_may_not_be_called_is_not_in_order(tmp_path: Path) -> None:
    with pytest.raises(Amiss, match=r"webhooks\.h0: 10\.1\.2\.3 leads to 10\.1\.2\.3"):
        destinations(hooked(tmp_path, "https://10.1.2.3/in"))
    asked = hooked(tmp_path, "https://8.8.8.8/in")
    Path(asked.webhooks[0].secret_file).unlink()
    assert not_ok(asked, "destinations").detail == "The secret file of webhook h0 cannot be read."
