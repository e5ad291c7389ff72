"""A page of another origin vouches for its visitor: the widget, the chat and the API together, on the appliance with stand-in models."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect
from web_fixtures import HostSite, ServerProcess, free_port, shot, watch

SECRET = "the-host-page-and-the-appliance-share-this-0001"


def signed(id: str, *, secret: str = SECRET, lasts_s: int = 600, **more: object) -> str:
    payload = {"id": id, "expires": int(time.time()) + lasts_s, **more}
    head = "v1." + base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"{head}.{hmac.new(secret.encode(), head.encode(), hashlib.sha256).hexdigest()}"


@dataclass
class Site:
    """The appliance, and a shop on another origin whose pages embed its chat."""

    server: ServerProcess
    host: HostSite

    def page(self, name: str, identity: str | None, *, script: str = "") -> str:
        said = "" if identity is None else f' data-identity="{identity}"'
        (self.host.folder / name).write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">'
            f'<script src="{self.server.url}/widget.js" defer></script></head>'
            f'<body><h1>Shop</h1><support-chat label="Support"{said}></support-chat>{script}</body></html>'
        )
        return f"{self.host.origin}/{name}"

    def mine(self, id: str) -> list[dict[str, str]]:
        answer = httpx.get(
            f"{self.server.url}/api/customers/me/conversations",
            headers={"Support-Identity": signed(id)},
            trust_env=False,
        )
        return list(answer.json()["conversations"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, host_site: HostSite) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("identity")
    (folder / "secret").write_text(SECRET)
    (folder / "appliance.toml").write_text(
        f'[server]\nallowed_embed_origins = ["{host_site.origin}"]\n[models]\nstand_in = true\n'
        f'[identity]\nmode = "hmac"\nsecret_file = "{folder / "secret"}"\n'
    )
    port = free_port()
    command = [sys.executable, "-m", "appliance", "up", "--data", str(folder), "--port", str(port)]
    server = ServerProcess(command, port, folder.parent / "identity.log")
    yield Site(server, host_site)
    server.stop()
    for secret in (SECRET, "ann-4711", "ann@shop.example"):
        assert secret not in server.output


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    made.set_default_timeout(30_000)
    yield made
    made.close()


def panel(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Support").click()
    return page.frame_locator("iframe[title='Support chat']")


def opened(page: Page) -> FrameLocator:
    """The panel, when its script has heard the page around it."""
    frame = panel(page)
    expect(frame.get_by_label("Your message")).to_be_focused()
    return frame


def say(frame: FrameLocator, text: str) -> None:
    frame.get_by_label("Your message").fill(text)
    frame.get_by_label("Your message").press("Enter")


@pytest.mark.browser
def test_a_signed_in_visitors_conversation_is_theirs_on_every_device(
    browser: Browser, context: BrowserContext, site: Site
) -> None:
    page = context.new_page()
    seen = watch(page)
    page.goto(site.page("ann.html", signed("ann-4711", name="Ann", email="ann@shop.example", email_verified=True)))
    frame = opened(page)
    say(frame, "I would like to talk to a person.")
    expect(frame.locator("#handover")).to_be_visible()
    assert len(site.mine("ann-4711")) == 1
    assert seen.outside(site.server.url, site.host.origin) == []
    assert seen.violations() == []
    assert not [url for url in seen.requests if "v1." in url]  # an identity stands in no address

    other = browser.new_context(viewport={"width": 420, "height": 800})
    phone = other.new_page()
    phone.goto(site.page("ann-phone.html", signed("ann-4711")))
    frame = opened(phone)
    frame.get_by_role("button", name="Go on with your conversation").click()
    expect(frame.locator(".turn-customer")).to_contain_text("talk to a person")
    shot(phone, "widget-own-conversation")
    say(frame, "It is about invoice 12.")
    expect(frame.get_by_text("Added to your ticket for our team.")).to_be_visible()
    other.close()
    assert len(site.mine("ann-4711")) == 1


@pytest.mark.browser
def test_an_identity_with_a_wrong_signature_is_told_and_nobody_becomes_anonymous(
    context: BrowserContext, site: Site
) -> None:
    page = context.new_page()
    page.goto(site.page("forged.html", signed("ann-4711", secret="x" * 40)))
    frame = opened(page)
    expect(frame.get_by_role("alert").first).to_contain_text("could not confirm who you are")
    say(frame, "How do I invite members?")
    expect(frame.locator(".turn-failed")).to_contain_text("could not confirm who you are")
    expect(frame.locator(".turn-assistant")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize("said", ["not signed!", "{}", "7"])
def test_what_is_no_identity_is_refused_too(context: BrowserContext, site: Site, said: str) -> None:
    page = context.new_page()
    page.goto(site.page("odd.html", None))
    page.evaluate("said => document.querySelector('support-chat').identify(said)", said)
    frame = opened(page)
    say(frame, "How do I invite members?")
    expect(frame.locator(".turn-failed")).to_contain_text("could not confirm who you are")


@pytest.mark.browser
def test_the_next_person_at_the_same_browser_sees_nothing_of_the_one_before(
    context: BrowserContext, site: Site
) -> None:
    page = context.new_page()
    page.goto(site.page("first.html", signed("first")))
    frame = opened(page)
    say(frame, "I would like to talk to a person.")
    expect(frame.locator("#handover")).to_be_visible()
    page.evaluate("said => document.querySelector('support-chat').identify(said)", signed("second"))
    expect(frame.locator(".turn-customer")).to_have_count(0)
    expect(frame.get_by_role("button", name="Go on with your conversation")).to_have_count(0)
    page.goto(site.page("first-again.html", signed("first")))
    frame = opened(page)
    frame.get_by_role("button", name="Go on with your conversation").click()
    expect(frame.locator(".turn-customer")).to_have_count(1)
    page.evaluate("document.querySelector('support-chat').identify(null)")
    expect(frame.locator(".turn-customer")).to_have_count(0)
    say(frame, "Anonymous now.")
    expect(frame.locator(".turn-assistant")).to_have_count(1)
    assert site.mine("second") == []
    assert len(site.mine("first")) == 1


@pytest.mark.browser
def test_the_same_visitor_finds_the_conversation_again_after_a_reload(context: BrowserContext, site: Site) -> None:
    """Browsers may deny a foreign frame every storage, as this one does; the identity alone brings it back."""
    page = context.new_page()
    page.goto(site.page("stay.html", signed("stay")))
    frame = opened(page)
    say(frame, "I would like to talk to a person.")
    expect(frame.locator("#handover")).to_be_visible()
    page.goto(site.page("stay.html", signed("stay")))
    frame = opened(page)
    frame.get_by_role("button", name="Go on with your conversation").click()
    expect(frame.locator(".turn-customer")).to_have_count(1)


@pytest.mark.browser
def test_an_identity_may_be_fetched_and_is_renewed_when_it_has_expired(context: BrowserContext, site: Site) -> None:
    page = context.new_page()
    page.goto(site.page("spa.html", None))
    page.evaluate(
        "said => { let n = 0; document.querySelector('support-chat').identify(async () => said[Math.min(n++, 1)]); }",
        [signed("spa", lasts_s=-60), signed("spa")],
    )
    frame = opened(page)
    say(frame, "I would like to talk to a person.")
    expect(frame.locator(".turn-failed")).to_contain_text("could not confirm who you are")
    frame.get_by_role("button", name="Try again").click()
    expect(frame.locator("#handover")).to_be_visible()
    assert len(site.mine("spa")) == 1


@pytest.mark.browser
def test_a_page_that_cannot_fetch_an_identity_makes_nobody_anonymous(context: BrowserContext, site: Site) -> None:
    page = context.new_page()
    page.goto(site.page("broken.html", None))
    page.evaluate("document.querySelector('support-chat').identify(async () => { throw new Error('500'); })")
    frame = opened(page)
    say(frame, "How do I invite members?")
    expect(frame.locator(".turn-failed")).to_contain_text("could not confirm who you are")


@pytest.mark.browser
def test_an_identity_from_another_window_or_origin_is_not_heard(context: BrowserContext, site: Site) -> None:
    """CVE-2025-12245 of a kindred product: words of any window were taken for the host page's."""
    page = context.new_page()
    page.goto(site.page("evil.html", None))
    frame = opened(page)
    expect(frame.get_by_label("Your message")).to_be_visible()
    evil = signed("ann-4711")
    inner = next(one for one in page.frames if "/embed" in one.url)
    # from the panel's own window (right origin of the appliance, wrong source and origin) and from a sandboxed frame beside it
    inner.evaluate("said => window.postMessage({type: 'support-chat:identity', identity: said}, '*')", evil)
    page.evaluate(
        """said => new Promise(done => {
            const frame = document.createElement('iframe');
            frame.setAttribute('sandbox', 'allow-scripts');
            frame.srcdoc = `<script>parent.frames[0].postMessage({type: 'support-chat:identity', identity: '${said}'}, '*'); parent.postMessage('sent', '*')</` + 'script>';
            addEventListener('message', event => { if (event.data === 'sent') done(); });
            document.body.append(frame);
        })""",
        evil,
    )
    # from the right window in a wrong form
    page.evaluate(
        """said => { const chat = document.querySelector('support-chat').shadowRoot.querySelector('iframe').contentWindow;
            for (const one of [
                {type: 'support-chat:identity', identity: said, extra: 1},
                {type: 'support-chat:identity'},
                ['support-chat:identity', said],
                JSON.stringify({type: 'support-chat:identity', identity: said}),
                Object.assign(new Map(), {type: 'support-chat:identity', identity: said}),
            ]) chat.postMessage(one, '*'); }""",
        evil,
    )
    say(frame, "I would like to talk to a person.")
    expect(frame.locator("#handover")).to_be_visible()
    expect(frame.get_by_role("button", name="Go on with your conversation")).to_have_count(0)
    before = len(site.mine("ann-4711"))
    page.goto("about:blank")
    assert len(site.mine("ann-4711")) == before
    assert before <= 1


@pytest.mark.browser
def test_a_page_that_is_not_listed_gets_no_panel_to_speak_to(context: BrowserContext, site: Site) -> None:
    page = context.new_page()
    seen = watch(page)
    page.goto(site.page("foreign.html", signed("ann-4711")).replace("localhost", "127.0.0.1"))
    expect(panel(page).get_by_label("Your message")).to_have_count(0)
    assert any("frame-ancestors" in text for text in seen.console)
    assert not [url for url in seen.requests if "/api/" in url]


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.server.url, trust_env=False, timeout=30) as made:
        yield made


def test_the_api_takes_an_identity_in_body_or_header(client: httpx.Client, site: Site) -> None:
    said = signed("api", email="api@shop.example", email_verified=True)
    body = client.post("/api/conversations", json={"message": "Hello, how?", "customer": {"identity": said}})
    header = client.post("/api/conversations", json={"message": "Hello?"}, headers={"Support-Identity": said})
    assert (body.status_code, header.status_code) == (201, 201)
    mine = {one["id"] for one in site.mine("api")}
    assert mine == {body.json()["id"], header.json()["id"]}
    assert site.mine("somebody-else") == []


@pytest.mark.parametrize(
    "identity", ["", "x", "v1.e30.00", signed("a", secret="y" * 40), signed("a", lasts_s=-60), signed("", name="x")]
)
@pytest.mark.parametrize("where", ["body", "header"])
def test_an_identity_that_does_not_hold_opens_nothing(client: httpx.Client, identity: str, where: str) -> None:
    body: dict[str, object] = {"message": "Hello?"}
    if where == "body":
        body["customer"] = {"identity": identity}
    headers = {"Support-Identity": identity} if where == "header" else {}
    answer = client.post("/api/conversations", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "identity_invalid")
    assert answer.json()["remedy"]
    assert not identity or identity not in answer.text


def test_a_typed_address_identifies_nobody(client: httpx.Client, site: Site) -> None:
    client.post("/api/conversations", json={"message": "Hi", "customer": {"identity": signed("owner", email="o@x.example", email_verified=True)}})  # fmt: skip
    typed = client.post("/api/conversations", json={"message": "Hi", "customer": {"email": "o@x.example"}})
    assert typed.json()["id"] not in {one["id"] for one in site.mine("owner")}


def test_where_identities_are_off_one_that_is_sent_is_refused(server: ServerProcess) -> None:
    """The scripted server has them off."""
    answer = httpx.post(
        f"{server.url}/api/conversations",
        json={"channel": "chat", "customer": {"identity": signed("ann-4711")}},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "identity_invalid")
    assert "takes none" in answer.json()["detail"]


def test_the_log_and_the_figures_hold_no_identity(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    assert 'appliance_identities_total{outcome="refused"}' in text
    assert "ann-4711" not in text
