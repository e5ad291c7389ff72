"""Several messages at once over HTTP: each POST gets the reply, the customer reads it once, and nothing is left pending."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from web_fixtures import ServerProcess, Visitor, free_port

from appliance.config import Config
from appliance.store.database import Database
from appliance.store.turns import SqlTurns

QUESTION = "Which payment methods can I use for an invoice?"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    (made / "appliance.toml").write_text("[models]\nstand_in = true\n")
    return made


@pytest.fixture
def server(data: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    port = free_port()
    command = [sys.executable, "-m", "appliance", "up", "--data", str(data), "--port", str(port)]
    started = ServerProcess(command, port, tmp_path / "log")
    yield started
    assert started.stop() == 0
    assert "Traceback" not in started.output


def test_five_messages_at_once_are_answered_once_and_each_post_has_the_reply(server: ServerProcess, data: Path) -> None:
    with httpx.Client(base_url=server.url, timeout=60.0, trust_env=False) as client:
        opened = client.post("/api/conversations", json={"channel": "chat"}).json()
        visitor = Visitor(client, opened["id"], opened["token"])
        with ThreadPoolExecutor(5) as pool:
            answers = list(
                pool.map(lambda n: visitor.say(f"{QUESTION} ({n})", idempotency_key=f"k{n}"), range(5)),
            )
        assert [answer.status_code for answer in answers] == [200] * 5
        replies = [answer.json() for answer in answers]
        assert len({reply["message_id"] for reply in replies}) == 5
        assert {reply["outcome"] for reply in replies} <= {"answered", "handed_over"}
        view = client.get(visitor.path, headers=visitor.headers).json()
        asked = [one for one in view["messages"] if one["author"] == "customer"]
        said = [one for one in view["messages"] if one["author"] == "assistant"]
        assert len(asked) == 5
        assert all(one["reply"] for one in asked)
        assert 1 <= len(said) < 5, "what came before the first word is answered together"
        again = [visitor.say(f"{QUESTION} ({n})", idempotency_key=f"k{n}").json() for n in range(5)]
        assert [one["text"] for one in again] == [one["text"] for one in replies]
        later = client.get(visitor.path, headers=visitor.headers).json()
        assert len(later["messages"]) == len(view["messages"])
    database = Database(Config(data=data).database_url)
    assert SqlTurns(database).unanswered() == []
    database.close()
