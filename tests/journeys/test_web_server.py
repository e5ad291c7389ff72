"""The process: how it starts, refuses and stops."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import httpx
import pytest
from web_fixtures import free_port, start_scripted

from appliance.errors import ConfigInvalid
from appliance.web.server import check_address


def test_a_port_in_use_is_named_with_a_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigInvalid, match=rf"Port {port} on 127\.0\.0\.1 is in use.*--port"):
            check_address("127.0.0.1", port)


def test_two_servers_never_share_a_port(tmp_path: Path) -> None:
    first = start_scripted(tmp_path / "log")
    try:
        with pytest.raises(ConfigInvalid, match="in use"):
            check_address("127.0.0.1", first.port)
    finally:
        assert first.stop() == 0


@pytest.mark.parametrize("host", ["203.0.113.7", "x" * 64])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"not an address of this machine\..*--host"):
        check_address(host, free_port())


def test_stop_finishes_answers_ends_streams_and_leaves_no_trace(tmp_path: Path) -> None:
    server = start_scripted(tmp_path / "log")
    with httpx.Client(base_url=server.url, timeout=20.0, trust_env=False) as client:
        opened = client.post("/api/conversations", json={"channel": "chat"}).json()
        path, headers = f"/api/conversations/{opened['id']}", {"Authorization": f"Bearer {opened['token']}"}
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(client.post(f"{path}/messages", json={"text": "slow, please"}, headers=headers))

        with client.stream("GET", f"{path}/events", headers=headers) as events:
            lines = events.iter_lines()
            asking = threading.Thread(target=ask)
            asking.start()
            while not next(lines).startswith("event: stage"):
                pass
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            assert ": closing, please come back" in list(lines)
        asking.join()
        stopping.join()
    assert server.process.returncode == 0
    assert answers[0].json()["outcome"] == "answered"
    assert "Traceback" not in server.output


def test_nothing_but_the_announcement_is_printed(tmp_path: Path) -> None:
    server = start_scripted(tmp_path / "log")
    httpx.get(f"{server.url}/chat", trust_env=False)
    with contextlib.suppress(httpx.TransportError):
        httpx.get(f"{server.url}/api/nothing", trust_env=False)
    server.stop()
    assert server.output == f"{server.url}\n"
