"""Hostile text in messages, names, titles, quotes and addresses, in a real browser: shown as text, nothing runs, nothing is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from web_fixtures import ServerProcess, Watch, watch

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "javascript:alert(1)",
    "![x](https://evil.example/p.png)",
    "<iframe src=https://evil.example></iframe>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "{{ 7*7 }}${7*7}",
    "'\"><b onmouseover=alert(1)>x</b>",
    "https://evil.example/?leak=1",
]
EVERYTHING = "hostile " + " ".join(PAYLOADS)


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url, java_script_enabled=request.param)
    made = context.new_page()
    made.set_default_timeout(30_000)
    yield made
    context.close()


@pytest.fixture
def seen(page: Page) -> Watch:
    return watch(page)


def assert_harmless(page: Page, seen: Watch, server: ServerProcess) -> None:
    assert seen.dialogs == []
    assert seen.outside(server.url) == []
    assert seen.violations() == []
    links = [link.get_attribute("href") or "" for link in page.locator("main a, .log a").all()]
    assert not [link for link in links if link.startswith(("javascript:", "data:")) or "evil" in link]
    assert page.locator("main img, main iframe, main script, main b").count() == 0


def test_hostile_text_in_the_chat_is_text(browser: Browser, server: ServerProcess) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    seen = watch(page)
    page.goto("/chat")
    page.get_by_label("Your message").fill(EVERYTHING)
    page.keyboard.press("Enter")
    answer = page.locator(".turn-assistant")
    expect(answer.locator(".sources")).to_be_visible()
    answer.get_by_text("Show the passage").click()
    expect(page.locator(".turn-customer")).to_contain_text("<script>alert(1)</script>")
    expect(answer).to_contain_text("<img src=x onerror=alert(1)>")
    expect(answer.locator("blockquote")).to_contain_text("<script>alert(2)</script>")
    assert_harmless(page, seen, server)
    page.reload()
    expect(page.locator(".turn-assistant .sources")).to_be_visible()
    assert_harmless(page, seen, server)
    context.close()


def test_hostile_text_in_a_ticket_is_text(page: Page, seen: Watch, server: ServerProcess) -> None:
    page.goto("/contact")
    page.get_by_label("Your message").fill(EVERYTHING)
    page.get_by_label("Subject").fill("<img src=x onerror=alert(1)>")
    page.get_by_label("Your name").fill("<script>alert(1)</script> https://evil.example")
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=alert(1)>")
    page.get_by_text("Show the passage").click()
    expect(page.locator("blockquote")).to_contain_text("<script>alert(2)</script>")
    assert_harmless(page, seen, server)


def test_a_refused_form_gives_hostile_text_back_as_text(page: Page, seen: Watch, server: ServerProcess) -> None:
    page.goto("/contact")
    page.get_by_label("Your message").fill('busy </textarea><script>alert(1)</script>"')
    page.get_by_label("Your name").fill('"><img src=x onerror=alert(1)>')
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_label("Your name")).to_have_value('"><img src=x onerror=alert(1)>')
    assert_harmless(page, seen, server)


def test_hostile_text_in_addresses_and_cookies_is_text(page: Page, seen: Watch, server: ServerProcess) -> None:
    # CVE-2026-48060: the CSRF cookie went into pages unescaped
    page.context.add_cookies(
        [{"name": "csrftoken", "value": "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "url": server.url}]
    )
    for path in (
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/contact/%3Cimg%20src=x%20onerror=alert(1)%3E",
        "/contact?said=%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        page.goto(path)
        assert_harmless(page, seen, server)


def test_hostile_markdown_in_an_article_is_text(page: Page, seen: Watch, server: ServerProcess) -> None:
    page.goto("/help/invite")
    expect(page.get_by_role("heading", name="Invite members", level=1)).to_be_visible()
    expect(page.get_by_role("heading", name="Heading", level=2)).to_be_visible()
    expect(page.get_by_role("cell", name="1")).to_be_visible()
    expect(page.get_by_role("link", name="good")).to_have_attribute("rel", "noopener noreferrer")
    hrefs = [link.get_attribute("href") for link in page.locator("article a").all()]
    assert [href for href in hrefs if href] == [
        "https://evil.example/auto",
        "https://good.example/page",
        "mailto:help@example.com",
    ]
    expect(page.locator("article")).to_contain_text("x in words")
    assert page.locator("article img, article iframe, article style, article script").count() == 0
    assert seen.dialogs == []
    assert seen.outside(server.url) == []
    assert seen.violations() == []
