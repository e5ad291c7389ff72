"""Files that an operator may hand in: each one that cannot be used is refused with its place and a remedy."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

import pytest

from models.errors import ModelRefused
from models.training import rows as limits
from models.training.rows import read_rows

HEADER = b"text,intent,urgency\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no rows"),
        (HEADER, "no rows"),
        (
            b"where is my invoice,billing,low\nI cannot log in,login,low\n",
            "lacks the column text or intent; its first row is: billing",
        ),
        (HEADER + b"hello, where is it,billing,low\n", "row 2 has more cells than the header"),
        (HEADER + b"where is it\n", "row 2: intent is empty"),
        (HEADER + b"   ,billing,low\n", "row 2: text is empty"),
        (HEADER + b"where,NULL,low\n", "row 2: intent is empty"),
        (
            HEADER + b"where,weather,low\nwhy,billing,low\nwhen,weather,low\n",
            r"1 unknown values of intent: weather \(row 2\)",
        ),
        (HEADER + b"where,billing,urgent\n", r"unknown values of urgency: urgent \(row 2\)"),
        (HEADER + "wo ist die Gebühr,billing,low\n".encode("latin-1"), "is not UTF-8 text"),
        (b"\xff\xfe" + "text,intent\n".encode("utf-16-le"), "is not UTF-8 text"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\xb0\xd2", "is not UTF-8 text"),
        (HEADER + b'"never closed,billing,low\n' + b"x" * 200_000, "cannot be read beyond row 1: field larger"),
        (HEADER + b"x" * 1_500_000 + b",billing,low\n", "line 2 has more than 1,000,000 characters"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=said) as refused:
        read_rows(path, known={"billing", "login"})
    assert str(path) in refused.value.message
    assert refused.value.remedy


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        read_rows(tmp_path)


def test_a_byte_order_mark_crlf_and_lines_within_quotes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'\xef\xbb\xbftext,intent\r\n"Hello,\r\nwhere is it?",billing\r\n')
    found = read_rows(path, known={"billing"})
    assert (found.texts, found.intents, found.urgencies) == (("Hello,\r\nwhere is it?",), ("billing",), None)


def test_a_text_may_say_null_and_an_urgency_may_be_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(HEADER + b"null,billing,\nwhere,billing,low\n")
    found = read_rows(path)
    assert (found.texts, found.urgencies, found.every_urgency) == (("null", "where"), ("", "low"), None)


def test_two_million_rows_are_refused_where_the_limit_is_passed(tmp_path: Path) -> None:
    """From a pipe, so that it can be seen how much was read of them."""
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    written = itertools.count()

    def write() -> None:
        with pipe.open("w", encoding="utf-8") as file:
            try:
                file.write(HEADER.decode())
                while next(written) < 2_000:
                    file.write("where is my invoice,billing,low\n" * 1_000)
            except BrokenPipeError:
                return

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(ModelRefused, match="more than 200,000 rows"):
        read_rows(pipe, known={"billing"})
    writer.join()
    assert next(written) < 300


def test_texts_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    row = "x" * 100_000 + ",billing\n"
    path.write_text("text,intent\n" + row * 20)
    assert {len(text) for text in read_rows(path).texts} == {limits.READ_CHARACTERS}
    with path.open("a") as file:
        for _ in range(limits.MAX_CHARACTERS // limits.READ_CHARACTERS // 100):
            file.write(("y" * limits.READ_CHARACTERS + ",billing\n") * 100)
    with pytest.raises(ModelRefused, match="100,000,000 characters"):
        read_rows(path)
