"""What happens in the box, in order, and what the sinkhole must and must not see of each part."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.egress_proof import control
from deploy.egress_proof.events import Seen

Sign = Callable[[Seen], bool]
ONNXRUNTIME_S = 20
_UNSILENCED = (
    f"import os, time, onnxruntime; assert 'ORT_DISABLE_TELEMETRY' not in os.environ; time.sleep({ONNXRUNTIME_S})"
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """``signs`` are what a control must show; a chapter without them must show nothing at all."""

    name: str
    argv: list[str | Path]
    signs: dict[str, Sign]


def chapters(work: Path, wheels: Path, steps: Path, vllm: Path | None) -> list[Chapter]:
    """Controls stand on both sides of the story, so that a sinkhole that went blind meanwhile shows.

    A hosted model that policy allows is another chapter, whose signs are the hosts that the ledger names and no other.
    """
    module = [sys.executable, "-m"]
    given: list[str | Path] = ["--work", work, "--steps", steps]
    found = [
        Chapter("control: on purpose", [*module, "deploy.egress_proof.control"], _on_purpose()),
        Chapter("story", [*module, "deploy.egress_proof.story", *given, "--wheels", wheels], {}),
    ]
    if vllm:
        found.append(Chapter("story with vLLM", [*module, "deploy.egress_proof.with_vllm", *given, "--vllm", vllm], {}))
    unsilenced: list[str | Path] = [work / "venv/bin/python", "-c", _UNSILENCED]
    return [
        *found,
        Chapter("control: onnxruntime without its switch", unsilenced, {"names or connections": _spoke}),
        Chapter("control: on purpose, once more", [*module, "deploy.egress_proof.control"], _on_purpose()),
    ]


def _on_purpose() -> dict[str, Sign]:
    name = control.NAME
    return {
        "a name by UDP": lambda seen: any(asked == name for asked, _ in seen.names),
        "a name by TCP": lambda seen: (f"tcp.{name}", "A") in seen.names,
        "a TLS connection and its server name": lambda seen: any(
            wanted == f"tls {name}" for _, _, wanted in seen.connections
        ),
        "an HTTP connection to an address": lambda seen: (*control.TCP, f"http {name}") in seen.connections,
        "an IPv6 connection": lambda seen: (*control.TCP6, f"http {name}") in seen.connections,
        "a UDP packet": lambda seen: ("udp", *control.UDP) in seen.packets,
        "a ping": lambda seen: ("icmp", control.PING, 0) in seen.packets,
        "the packets of each connection": lambda seen: (
            bool(seen.connections)
            and all(("tcp", address, port) in seen.packets for address, port, _ in seen.connections)
        ),
    }


def _spoke(seen: Seen) -> bool:
    return bool(seen.names and seen.connections)
