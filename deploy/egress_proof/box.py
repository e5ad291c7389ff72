"""Two network namespaces and the link between them: ``box``, which has no other way out, and the sinkhole's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.egress_proof import events, sinkhole

ROOT = Path(__file__).resolve().parents[2]
BOX_V4, SINK_V4 = "192.0.2.2", "192.0.2.1"
BOX_V6, SINK_V6 = "2001:db8:e9::2", "2001:db8:e9::1"
BOX_MAC, SINK_MAC = "02:00:00:00:00:02", "02:00:00:00:00:01"
_READY_S = 15.0
_REDIRECT = f"""
table inet sinkhole {{
    chain arriving {{
        type nat hook prerouting priority dstnat;
        udp dport 53 redirect to :{sinkhole.DNS_PORT}
        tcp dport 53 redirect to :{sinkhole.DNS_PORT}
        meta l4proto tcp redirect to :{sinkhole.TCP_PORT}
    }}
}}
"""


class NotPossible(Exception):
    """This machine does not let us make the namespaces: there is no proof, and the message says why."""


def needed() -> None:
    """Raises ``NotPossible``."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NotPossible("Network namespaces need Linux and root. Run it as root.")
    if missing := [tool for tool in ("ip", "nft") if shutil.which(tool) is None]:
        raise NotPossible(f"Not installed: {', '.join(missing)}. As root: deploy/dev/setup.sh egress")


class Box:
    """The namespaces while it is entered. Everything is gone afterwards, whatever happened inside."""

    def __init__(self, work: Path) -> None:
        number = os.getpid()
        self.name, self._sink = f"egress-box-{number}", f"egress-sink-{number}"
        self._ends = (f"egb{number}", f"egs{number}")  # at most 15 characters; process ids have at most 7
        self._etc = Path("/etc/netns") / self.name
        self._work = work
        self.events = work / "sinkhole.jsonl"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._remove()

    def inside(self, argv: Sequence[str | Path]) -> list[str]:
        """``argv`` in an environment that holds nothing of ours: no CI, no proxy, no switch, an empty home."""
        home = self._work / "home"
        home.mkdir(exist_ok=True)
        clean = [f"HOME={home}", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        return ["ip", "netns", "exec", self.name, "env", "-i", *clean, *map(str, argv)]

    def settle(self, patience_s: float) -> list[str]:
        """Wait until nothing runs in the box any more; what still does after ``patience_s`` is ended and named."""
        deadline = time.monotonic() + patience_s
        while (running := self._running()) and time.monotonic() < deadline:
            time.sleep(0.2)
        names = [Path(f"/proc/{number}/comm").read_text("utf-8").strip() for number in running if _alive(number)]
        for number in running:
            with _gone():
                os.kill(number, signal.SIGKILL)
        time.sleep(1.0)  # what is on the link arrives
        return names

    def stop(self) -> None:
        """End the sinkhole in order, so that its last line is written."""
        if self._server:
            self._server.terminate()
            self._server.wait(timeout=_READY_S)
            self._server = None

    def _running(self) -> list[int]:
        return [int(number) for number in _said("ip", "netns", "pids", self.name).split()]

    def _make(self) -> None:
        box, sink = self._ends
        self._etc.mkdir(parents=True)
        (self._etc / "resolv.conf").write_text(f"nameserver {SINK_V4}\nnameserver {SINK_V6}\noptions timeout:2\n")
        (self._etc / "nsswitch.conf").write_text(
            "passwd: files\ngroup: files\nhosts: files dns\n"
        )  # no resolver's socket
        for name in (self.name, self._sink):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "link", "add", box, "netns", self.name, "address", BOX_MAC, "type", "veth",
             "peer", "name", sink, "netns", self._sink, "address", SINK_MAC)  # fmt: skip
        for name, link, v4, v6, peer_v4, peer_v6, peer_mac in (
            (self.name, box, BOX_V4, BOX_V6, SINK_V4, SINK_V6, SINK_MAC),
            (self._sink, sink, SINK_V4, SINK_V6, BOX_V4, BOX_V6, BOX_MAC),
        ):
            _run("ip", "-n", name, "address", "add", f"{v4}/30", "dev", link)
            _run("ip", "-n", name, "address", "add", f"{v6}/64", "dev", link, "nodad")
            _run("ip", "-n", name, "link", "set", link, "up")
            for peer in (peer_v4, peer_v6):
                _run("ip", "-n", name, "neigh", "replace", peer, "lladdr", peer_mac, "dev", link, "nud", "permanent")
        _run("ip", "-n", self.name, "route", "add", "default", "via", SINK_V4)
        _run("ip", "-n", self.name, "-6", "route", "add", "default", "via", SINK_V6)
        _run("ip", "netns", "exec", self._sink, "nft", "-f", "-", given=_REDIRECT)

    def _start(self) -> None:
        argv = [sys.executable, "-m", "deploy.egress_proof.sinkhole", "--interface", self._ends[1],
                "--v4", SINK_V4, "--v6", SINK_V6, "--events", str(self.events)]  # fmt: skip
        self._server = subprocess.Popen(["ip", "netns", "exec", self._sink, *argv], cwd=ROOT)
        deadline = time.monotonic() + _READY_S
        while not any(event["event"] == sinkhole.READY for event in events.read(self.events)):
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise NotPossible("The sinkhole did not start; its message stands above.")
            time.sleep(0.1)

    def _remove(self) -> None:
        if self._server and self._server.poll() is None:
            self._server.kill()
            self._server.wait()
        for name in (self.name, self._sink):
            for number in _said("ip", "netns", "pids", name).split():
                with _gone():
                    os.kill(int(number), signal.SIGKILL)
            subprocess.run(
                ["ip", "netns", "delete", name], capture_output=True, check=False
            )  # may never have been made
        shutil.rmtree(self._etc, ignore_errors=True)


@contextmanager
def _gone() -> Iterator[None]:
    """A process may end by itself before it is ended."""
    try:
        yield
    except ProcessLookupError:
        return


def _alive(number: int) -> bool:
    return Path(f"/proc/{number}/comm").exists()


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def _run(*argv: str, given: str | None = None) -> None:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPossible(
            f"'{' '.join(argv)}' failed: {done.stderr.strip()}. Network namespaces and nftables must be allowed here."
        )
