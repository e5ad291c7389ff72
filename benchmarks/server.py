"""A real server process on a loopback port: started, asked, weighed, and stopped by its process id."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

_READY_S = 180.0
_STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running appliance. ``ready_s``: from its start to the first 200 of /readyz."""

    port: int
    pid: int
    ready_s: float

    def memory_mib(self) -> dict[str, float]:
        """Resident now, and at its highest."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        kib = {name: int(value) for name, value in re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", status, re.M)}
        return {"now": round(kib["VmRSS"] / 1024, 1), "highest": round(kib["VmHWM"] / 1024, 1)}


class Client:
    """One visitor with one kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, question: str) -> tuple[str, float]:
        """(outcome, or the status as text when it was refused; seconds from the question to the whole reply)."""
        status, opened = self._post("/api/conversations", {"channel": "chat"})
        if status != 201:
            return str(status), 0.0
        began = time.perf_counter()
        status, reply = self._post(f"/api/conversations/{opened['id']}/messages", {"text": question}, opened["token"])
        took = time.perf_counter() - began
        return (str(reply["outcome"]) if status == 200 else str(status)), took

    def close(self) -> None:
        self._connection.close()

    def _post(self, path: str, document: dict[str, Any], token: str = "") -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._connection.request("POST", path, json.dumps(document), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())


@contextmanager
def serving(data: Path, profile: Path) -> Iterator[Server]:
    """``appliance up`` on ``data``; its log is ``server.log`` there. All load comes from one address, so openings have no limit unless the folder has settings."""
    if not (data / "appliance.toml").exists():
        (data / "appliance.toml").write_text("[openings]\nper_client = 0\ntotal = 0\n", "utf-8")
    port = _free_port()
    command = [sys.executable, "-c", "from appliance.cli.main import run; run()", "up"]
    command += ["--data", str(data), "--profile", str(profile), "--port", str(port)]
    with (data / "server.log").open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=Path(__file__).parent.parent, env=_environment()
        )
        try:
            ready_s = _ready(process, port, began, data / "server.log")
            yield Server(port, process.pid, round(ready_s, 2))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _ready(process: subprocess.Popen[bytes], port: int, began: float, log: Path) -> float:
    while time.perf_counter() - began < _READY_S:
        if process.poll() is not None:
            raise SystemExit(f"The server ended with {process.returncode}:\n{log.read_text('utf-8')[-2_000:]}")
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.perf_counter() - began
        except (OSError, HTTPException):
            pass  # not listening yet
        finally:
            connection.close()
        time.sleep(0.02)
    raise SystemExit(f"The server was not ready within {_READY_S:.0f} s:\n{log.read_text('utf-8')[-2_000:]}")
