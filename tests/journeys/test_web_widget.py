"""The widget inside a page of another origin, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from web_fixtures import HostSite, ServerProcess, Watch, shot, watch

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    made = context.new_page()
    made.set_default_timeout(30_000)
    yield made
    context.close()


@pytest.fixture
def seen(page: Page) -> Watch:
    return watch(page)


def opened(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Support").click()
    return page.frame_locator("iframe[title='Support chat']")


def test_a_foreign_page_embeds_the_chat(page: Page, seen: Watch, server: ServerProcess, host_site: HostSite) -> None:
    page.goto(host_site.page("shop.html", server.url))
    assert not [url for url in seen.requests if url.startswith(f"{server.url}/embed")]
    frame = opened(page)
    expect(frame.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("How do I invite?")
    page.keyboard.press("Enter")
    expect(frame.locator(".turn-assistant")).to_contain_text("Then press Invite.")
    shot(page, "widget-open")
    assert seen.outside(server.url, host_site.origin) == []
    assert seen.violations() == []


def test_escape_closes_and_gives_the_focus_back(page: Page, server: ServerProcess, host_site: HostSite) -> None:
    page.goto(host_site.page("shop.html", server.url))
    launcher = page.get_by_role("button", name="Support")
    frame = opened(page)
    expect(launcher).to_have_attribute("aria-expanded", "true")
    expect(frame.get_by_label("Your message")).to_be_focused()
    page.keyboard.press("Escape")
    expect(launcher).to_be_focused()
    expect(launcher).to_have_attribute("aria-expanded", "false")
    expect(page.locator("iframe")).to_be_hidden()
    opened(page).get_by_role("button", name="Close the chat").click()
    expect(page.locator("iframe")).to_be_hidden()


def test_it_works_on_a_page_with_a_strict_policy_of_its_own(
    page: Page, seen: Watch, server: ServerProcess, host_site: HostSite
) -> None:
    policy = f"default-src 'none'; script-src {server.url}; frame-src {server.url}"
    page.goto(host_site.page("strict.html", server.url, policy=policy))
    frame = opened(page)
    expect(frame.get_by_label("Your message")).to_be_visible()
    box = page.get_by_role("button", name="Support").bounding_box()
    assert box is not None
    assert box["x"] > 800
    assert not [text for text in seen.violations() if "style" in text]


def test_it_fills_a_small_screen(browser: Browser, server: ServerProcess, host_site: HostSite) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640}, color_scheme="dark")
    page = context.new_page()
    page.goto(host_site.page("shop.html", server.url))
    expect(opened(page).get_by_label("Your message")).to_be_visible()
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 640)
    shot(page, "widget-360-dark")
    context.close()


def test_an_origin_that_is_not_listed_gets_no_panel(
    page: Page, seen: Watch, server: ServerProcess, host_site: HostSite
) -> None:
    page.goto(host_site.page("shop.html", server.url).replace("localhost", "127.0.0.1"))  # another origin to a browser
    frame = opened(page)
    expect(frame.get_by_label("Your message")).to_have_count(0)
    assert any("frame-ancestors" in text for text in seen.console)


def test_words_from_other_windows_are_not_obeyed(page: Page, server: ServerProcess, host_site: HostSite) -> None:
    page.goto(host_site.page("shop.html", server.url))
    frame = opened(page)
    expect(frame.get_by_label("Your message")).to_be_focused()
    page.evaluate("window.postMessage({type: 'support-chat:close'}, '*')")  # right words, wrong source and origin
    page.evaluate("document.querySelector('a').focus()")
    expect(page.locator("iframe")).to_be_visible()


def test_the_panel_obeys_only_the_page_around_it(page: Page, server: ServerProcess) -> None:
    page.goto(f"{server.url}/embed#host=https://evil.example")
    expect(page.get_by_label("Your message")).to_be_visible()
    expect(page.get_by_role("button", name="Close the chat")).to_be_hidden()
    page.evaluate("document.activeElement.blur(); window.postMessage({type: 'support-chat:shown'}, '*')")
    expect(page.get_by_label("Your message")).not_to_be_focused()
