"""The capped child: what a mail does to it is never more than one value."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from letters import HEAD, letter

from appliance.channels.mail.child import MailParser
from appliance.mail_settings import Parsing


@pytest.fixture
def parser() -> Iterator[MailParser]:
    with MailParser(Parsing(processes=1)) as opened:
        yield opened


def children() -> list[int]:
    mine = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return [int(pid) for pid in mine.read_text().split()]


def test_mails_are_read_one_after_another_by_one_child(parser: MailParser) -> None:
    before = children()
    assert [parser.parse(letter(f"mail {n}")).text for n in range(3)] == ["mail 0", "mail 1", "mail 2"]
    assert len(children()) == len(before) + 1


def test_a_child_that_is_killed_costs_one_mail_and_the_next_has_a_new_one(parser: MailParser) -> None:
    parser.parse(letter())
    [child] = children()
    os.kill(child, signal.SIGSTOP)
    killer = threading.Timer(0.2, os.kill, (child, signal.SIGKILL))
    killer.start()
    assert parser.parse(letter()).reason == "child.died"
    killer.join()
    assert parser.parse(letter()).ok


def test_a_child_that_hangs_is_ended_by_the_clock() -> None:
    with MailParser(Parsing(processes=1, seconds=0.3)) as parser:
        parser.parse(letter())
        [child] = children()
        os.kill(child, signal.SIGSTOP)
        assert parser.parse(letter()).reason == "child.time"
        assert child not in children()
        assert parser.parse(letter()).ok


def test_a_child_that_has_no_memory_left_says_so() -> None:
    body = b"x" * 100 + b"\r\n"
    with MailParser(Parsing(processes=1, memory_bytes=134_217_728, max_bytes=200_000_000)) as parser:
        mail = parser.parse(HEAD.encode() + b"\n" + body * 1_500_000)
        assert not mail.ok
        assert mail.reason in {"mail.memory", "child.died"}
        assert parser.parse(letter()).ok


def test_a_child_has_no_environment_no_files_and_little_memory(parser: MailParser) -> None:
    os.environ["APPLIANCE_TEST_SECRET"] = "s3cret"
    try:
        parser.parse(letter())
    finally:
        del os.environ["APPLIANCE_TEST_SECRET"]
    [child] = children()
    assert b"s3cret" not in Path(f"/proc/{child}/environ").read_bytes()
    limits = Path(f"/proc/{child}/limits").read_text()
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert rows["Max open files"] == rows["Max file size"] == rows["Max core file size"] == rows["Max processes"] == "0"
    assert rows["Max address space"] == str(Parsing().memory_bytes)
    maps = Path(f"/proc/{child}/maps").read_text()
    assert "onnxruntime" not in maps
    assert "lancedb" not in maps


def test_fifty_megabytes_are_read_within_the_limits(parser: MailParser) -> None:
    mail = parser.parse(HEAD.encode() + b"\n" + b"this is a long mail with many lines\r\n" * 1_400_000)
    assert mail.ok
    assert mail.flags == ("text.truncated",)


def test_patterns_that_take_too_long_are_left(parser: MailParser) -> None:
    mail = parser.parse(letter("On On On wrote " * 70_000))
    assert mail.ok
    assert mail.new_text == mail.text


def test_what_hides_characters_is_read_without_opening_a_file(parser: MailParser) -> None:
    for hidden in ("a\u200b", "\ufe00\ufe01", "\U000e0041", "\u202ex", "e\u0300\u0316"):
        assert parser.parse(letter(hidden * 1_000, more="Content-Type: text/plain; charset=utf-8\n")).ok


def test_a_parser_that_is_closed_leaves_no_child() -> None:
    before = children()
    with MailParser(Parsing(processes=2)) as parser:
        parser.parse(letter())
    assert children() == before
