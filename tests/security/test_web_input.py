"""What comes in: sizes, speed, types of body, forms of other sites, headers of proxies."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from web_fixtures import ServerProcess, Visitor, form_token

from appliance.line.admission import Admission
from appliance.web.headers import page_headers
from appliance.web.shield import Shield
from appliance.web.stream import Streams
from appliance.web.traffic import Traffic

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OWN = {**FORM, "Sec-Fetch-Site": "same-origin"}


def form(client: httpx.Client, body: bytes = b"message=hello") -> bytes:
    """As the page sends it, with the word that was in it."""
    return body + b"&form=" + form_token(client).encode()


def test_a_body_above_the_limit_is_refused_before_it_is_read(client: httpx.Client) -> None:
    answer = client.post("/api/conversations", json={"message": "x" * 300_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "input_too_large")


def test_a_chunked_body_above_the_limit_is_refused(client: httpx.Client) -> None:
    chunks = iter([b'{"message": "'] + [b"x" * 65_536] * 6 + [b'"}'])
    answer = client.post("/api/conversations", content=chunks, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "input_too_large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_the_api_takes_json_only_so_that_foreign_pages_must_ask_first(visitor: Visitor, kind: str) -> None:
    headers = {**visitor.headers, "Content-Type": kind}
    answer = visitor.client.post(f"{visitor.path}/messages", content=b'{"text":"hi"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
    ],
)
def test_forms_of_other_sites_are_refused(client: httpx.Client, server: ServerProcess, headers: dict[str, str]) -> None:
    sent = {name: server.url if value == "OWN" else value for name, value in headers.items()}
    answer = client.post("/contact", content=b"message=hello", headers={**FORM, **sent})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "set-cookie" not in answer.headers


def test_our_own_form_is_accepted_by_fetch_metadata_or_by_origin(client: httpx.Client, server: ServerProcess) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": server.url}):
        answer = client.post("/contact", content=form(client), headers={**FORM, **headers})
        assert answer.status_code == 303


def test_the_ticket_cookie_is_bound_to_its_ticket_and_out_of_reach_of_scripts(client: httpx.Client) -> None:
    answer = client.post("/contact", content=form(client), headers=OWN)
    cookie = answer.headers["set-cookie"]
    assert f"Path={answer.headers['location']}" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    secure = client.post("/contact", content=form(client), headers={**OWN, "Origin": "https://help.example"})
    assert secure.headers["set-cookie"].startswith("__Secure-ticket=")
    assert "Secure" in secure.headers["set-cookie"]


def test_a_ticket_is_shown_to_its_own_browser_only(client: httpx.Client) -> None:
    location = client.post("/contact", content=form(client), headers=OWN).headers["location"]
    client.cookies.clear()
    assert client.get(location).status_code == 404
    assert client.get(location, headers={"Cookie": "ticket=wrong"}).status_code == 404


def test_a_filled_trap_stores_nothing_and_keeps_the_text(client: httpx.Client) -> None:
    answer = client.post("/contact", content=form(client, b"message=keep+this&website=spam"), headers=OWN)
    assert answer.status_code == 400
    assert "keep this" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"message=", 400),
        (b"message=busy+kept", 503),
        (b"message=hi&email=not-an-address", 400),
        (b"message=hi&name=" + b"x" * 201, 400),
        (b"message=hi&subject=" + b"x" * 201, 400),
        (b"message=" + b"x" * 2001, 413),
    ],
)
def test_a_form_that_cannot_be_used_comes_back_with_its_text(client: httpx.Client, body: bytes, status: int) -> None:
    answer = client.post("/contact", content=form(client, body), headers=OWN)
    assert answer.status_code == status
    assert "Your message was not sent." in answer.text
    assert body.partition(b"=")[2].partition(b"&")[0].decode().replace("+", " ") in answer.text


@pytest.mark.parametrize("body", [b"&".join(b"a%d=1" % n for n in range(50)), b"message=%ff%fe", b"\xff\xfe"])
def test_a_form_that_no_browser_sends_is_refused(client: httpx.Client, body: bytes) -> None:
    assert client.post("/contact", content=body, headers=OWN).status_code == 400


def test_a_form_of_any_number_of_parts_is_refused(client: httpx.Client) -> None:
    # CVE-2024-52581: Litestar's multipart parser took any number of parts
    parts = (
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(2000))
        + b"--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/contact", content=parts, headers=headers).status_code == 413


def test_headers_of_proxies_change_nothing(client: httpx.Client) -> None:
    # CVE-2025-59152, PYSEC-2026-2603: X-Forwarded-* was believed from anybody
    lies = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    plain, lied = client.get("/"), client.get("/", headers=lies)
    assert lied.headers["location"] == plain.headers["location"] == "/chat"
    refused = client.post("/contact", content=b"message=hi", headers={**FORM, **lies, "Origin": "https://evil.example"})
    assert refused.status_code == 403


def test_a_malformed_host_is_refused(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"GET /chat HTTP/1.1\r\nHost: a b<script>\r\nConnection: close\r\n\r\n")
        assert b" 400 " in raw.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/../app.py",
        "/static/x/..%2f..%2fapp.py",
        "/static/x/%2e%2e/pages.py",
        "/static/x//etc/passwd",
        "/static/../../etc/passwd",
    ],
)
def test_static_addresses_cannot_leave_the_folder(server: ServerProcess, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 404")


def test_a_language_of_two_requests_in_one_is_not_understood(server: ServerProcess) -> None:
    smuggled = b"POST /api/conversations HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(smuggled)
        raw.settimeout(1.0)
        assert b'{"status":"ok"}' not in raw.recv(8192)


async def test_a_body_that_never_ends_is_told_to_stop() -> None:
    sent: list[Any] = []

    async def reads_the_body(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def one_byte_and_silence() -> Any:
        if sent:
            await asyncio.Event().wait()
        sent.append("asked")
        return {"type": "http.request", "body": b"x", "more_body": True}

    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    traffic = Traffic(CollectorRegistry(), Streams())
    shield = Shield(reads_the_body, traffic, page_headers(), {}, Admission(8, each=8), body_timeout_s=0.02)
    scope = {"type": "http", "method": "POST", "path": "/api/conversations", "headers": []}
    await shield(scope, one_byte_and_silence, send)  # type: ignore[arg-type]
    assert answers[0]["status"] == 408
