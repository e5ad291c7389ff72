"""The chat page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from web_fixtures import ServerProcess, cut_off, shot, watch

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url, viewport={"width": 1100, "height": 780}, reduced_motion="reduce")
    made = context.new_page()
    made.set_default_timeout(30_000)
    seen = watch(made)
    yield made
    context.close()
    assert seen.outside(server.url) == []
    assert seen.violations() == []
    assert not [text for text in seen.console if text.startswith("pageerror")]


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def test_a_question_is_answered_with_its_source(page: Page) -> None:
    page.goto("/chat")
    shot(page, "chat-welcome")
    ask(page, "How do I invite a colleag to my workspace?")
    answer = page.locator(".turn-assistant").last
    expect(answer).to_contain_text("Open Settings and choose Members.")
    expect(answer).not_to_contain_text("More in")
    link = answer.get_by_role("link", name="Invite members to a workspace")
    expect(link).to_have_attribute("href", "https://help.example.com/invite")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    answer.get_by_role("link", name="Source 1").first.click()
    expect(answer.locator("blockquote")).to_be_visible()
    expect(answer.locator("blockquote")).to_contain_text("New members get an e-mail.")
    shot(page, "chat-answer")


def test_progress_is_told_while_the_answer_is_made(page: Page) -> None:
    page.goto("/chat")
    ask(page, "slow question")
    status = page.locator("#progress")
    expect(status).to_have_text("Looking in the help centre…")
    expect(page.locator(".turn-assistant")).to_have_count(0)
    shot(page, "chat-progress")
    expect(page.locator(".turn-assistant")).to_contain_text("Open Settings and choose Members.")
    expect(page.get_by_text("Did this solve it?")).to_have_count(0)
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    expect(status).to_have_text("")


def test_who_waits_reads_the_place_in_the_queue_as_it_moves_and_others_read_nothing_of_it(page: Page) -> None:
    page.goto("/chat")
    ask(page, "queue for me")
    status = page.locator("#progress")
    expect(status).to_have_text("Many people are writing just now. You are number 3.")
    expect(status).to_have_attribute("role", "status")
    shot(page, "chat-queued")
    expect(status).to_have_text("Many people are writing just now. You are number 2.")
    expect(page.locator(".turn-assistant")).to_contain_text("Open Settings and choose Members.")
    expect(status).to_have_text("")


def test_yes_is_recorded_and_the_conversation_may_be_rated(page: Page) -> None:
    page.goto("/chat")
    ask(page, "How do I invite?")
    with page.expect_response("**/feedback") as said:
        page.get_by_role("button", name="Yes", exact=True).click()
    assert said.value.request.post_data_json == {"resolved": True}
    with page.expect_response("**/feedback") as rated:
        page.get_by_role("button", name="4, good").click()
    assert rated.value.request.post_data_json == {"csat": 4}
    expect(page.get_by_text("Thank you.")).to_be_visible()


def test_no_offers_a_person_who_then_has_the_conversation(page: Page) -> None:
    page.goto("/chat")
    ask(page, "How do I invite?")
    page.get_by_role("button", name="No", exact=True).click()
    page.locator(".ask").get_by_role("button", name="Talk to a person").click()
    expect(page.get_by_text("A person has your ticket.")).to_be_visible()
    expect(page.locator("#presence")).to_have_text("With our support team")
    expect(page.locator("#person")).to_be_hidden()
    shot(page, "chat-handed-over")
    ask(page, "Here is more detail.")
    expect(page.get_by_text("Added to your ticket for our team.")).to_be_visible()
    expect(page.locator(".turn-assistant")).to_have_count(2)


def test_what_a_colleague_writes_arrives_as_text(page: Page) -> None:
    page.goto("/chat")
    ask(page, "a person, a colleague please")
    expect(page.locator(".turn-agent")).to_contain_text("Hello, this is Mara. <img src=x")
    expect(page.locator(".turn-agent .turn-who")).to_have_text("Tallybird support")


def test_everything_can_be_done_from_the_keyboard(page: Page) -> None:
    page.goto("/chat")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("How do I invite?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Second line")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    expect(page.get_by_label("Your message")).to_be_focused()
    expect(page.locator(".turn-customer")).to_contain_text("How do I invite?\nSecond line")
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Yes", exact=True)).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    expect(page.get_by_text("Good to hear. How was this conversation?")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="1, very poor")).to_be_focused()


def test_names_and_roles_for_screen_readers(page: Page) -> None:
    page.goto("/chat")
    ask(page, "How do I invite?")
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    expect(page.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "polite")
    expect(page.get_by_role("group", name="Did this solve it?")).to_be_visible()
    tree = page.locator("body").aria_snapshot()
    for part in (
        'heading "Tallybird support" [level=1]',
        'textbox "Your message"',
        'button "Send"',
        'button "Talk to a person"',
        'button "Start a new conversation"',
        'link "Source 1"',
        'heading "Automated assistant" [level=3]',
    ):
        assert part in tree


def test_a_reload_shows_the_conversation_again(page: Page) -> None:
    page.goto("/chat")
    ask(page, "How do I invite?")
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    page.reload()
    expect(page.locator(".turn-customer")).to_contain_text("How do I invite?")
    expect(page.locator(".turn-assistant")).to_contain_text("Then press Invite.")
    expect(page.get_by_role("link", name="Invite members to a workspace")).to_be_visible()
    expect(page.locator(".turn-assistant .bubble")).not_to_contain_text("More in")  # the sources say it


def test_a_reload_in_the_middle_goes_on_with_the_run(page: Page) -> None:
    page.goto("/chat")
    ask(page, "slow question")
    expect(page.locator("#progress")).to_have_text("Looking in the help centre…")
    page.reload()
    expect(page.locator(".turn-assistant")).to_have_count(1)
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    expect(page.locator(".turn-customer")).to_have_count(1)


def test_a_new_conversation_forgets_the_old_one(page: Page) -> None:
    page.goto("/chat")
    ask(page, "How do I invite?")
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    page.get_by_role("button", name="Start a new conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0


def test_a_broken_connection_keeps_the_text_and_can_be_tried_again(page: Page) -> None:
    page.goto("/chat")
    page.route("**/api/conversations", cut_off)
    ask(page, "How do I invite?")
    failed = page.locator(".turn-failed")
    expect(failed).to_contain_text("How do I invite?")
    expect(failed).to_contain_text("Not sent. We could not reach the server.")
    shot(page, "chat-not-sent")
    page.unroute("**/api/conversations")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn-assistant")).to_contain_text("Then press Invite.")
    expect(page.locator(".turn-failed")).to_have_count(0)
    expect(page.locator(".turn-customer")).to_have_count(1)


def test_a_run_that_fails_halfway_can_be_tried_again_without_repeats(page: Page) -> None:
    page.goto("/chat")
    ask(page, "cut: How do I invite?")
    expect(page.locator(".turn-failed")).to_contain_text("Something went wrong on our side.")
    expect(page.locator(".turn-assistant")).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn-assistant p").first).to_have_text(
        "Open Settings and choose Members.1 Then press Invite.1"
    )
    expect(page.locator(".turn")).to_have_count(2)


def test_a_connection_lost_in_the_middle_resumes_after_the_last_event(page: Page) -> None:
    page.goto("/chat")
    ask(page, "slow question")
    expect(page.locator("#progress")).to_have_text("Looking in the help centre…")
    followed: list[str] = []
    page.on(
        "request",
        lambda request: (
            followed.append(request.headers.get("last-event-id", "")) if request.url.endswith("/events") else None
        ),
    )
    page.evaluate("window.stop()")
    expect(page.locator(".turn-assistant p").first).to_have_text(
        "Open Settings and choose Members.1 Then press Invite.1"
    )
    assert followed
    assert followed[0].startswith("1.")
    expect(page.get_by_text("Did this solve it?")).to_be_visible()


def test_a_refused_message_goes_back_into_the_field(page: Page, server: ServerProcess) -> None:
    page.goto("/chat")
    page.evaluate("document.body.dataset.maxChars = '999999'")
    page.get_by_label("Your message").fill("y" * 1995)
    expect(page.locator("#counter")).to_have_text("5 left")
    page.get_by_label("Your message").fill("y" * 2001)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("1 characters too long")
    expect(page.get_by_label("Your message")).to_have_value("y" * 2001)
    page.get_by_label("Your message").fill("busy now")
    page.keyboard.press("Enter")
    expect(page.locator(".turn-failed")).to_contain_text("Please try again in 7 s.")


def test_a_conversation_that_the_server_forgot_begins_anew(page: Page) -> None:
    page.goto("/chat")
    page.evaluate("sessionStorage.setItem('support-chat', JSON.stringify({id: 'gone', token: 'gone'}))")
    page.reload()
    ask(page, "How do I invite?")
    expect(page.locator(".turn-assistant")).to_contain_text("Then press Invite.")
