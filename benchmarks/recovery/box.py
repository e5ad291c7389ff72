"""One appliance process that can be killed: started with a crash point or none, on a data directory and a database that outlive it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_READY_S = 120.0
_ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass
class Box:
    """A replica: its data directory holds ``appliance.toml``."""

    data: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0
    ready_s: list[float] = field(default_factory=list)
    """From each start to the first 200 of /readyz."""

    def start(self, crash_at: str = "", *, wait: bool = True) -> bool:
        """False when it died before it was ready, as a crash point may make it."""
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {"PYTHONPATH": str(_ROOT), "APPLIANCE_LOG": "WARNING"}
        environment.pop("APPLIANCE_CRASH_AT", None)
        if crash_at:
            environment["APPLIANCE_CRASH_AT"] = crash_at
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "appliance",
            "up",
            "--data",
            str(self.data),
            "--port",
            str(self.port),
        ]
        with (self.data / "server.log").open("ab") as log:
            began = time.perf_counter()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        if not wait or not self._ready(began):
            return not self.dead
        self.ready_s.append(round(time.perf_counter() - began, 2))
        return True

    @property
    def dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def crashed(self, patience_s: float) -> bool:
        """Wait until it has killed itself."""
        end = time.monotonic() + patience_s
        while not self.dead and time.monotonic() < end:
            time.sleep(0.02)
        if self.dead:
            self.kills += 1
        return self.dead

    def kill(self) -> None:
        """As a power cut ends a process: at once."""
        if not self.dead:
            assert self.process is not None
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.kills += 1

    def stop(self) -> None:
        if not self.dead:
            assert self.process is not None
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def log(self) -> str:
        return (self.data / "server.log").read_text("utf-8", "replace")

    def _ready(self, began: float) -> bool:
        while time.perf_counter() - began < _READY_S:
            if self.dead:
                return False
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return True
            except (OSError, HTTPException):
                pass  # not listening yet, or just dead
            finally:
                connection.close()
            time.sleep(0.02)
        raise SystemExit(f"The appliance was not ready within {_READY_S:.0f} s:\n{self.log[-3000:]}")
