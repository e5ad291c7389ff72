"""Small screens, light and dark, contrast, and pages that hold nothing but themselves."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from web_fixtures import HostSite, ServerProcess, no_sideways_scroll, shot

pytestmark = pytest.mark.browser


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_works_at_360_pixels(browser: Browser, server: ServerProcess, scheme: str) -> None:
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": 360, "height": 640},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/chat")
    ask(page, "How do I invite " + "averylongwordwithoutspaces" * 8)
    expect(page.get_by_text("Did this solve it?")).to_be_visible()
    page.get_by_text("Show the passage").click()
    assert no_sideways_scroll(page)
    shot(page, f"chat-360-{scheme}")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(245, 246, 248)", "dark": "rgb(17, 19, 24)"}[scheme]
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/chat", "/contact", "/help/invite"])
def test_text_has_enough_contrast(browser: Browser, server: ServerProcess, scheme: str, path: str) -> None:
    context = browser.new_context(base_url=server.url, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(path)
    if path == "/chat":
        ask(page, "How do I invite?")
        expect(page.get_by_text("Did this solve it?")).to_be_visible()
    weak = page.evaluate(CONTRAST)
    context.close()
    assert weak == []


def test_pages_name_no_other_host_and_hold_no_inline_code(server: ServerProcess, host_site: HostSite) -> None:
    for path in ("/chat", "/embed", "/contact", "/nothing"):
        text = httpx.get(f"{server.url}{path}", headers={"Accept": "text/html"}, trust_env=False).text
        assert "://" not in text.replace(host_site.origin, "").replace(server.url, "")
        assert "<script>" not in text
        assert "style=" not in text


CONTRAST = """() => {
  const parse = (color) => { const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number); return {r, g, b, a}; };
  const light = ({r, g, b}) => {
    const [x, y, z] = [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor); if (c.a === 1) return c; } return parse("rgb(255, 255, 255)"); };
  const weak = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((p, q) => q - p);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) weak.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""
