"""``appliance up`` in the background of a story: started, killed, started again, ended in order."""

from __future__ import annotations

import signal
import subprocess
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from deploy.egress_proof.steps import Failed

HOST, PORT = "127.0.0.1", 8080
_READY_S = 120.0
_END_S = 60.0


class Server:
    """``argv`` is the whole command; what it says goes to ``log``."""

    def __init__(self, argv: list[str | Path], work: Path, log: Path) -> None:
        self._argv, self._work, self._log = [str(word) for word in argv], work, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._argv, cwd=self._work, stdout=log, stderr=log)
        while not _ready():
            if self._process.poll() is not None:
                raise Failed(f"ended with {self._process.returncode}: {self._log.read_text('utf-8')[-500:]}")
            if time.monotonic() - began > _READY_S:
                raise Failed(f"not ready within {_READY_S:.0f} s")
            time.sleep(0.2)
        return f"ready after {time.monotonic() - began:.1f} s"

    def kill(self) -> str:
        """As a power cut would."""
        self._signal(signal.SIGKILL)
        return "killed"

    def stop(self) -> str:
        code = self._signal(signal.SIGTERM)
        if code != 0:
            raise Failed(f"ended with {code}")
        return "ended with 0"

    def _signal(self, number: signal.Signals) -> int:
        if self._process is None:
            raise Failed("it does not run")
        self._process.send_signal(number)
        code = self._process.wait(timeout=_END_S)
        self._process = None
        return code


def _ready() -> bool:
    connection = HTTPConnection(HOST, PORT, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
