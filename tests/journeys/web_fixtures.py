"""Servers and browsers for the tests of the web. Every server is a process of its own, reached over loopback as by a visitor."""

from __future__ import annotations

import functools
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCREENSHOTS = ROOT / "tests" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """A server started by ``command``; ready when it answers on its port."""

    def __init__(self, command: list[str], port: int, log: Path, *, patience_s: float = 120.0) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._log = log
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        self._wait(patience_s)

    @property
    def output(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def _wait(self, patience_s: float) -> None:
        end = time.monotonic() + patience_s
        while time.monotonic() < end and self.process.poll() is None:
            try:
                httpx.get(f"{self.url}/healthz", timeout=2.0)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise AssertionError(f"the server did not start:\n{self.output}")

    def stop(self, *, patience_s: float = 60.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start_scripted(log: Path, *embed_origins: str) -> ServerProcess:
    port = free_port()
    return ServerProcess([sys.executable, str(HERE / "scripted.py"), str(port), *embed_origins], port, log)


@dataclass
class HostSite:
    """A foreign site that embeds the widget; ``folder`` is what it serves."""

    origin: str
    folder: Path

    def page(self, name: str, widget_origin: str, *, policy: str = "") -> str:
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
        (self.folder / name).write_text(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">{meta}<title>Shop</title><link rel="icon" href="data:,">'
            f'<script src="{widget_origin}/widget.js" defer></script></head>'
            f'<body><h1>Shop</h1><a href="#x">A link</a><support-chat label="Support"></support-chat></body></html>'
        )
        return f"{self.origin}/{name}"


@pytest.fixture(scope="session")
def host_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSite]:
    folder = tmp_path_factory.mktemp("host")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield HostSite(f"http://localhost:{server.server_port}", folder)
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, host_site: HostSite) -> Iterator[ServerProcess]:
    """The web in front of scripted replies."""
    started = start_scripted(tmp_path_factory.mktemp("scripted") / "log", host_site.origin)
    yield started
    started.stop()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20.0, trust_env=False) as made:
        yield made


def form_token(client: httpx.Client) -> str:
    """The hidden word of a contact form that is shown now."""
    [token] = re.findall(r'name="form" value="([^"]+)"', client.get("/contact").text)
    return str(token)


@dataclass
class Visitor:
    """A conversation through the API."""

    client: httpx.Client
    id: str
    token: str

    @property
    def path(self) -> str:
        return f"/api/conversations/{self.id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def say(self, text: str, **more: object) -> httpx.Response:
        return self.client.post(f"{self.path}/messages", json={"text": text, **more}, headers=self.headers)


@pytest.fixture
def visitor(client: httpx.Client) -> Visitor:
    opened = client.post("/api/conversations", json={"channel": "chat"}).json()
    return Visitor(client, opened["id"], opened["token"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # a module at a time: Playwright's own event loop must not be running when asynchronous tests of other modules start theirs
    with sync_playwright() as playwright:
        expect.set_options(timeout=20_000)  # a laden machine is slow; nothing is asserted about speed
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_SWITCHES)
        yield started
        started.close()


@dataclass
class Watch:
    """What a page did: addresses it asked for, and what its console said."""

    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def outside(self, *origins: str) -> list[str]:
        return [url for url in self.requests if not url.startswith((*origins, "data:,", "about:"))]

    def violations(self) -> list[str]:
        return [text for text in self.console if "Content Security Policy" in text or "Refused" in text]


def watch(page: Page) -> Watch:
    seen = Watch()

    def on_request(request: Request) -> None:
        seen.requests.append(request.url)

    def on_console(message: ConsoleMessage) -> None:
        seen.console.append(message.text)

    page.on("request", on_request)
    page.on("console", on_console)
    page.on("pageerror", lambda error: seen.console.append(f"pageerror: {error}"))
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    return seen


def shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def no_sideways_scroll(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def cut_off(route: Route) -> None:
    """Let a request fail as if the network were gone."""
    route.abort("connectionreset")
