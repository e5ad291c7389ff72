"""What becomes of the sender's name for a file, and of what the sender says that it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attachment import NAME_CHARS, display_name, media_type, sniff


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\config", "config"),
        ("C:\\Users\\ana\\invoice.pdf", "invoice.pdf"),
        ("/", "attachment"),
        ("..", "attachment"),
        (". . .", "attachment"),
        ("", "attachment"),
        ("a\x00b.txt", "ab.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "a Set-Cookie_ x=1.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("COM1.log", "_COM1.log"),
        ("CON\u200b.txt", "_CON.txt"),
        ("console.log", "console.log"),
        ("trailing. . ..", "trailing"),
        (".htaccess", "htaccess"),
        ("a\"b'c.txt", "a_b'c.txt"),
        ("half\ud800.txt", "half?.txt".replace("?", "_")),
        ("e\u0301te\u0301.png", "été.png"),
        ("full\uff0fwidth\u2215slash.txt", "slash.txt"),
        ("日本語 の 資料.docx", "日本語 の 資料.docx"),
        ("photo 🙂.jpg", "photo 🙂.jpg"),
        ("folder/", "folder"),
    ],
)
def test_a_name_is_cleaned_first_and_shown_as_one_line(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


def test_a_long_name_loses_the_end_of_its_stem_and_keeps_its_suffix() -> None:
    name = display_name("x" * 10_000 + ".pdf")
    assert len(name) == NAME_CHARS
    assert name.endswith("x.pdf")
    assert len(display_name("y" * 10_000)) == NAME_CHARS
    assert len(display_name("a." + "z" * 10_000)) == NAME_CHARS


@given(st.text(max_size=300))
def test_whatever_the_name_what_is_shown_is_harmless_and_stays_the_same(text: str) -> None:
    name = display_name(text)
    assert 1 <= len(name) <= NAME_CHARS
    assert not {"/", "\\", '"', ":", "\x00"} & set(name)
    assert name not in {".", ".."}
    assert not any(unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp"} for sign in name)
    assert unicodedata.is_normalized("NFC", name)
    assert display_name(name) == name


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        ("image/PNG", "image/png"),
        ("text/html; charset=utf-8", "text/html"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("a/b\r\nX: y", "application/octet-stream"),
        (f"a/{'b' * 500}", "application/octet-stream"),
    ],
)
def test_a_declared_type_is_a_type_or_unknown(declared: str, kept: str) -> None:
    assert media_type(declared) == kept


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"MZ\x90", "application/x-msdownload"),
        (b"\x7fELF\x02", "application/x-executable"),
        (b"  <!DOCTYPE html><p>", "text/html"),
        (b'<svg xmlns="x" onload="alert(1)">', "image/svg+xml"),
        (b'<?xml version="1.0"?><svg>', "image/svg+xml"),
        (b"#!/bin/sh\nrm", "text/x-script"),
        ("größer als, und dann ein angeschnittenes ü".encode()[:-1], "text/plain"),
        (b"plain\x00binary", "application/octet-stream"),
        (b"\xff\xfe\x00", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_first_bytes_tell_what_a_file_looks_like(head: bytes, kind: str) -> None:
    assert sniff(head) == kind
