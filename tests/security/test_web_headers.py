"""Headers of every kind of answer."""

from __future__ import annotations

import httpx
import pytest
from web_fixtures import HostSite, Visitor

EVERY_KIND = [
    "/chat",
    "/embed",
    "/contact",
    "/widget.js",
    "/healthz",
    "/metrics",
    "/api/openapi.json",
    "/api/nothing",
    "/nothing",
    "/favicon.ico",
]


@pytest.mark.parametrize("path", EVERY_KIND)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_every_answer_carries_the_security_headers(client: httpx.Client, path: str, accept: str) -> None:
    headers = client.get(path, headers={"Accept": accept}).headers
    policy = headers["content-security-policy"]
    for directive in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    ):
        assert directive in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_only_the_panel_may_be_framed_and_only_by_the_list(client: httpx.Client, host_site: HostSite) -> None:
    panel = client.get("/embed").headers
    assert panel["content-security-policy"].endswith(f"frame-ancestors 'self' {host_site.origin}")
    assert "x-frame-options" not in panel
    for path in ("/chat", "/contact", "/widget.js", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].endswith("frame-ancestors 'none'")
        assert headers["x-frame-options"] == "DENY"


def test_only_the_widget_and_the_panel_may_be_loaded_by_other_origins(client: httpx.Client) -> None:
    assert client.get("/widget.js").headers["cross-origin-resource-policy"] == "cross-origin"
    assert client.get("/embed").headers["cross-origin-resource-policy"] == "cross-origin"
    assert client.get("/chat").headers["cross-origin-resource-policy"] == "same-origin"


def test_the_api_sets_no_cookies_and_is_never_stored(visitor: Visitor) -> None:
    for answer in (visitor.client.get(visitor.path, headers=visitor.headers), visitor.say("how do I invite")):
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


def test_errors_of_the_outermost_layer_carry_the_headers_too(client: httpx.Client) -> None:
    answer = client.get("/chat", headers={"X-Big": "x" * 40_000})
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")
    assert "content-security-policy" in answer.headers


def test_no_cors_is_granted_to_anybody(client: httpx.Client) -> None:
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = client.options("/api/conversations", headers=asked)
    assert not any(name.startswith("access-control") for name in answer.headers)
