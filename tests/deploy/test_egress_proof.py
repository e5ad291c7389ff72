"""The proof that nothing leaves: what it counts, when it fails, that its story knows every command. The proof itself is ``make egress-proof``."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer.main

from appliance.cli.main import app
from deploy.egress_proof import box, control, events, report, sinkhole, story
from deploy.egress_proof.chapters import chapters
from deploy.egress_proof.steps import Steps, read

ROOT = Path(__file__).resolve().parents[2]
EMPTY = events.Seen(Counter(), Counter(), Counter())
ONE_PACKET = events.Seen(Counter(), Counter(), Counter({("udp", "203.0.113.1", 123): 1}))
WHOLE = {"ok": True, "frames": 9, "arrived": 9, "lost": 0}
STEP = {"step": "up", "ok": True, "exit": 0, "seconds": 1.0, "said": ""}


def outcome(
    seen: events.Seen = EMPTY, *, code: int = 0, signs: dict[str, bool] | None = None, left: tuple[str, ...] = ()
) -> report.Outcome:
    return report.Outcome("chapter", code, 1.0, seen, signs or {}, list(left))


def result(
    *outcomes: report.Outcome, steps: tuple[dict[str, Any], ...] = (STEP,), capture: dict[str, Any] | None = None
) -> dict[str, Any]:
    return report.document(outcomes, steps, capture or WHOLE)


def test_silence_with_a_control_that_was_seen_is_the_proof() -> None:
    found = result(outcome(), outcome(ONE_PACKET, signs={"a UDP packet": True}))
    assert found["ok"] is True
    assert found["story"] == {"names": 0, "connections": 0, "packets": 0}
    assert report.render(found).endswith("zero egress: proved")
    json.dumps(found)


@pytest.mark.parametrize(
    "found",
    [
        result(outcome(ONE_PACKET)),
        result(outcome(code=1)),
        result(outcome(left=("python3",))),
        result(outcome(), outcome(signs={"a UDP packet": False})),
        result(outcome(signs={"a UDP packet": True})),  # a control alone tells no story
        result(outcome(), steps=()),
        result(outcome(), steps=(STEP, STEP | {"ok": False, "exit": 1})),
        result(outcome(), capture=WHOLE | {"ok": False}),
    ],
)
def test_anything_less_is_none(found: dict[str, Any]) -> None:
    assert found["ok"] is False
    assert report.render(found).endswith("zero egress: NOT PROVED")


@pytest.mark.parametrize(
    ("end", "ok"),
    [
        ({"frames": 5, "arrived": 5, "lost": 0}, True),
        ({"frames": 4, "arrived": 5, "lost": 0}, False),
        ({"frames": 5, "arrived": 5, "lost": 1}, False),
    ],
)
def test_a_capture_that_missed_a_frame_is_no_witness(end: dict[str, int], ok: bool) -> None:
    assert report.whole([{"event": "end", "at": 1.0, **end}])["ok"] is ok


def test_a_sinkhole_that_did_not_end_in_order_is_no_witness() -> None:
    assert report.whole([])["ok"] is False
    assert report.whole([{"event": "ready", "at": 1.0}])["ok"] is False


def test_events_count_in_the_chapter_in_which_they_began(tmp_path: Path) -> None:
    rows = [
        {"event": "name", "at": 1.0, "name": "a.example", "type": "A"},
        {"event": "connection", "at": 2.0, "address": "198.51.100.7", "port": 443, "wanted": "tls a.example"},
        {"event": "packet", "at": 2.5, "protocol": "tcp", "address": "198.51.100.7", "port": 443, "neighbour": False},
        {"event": "packet", "at": 2.6, "protocol": "arp", "address": "", "port": 0, "neighbour": True},
        {"event": "packet", "at": 3.0, "protocol": "udp", "address": "203.0.113.9", "port": 53, "neighbour": False},
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"event": "na')
    written = events.read(file)
    assert written == rows
    found = events.seen(written, 2.0, 3.0)
    assert not found.names
    assert found.connections == {("198.51.100.7", 443, "tls a.example"): 1}
    assert found.packets == {("tcp", "198.51.100.7", 443): 1}
    assert events.seen(written, 2.6, 3.0).nothing


def test_controls_stand_before_and_after_every_story(tmp_path: Path) -> None:
    found = chapters(tmp_path, tmp_path, tmp_path / "steps", tmp_path)
    assert [bool(one.signs) for one in found] == [True, False, False, True, True]
    assert [name for one in found for name, sign in one.signs.items() if sign(EMPTY)] == []


def commands(group: Any, path: tuple[str, ...] = ()) -> list[str]:
    if not hasattr(group, "commands"):
        return [" ".join(path)]
    return [name for child, inner in group.commands.items() for name in commands(inner, (*path, child))]


def test_the_story_knows_every_command() -> None:
    """A new command comes into ``deploy/egress_proof/story.py``, or into its ``LEFT_OUT`` with the reason."""
    text = Path(story.__file__).read_text("utf-8")
    told = {
        " ".join(re.findall(r'"([a-z]+)"', found[1]))
        for found in re.finditer(r'appliance(?:\(|, )((?:"[a-z]+"(?:, |\)))+)', text + 'appliance("kb", "import")')
    }
    everything = commands(typer.main.get_command(app))
    missing = [
        name
        for name in everything
        if not any(f"{one} ".startswith(f"{name} ") for one in told) and name not in story.LEFT_OUT
    ]
    assert missing == []
    assert set(story.LEFT_OUT) <= set(everything)


def test_steps_fail_aloud_and_the_next_ones_still_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps(tmp_path / "steps.jsonl", tmp_path)
    assert steps.run("speaks", sys.executable, "-c", "print('good')") == "good\n"
    assert steps.run("fails", sys.executable, "-c", "import sys; print('half'); sys.exit(3)") == ""
    assert steps.run("is not there", tmp_path / "nowhere") == ""
    assert steps.run("may fail", sys.executable, "-c", "import sys; sys.exit(1)", good=(0, 1)) == ""
    steps.do("raises", lambda: 1 // 0)
    steps.do("is well", lambda: "well")
    assert [(row["step"], row["exit"]) for row in read(tmp_path / "steps.jsonl")] == [
        ("speaks", 0),
        ("fails", 3),
        ("is not there", None),
        ("may fail", 1),
        ("raises", 1),
        ("is well", 0),
    ]
    assert [row["step"] for row in read(tmp_path / "steps.jsonl") if not row["ok"]] == [
        "fails",
        "is not there",
        "raises",
    ]
    assert steps.failed == 3
    assert capsys.readouterr().out.count("FAIL") == 3


@pytest.mark.parametrize("name", ["CI", "HTTPS_PROXY", "ORT_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
def test_the_story_refuses_an_environment_that_helps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for inherited in set(os.environ) - story.INHERITED:
        monkeypatch.delenv(inherited)
    assert "HOME=" in story.clean_environment()
    monkeypatch.setenv(name, "1")
    with pytest.raises(story.Failed, match=name):
        story.clean_environment()


def test_the_environment_inside_holds_nothing_from_outside(tmp_path: Path) -> None:
    argv = box.Box(tmp_path).inside(["/bin/true"])
    assert argv[:3] == ["ip", "netns", "exec"]
    assert argv[4:6] == ["env", "-i"]
    assert {word.partition("=")[0] for word in argv[6:-1]} == {"HOME", "PATH", "LANG"}
    assert f"HOME={tmp_path / 'home'}" in argv


def test_without_its_tools_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(box.NotPossible, match="root"):
        box.needed()


async def test_the_servers_write_down_names_and_connections(tmp_path: Path) -> None:
    """The two that speak, on loopback: name look-ups by TCP, a request, a client that says nothing."""
    rows: list[dict[str, Any]] = []

    def write(event: str, **facts: object) -> None:
        rows.append({"event": event, **facts})

    names, connections = sinkhole.Names(write, "192.0.2.1", "2001:db8::1"), sinkhole.Connections(write)
    for handler, say in ((names.stream, control.ask_by_tcp), (connections.accept, control.speak_http)):
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        async with server:
            await asyncio.to_thread(say, server.sockets[0].getsockname())
    await asyncio.wait(connections.open, timeout=10)
    assert rows[0] == {"event": "name", "name": f"tcp.{control.NAME}", "type": "A"}
    assert rows[1]["event"] == "connection"
    assert rows[1]["at"] <= time.monotonic()


def test_a_socket_for_one_family_leaves_the_other_alone() -> None:
    with sinkhole.listening(socket.AF_INET6, socket.SOCK_STREAM, 0) as six:
        port = six.getsockname()[1]
        with sinkhole.listening(socket.AF_INET, socket.SOCK_STREAM, port) as four:
            assert four.getsockname()[1] == port
