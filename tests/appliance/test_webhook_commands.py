"""The commands of webhooks, and the receiver of the documentation, as programs of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_webhooks import KIND, SECRETS, secret_file
from typer.testing import CliRunner, Result

from appliance.channels.webhooks import departures
from appliance.cli.main import app
from appliance.config import load_config
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.outbox import SqlOutbox

DOCS = Path(__file__).parents[2] / "docs/api.md"


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--data", str(data)])


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def settings(data: Path, port: int, secret: str) -> Path:
    data.mkdir(exist_ok=True)
    (data / "appliance.toml").write_text(
        f'[[webhooks]]\nname = "crm"\nurl = "http://127.0.0.1:{port}/in"\nevents = ["message.received"]\n'
        f'secret_file = "{secret}"\n[outgoing.allow_networks]\n"127.0.0.1" = ["127.0.0.1/32"]\n'
    )
    return data


@contextmanager
def documented_receiver(folder: Path, secret: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The program that stands in docs/api.md, started as a reader would."""
    [program] = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    file = folder / "receiver.py"
    file.write_text(program)
    process = subprocess.Popen([sys.executable, file, secret, "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield int(process.stdout.readline().rsplit(" ", 1)[1]), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_receiver_of_the_docs_takes_what_is_signed_and_nothing_else(tmp_path: Path) -> None:
    secret = secret_file(tmp_path)
    with documented_receiver(tmp_path, secret) as (port, process):
        data = settings(tmp_path / "data", port, secret)
        said = document(run(data, "webhooks", "test", "crm", "--json"))
        assert (said["status"], said["ok"], said["signatures"]) == (204, True, 1)
        assert process.stdout
        assert process.stdout.readline() == "webhook.test {}\n"
        (tmp_path / "other").mkdir()
        settings(data, port, secret_file(tmp_path / "other", SECRETS[1]))
        refused = run(data, "webhooks", "test", "crm", "--json")
        assert (refused.exit_code, json.loads(refused.stdout)["status"]) == (1, 401)
        settings(data, port, secret_file(tmp_path / "other", SECRETS[1], SECRETS[0]))  # a rotation
        assert document(run(data, "webhooks", "test", "crm", "--json"))["signatures"] == 2


def test_what_failed_is_listed_and_sent_again(tmp_path: Path) -> None:
    data = settings(tmp_path / "data", 9, secret_file(tmp_path))
    config = load_config(None, data=data)
    database = Database(config.database_url)
    from datetime import UTC, datetime

    now = datetime(2026, 6, 1, tzinfo=UTC)
    conversations = SqlConversations(database, depart=departures(config.webhooks))
    conversations.create(NewConversation("c1", "token", "chat"), now=now, first=NewMessage("m1", "My card 4711"))
    outbox = SqlOutbox(database)
    [parcel] = outbox.claim(replica="r", now=now, limit=5)
    outbox.failed(parcel.id, fault="It answered 410.", now=now)
    database.close()

    [hook] = document(run(data, "webhooks", "list", "--json"))
    assert (hook["name"], hook["failed"], hook["waiting"], hook["include_text"]) == ("crm", 1, 0, False)
    [row] = document(run(data, "webhooks", "failed", "--json"))
    assert (row["id"], row["fault"], row["purpose"]) == (parcel.id, "It answered 410.", "message.received")
    assert "4711" not in str(row)
    assert document(run(data, "webhooks", "retry", parcel.id, "--json"))["state"] == "waiting"
    assert document(run(data, "webhooks", "failed", "--json")) == []
    for words in (("retry", "nothing"), ("test", "nobody")):
        assert run(data, "webhooks", *words).exit_code == 1
    assert SqlOutbox(Database(config.database_url)).tally(KIND) == {("crm", "waiting"): 1}


@pytest.mark.parametrize("words", [("list",), ("failed",)])
def test_without_webhooks_there_is_nothing_to_list(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert document(run(tmp_path, "webhooks", *words, "--json")) == []
