"""``appliance mail parse``: one object a file, whatever the file is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from letters import HEAD, letter, multipart
from typer.testing import CliRunner

from appliance.cli.main import app

KEYS = {"path", "ok", "reason", "subject", "from", "text", "attachments", "automatic", "trust"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def parse(data: Path, *files: Path | str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["mail", "parse", *map(str, files), "--data", str(data), "--json"])
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    assert all(set(row) >= KEYS for row in rows)
    return rows


def test_a_mail_is_one_object(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(
        multipart("mixed", "Content-Type: text/plain\n\nhi", "Content-Type: image/png; name=../a.png\n\nx")
    )
    [row] = parse(data, file)
    assert (row["path"], row["ok"], row["reason"]) == (str(file), True, "")
    assert (row["subject"], row["from"], row["text"]) == ("Export fails", "ann@example.org", "hi")
    assert (row["automatic"], row["trust"]) == ("", "none")
    assert [file["name"] for file in row["attachments"]] == ["a.png"]


def test_folders_patterns_and_files_that_cannot_be_read_keep_their_order(tmp_path: Path, data: Path) -> None:
    box = tmp_path / "box"
    (box / "b").mkdir(parents=True)
    (box / "b" / "2.eml").write_bytes(letter("two"))
    (box / "a.eml").write_bytes(letter("one"))
    os.mkfifo(tmp_path / "pipe")
    files = (box, tmp_path / "box" / "*.eml", tmp_path / "gone", tmp_path / "pipe", tmp_path / "no*thing", "", "\0")
    rows = parse(data, *files[:5])
    assert [row["text"] for row in rows if row["ok"]] == ["one", "two", "one"]
    assert [row["reason"] for row in rows if not row["ok"]] == ["file.missing", "file.not_regular", "file.missing"]


def test_hostile_files_are_objects_too(tmp_path: Path, data: Path) -> None:
    contents = (
        b"",
        b"\0" * 5_000,
        b"\xff" * 5_000,
        b"From: a@x.example, b@x.example\n\n",
        HEAD.encode() + b"\n" + b"\x80\xff",
    )
    for number, raw in enumerate(contents):
        (tmp_path / f"{number}.eml").write_bytes(raw)
    rows = parse(data, *(tmp_path / f"{number}.eml" for number in range(len(contents))))
    assert [row["reason"] for row in rows] == ["mail.empty", "headers.missing", "headers.missing", "from.several", ""]


def test_a_name_that_is_no_text_does_not_stop_the_others(tmp_path: Path, data: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xff.eml"))
    odd.write_bytes(letter())
    assert [row["ok"] for row in parse(data, tmp_path / "m", tmp_path)] == [False, True]


def test_many_files_are_one_document(tmp_path: Path, data: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    for number in range(400):
        (box / f"{number:03}.eml").write_bytes(letter(f"mail {number}"))
    assert [row["text"] for row in parse(data, box)] == [f"mail {number}" for number in range(400)]


def test_limits_and_trust_come_from_the_settings(tmp_path: Path, data: Path) -> None:
    (data / "appliance.toml").write_text(
        '[mail.parsing]\nmax_bytes = 2000\n[mail.trust]\nauthserv_ids = ["MX.example.com."]\n', "utf-8"
    )
    (tmp_path / "1.eml").write_bytes(
        letter(head=f"Authentication-Results: mx.example.com; dmarc=pass header.from=example.org\n{HEAD}")
    )
    (tmp_path / "2.eml").write_bytes(letter("x" * 3_000))
    assert [(row["trust"], row["reason"]) for row in parse(data, tmp_path / "1.eml", tmp_path / "2.eml")] == [
        ("dmarc", ""),
        ("none", "mail.too_large"),
    ]


def test_for_people_there_is_one_line_a_file(tmp_path: Path, data: Path) -> None:
    (tmp_path / "1.eml").write_bytes(letter(more="Precedence: bulk\n"))
    result = CliRunner().invoke(app, ["mail", "parse", str(tmp_path / "1.eml"), "nowhere.eml", "--data", str(data)])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{tmp_path / '1.eml'}: from ann@example.org, trust none, automatic (auto.precedence): Export fails",
        "nowhere.eml: not read, file.missing",
    ]


def test_a_wrong_relay_network_is_told(data: Path) -> None:
    (data / "appliance.toml").write_text('[mail.trust]\nrelays = ["10.0.0.0/99"]\n', "utf-8")
    result = CliRunner().invoke(app, ["mail", "parse", "x", "--data", str(data)])
    assert "mail.trust.relays" in str(result.exception)
