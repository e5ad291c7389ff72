"""``appliance up`` as an operator meets it: what a failed start uses up, two on one directory, and words instead of tracebacks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from web_fixtures import ROOT, ServerProcess, free_port

TOKEN = "Administrator's token"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    (made / "appliance.toml").write_text("[models]\nstand_in = true\n")
    return made


def command(data: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "appliance", "up", "--data", str(data), "--port", str(port)]


def ended(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_failed_start_does_not_use_up_the_token(data: Path, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        failed = ended(*command(data, other.getsockname()[1]))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "is in use by another program" in failed.stderr
    assert not (data / "appliance.db").exists()
    port = free_port()
    server = ServerProcess(command(data, port), port, tmp_path / "log")
    assert server.stop() == 0
    assert server.output.count(TOKEN) == 1


def test_a_second_one_on_the_same_directory_is_refused_until_the_first_is_killed(data: Path, tmp_path: Path) -> None:
    port = free_port()
    first = ServerProcess(command(data, port), port, tmp_path / "log")
    try:
        second = ended(*command(data, free_port()))
        assert second.returncode == 1
        assert f"Another appliance is serving the data directory {data}." in second.stderr.replace("\n", " ")
        assert "--data" in second.stderr
        asked = ended(sys.executable, "-m", "appliance", "ask", "Hello?", "--data", str(data), "--json")
        assert asked.returncode == 0
    finally:
        first.process.kill()
        first.stop()
    port = free_port()
    third = ServerProcess(command(data, port), port, tmp_path / "log2")
    assert third.stop() == 0


def test_an_unknown_level_of_the_log_is_a_wrong_argument() -> None:
    done = ended(sys.executable, "-m", "appliance", "--version", APPLIANCE_LOG="verbose")
    assert (done.returncode, done.stdout) == (2, "")
    assert "APPLIANCE_LOG" in done.stderr
    assert "Traceback" not in done.stderr
