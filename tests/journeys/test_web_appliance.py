"""The whole story on the real appliance: shipped models, starter knowledge base, SQLite and LanceDB in a new data directory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from web_fixtures import ROOT, ServerProcess, Visitor, free_port, shot, watch

QUESTION = "How much does the Team plan cost per member?"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / "models" / "weights" / "reranker").is_dir(), reason="the weights are not in this tree"
    ),
]


def start(data: Path, log: Path) -> ServerProcess:
    port = free_port()
    command = [sys.executable, "-m", "appliance", "up", "--data", str(data), "--port", str(port)]
    return ServerProcess(command, port, log)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    (made / "appliance.toml").write_text("[openings]\nform_min_s = 0\n")  # a program fills in a form faster than people
    return made


@pytest.fixture(scope="module")
def appliance(data: Path) -> Iterator[ServerProcess]:
    started = start(data, data.parent / "appliance.log")
    yield started
    assert started.stop() == 0
    assert "Traceback" not in started.output


@pytest.fixture
def visitor(appliance: ServerProcess) -> Iterator[Visitor]:
    with httpx.Client(base_url=appliance.url, timeout=60.0, trust_env=False) as client:
        opened = client.post("/api/conversations", json={"channel": "chat"}).json()
        yield Visitor(client, opened["id"], opened["token"])


def test_every_part_is_ready(visitor: Visitor) -> None:
    ready = visitor.client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)


def test_an_answer_stands_in_the_article_that_it_cites(visitor: Visitor) -> None:
    reply = visitor.say(QUESTION).json()
    assert reply["outcome"] == "answered"
    citation = reply["citations"][0]
    page = visitor.client.get(citation["url"]).text
    assert citation["title"] in page
    assert visitor.client.post(
        f"{visitor.path}/feedback", json={"resolved": True, "csat": 5}, headers=visitor.headers
    ).is_success


def test_a_wish_for_a_person_is_obeyed_and_the_assistant_is_silent_after_it(visitor: Visitor) -> None:
    assert visitor.say("I would like to talk to a person.").json()["outcome"] == "handed_over"
    assert visitor.say(QUESTION).json()["text"] == ""
    assert visitor.client.get(visitor.path, headers=visitor.headers).json()["status"] == "handed_over"


def test_stream_reply_and_view_say_the_same(visitor: Visitor) -> None:
    request = {"json": {"text": QUESTION}, "headers": {**visitor.headers, "Accept": "text/event-stream"}}
    with visitor.client.stream("POST", f"{visitor.path}/messages", **request) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    done = json.loads(lines[-1].removeprefix("data: "))
    view = visitor.client.get(visitor.path, headers=visitor.headers).json()
    assert view["messages"][0]["reply"] == done
    assert view["messages"][1]["text"] == done["text"]


def test_a_conversation_outlives_its_server(tmp_path: Path) -> None:
    first = start(tmp_path / "data", tmp_path / "log")
    with httpx.Client(base_url=first.url, timeout=60.0, trust_env=False) as client:
        visitor = Visitor(client, **client.post("/api/conversations", json={"message": QUESTION}).json())
        reply = visitor.say("I want to talk to a person").json()
        before = client.get(visitor.path, headers=visitor.headers).json()
    assert reply["outcome"] == "handed_over"
    assert first.stop() == 0
    second = start(tmp_path / "data", tmp_path / "log")
    after = httpx.get(f"{second.url}{visitor.path}", headers=visitor.headers, trust_env=False).json()
    assert second.stop() == 0
    assert after == before


@pytest.mark.browser
def test_a_visitor_asks_reads_the_source_and_is_handed_over(browser: Browser, appliance: ServerProcess) -> None:
    context = browser.new_context(base_url=appliance.url, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    seen = watch(page)
    page.goto("/chat")
    page.get_by_label("Your message").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Did this solve it?")).to_be_visible(timeout=60_000)
    shot(page, "appliance-answer")
    with context.expect_page() as opened:
        page.locator(".sources a").first.click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    shot(opened.value, "appliance-article")
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.get_by_text("A person has your ticket.")).to_be_visible(timeout=60_000)
    context.close()
    assert seen.outside(appliance.url) == []
    assert seen.violations() == []


@pytest.mark.browser
def test_the_contact_form_answers_without_javascript(browser: Browser, appliance: ServerProcess) -> None:
    context = browser.new_context(base_url=appliance.url, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto("/contact")
    page.get_by_label("Your message").fill(QUESTION)
    page.get_by_role("button", name="Send message").click()
    expect(page.locator(".post-assistant")).to_be_visible(timeout=60_000)
    expect(page.locator(".post-assistant .sources a")).to_be_visible()
    context.close()
