"""The contact form and the ticket's page, with JavaScript switched off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from web_fixtures import ServerProcess, no_sideways_scroll, shot, watch

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, viewport={"width": 1000, "height": 900}
    )
    made = context.new_page()
    made.set_default_timeout(30_000)
    seen = watch(made)
    yield made
    context.close()
    assert seen.outside(server.url) == []
    assert seen.violations() == []


def send(page: Page, text: str) -> None:
    page.goto("/contact")
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send message").click()


def test_a_form_becomes_a_ticket_with_its_answer(page: Page) -> None:
    page.goto("/contact")
    shot(page, "contact-form")
    page.get_by_label("Your message").fill("How do I invite?\nSecond line")
    page.get_by_label("Subject").fill("Inviting people")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("E-mail").fill("ana@example.com")
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("heading", name="Inviting people")).to_be_visible()
    expect(page.get_by_text("Answered")).to_be_visible()
    expect(page.locator(".post-assistant .post-text")).to_contain_text("Then press Invite.")
    expect(page.get_by_role("link", name="Invite members to a workspace")).to_be_visible()
    expect(page.get_by_text("More in")).to_have_count(0)  # the sources say it
    page.get_by_text("Show the passage").click()
    expect(page.get_by_text("New members get an e-mail.")).to_be_visible()
    shot(page, "contact-ticket")


def test_the_ticket_is_judged_replied_to_and_handed_over(page: Page) -> None:
    send(page, "How do I invite?")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Thank you for telling us.")
    page.get_by_label("Reply").fill("It does not say where.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".post")).to_have_count(4)
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.get_by_text("A person has your ticket.")).to_be_visible()
    expect(page.get_by_text("With a person")).to_be_visible()
    expect(page.get_by_role("button", name="Talk to a person")).to_have_count(0)
    shot(page, "contact-handed-over")


def test_a_slow_answer_shows_up_by_itself(page: Page) -> None:
    send(page, "very slow question")
    expect(page.locator(".post-assistant .post-text")).to_contain_text("Then press Invite.")


def test_a_form_that_cannot_be_used_keeps_what_was_typed(page: Page) -> None:
    page.goto("/contact")
    page.get_by_label("Your message").fill("busy, but keep this")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("alert")).to_contain_text("Your message was not sent.")
    expect(page.get_by_label("Your message")).to_have_value("busy, but keep this")
    expect(page.get_by_label("Your name")).to_have_value("Ana")
    shot(page, "contact-not-sent")


def test_the_chat_page_without_javascript_opens_a_ticket(page: Page) -> None:
    page.goto("/chat")
    page.get_by_label("Your message").fill("How do I invite?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".post-assistant .post-text")).to_contain_text("Then press Invite.")


def test_a_ticket_of_somebody_else_is_a_plain_page(page: Page) -> None:
    page.goto("/contact/0123456789abcdef")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_text("Open it in the browser that you sent it from.")).to_be_visible()


def test_pages_fit_360_pixels_in_the_dark(browser: Browser, server: ServerProcess) -> None:
    context = browser.new_context(
        base_url=server.url, viewport={"width": 360, "height": 640}, color_scheme="dark", java_script_enabled=True
    )
    page = context.new_page()
    page.goto("/contact")
    assert no_sideways_scroll(page)
    shot(page, "contact-360-dark")
    send(page, "How do I invite " + "averylongwordwithoutspaces" * 8)
    assert no_sideways_scroll(page)
    shot(page, "ticket-360-dark")
    context.close()
