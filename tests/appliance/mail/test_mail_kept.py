"""The files of a mail that has to be taken in again: there once, and there."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from appliance.channels.mail.kept import KeptFiles
from appliance.channels.mail.parse import parse_mail
from appliance.channels.mail.parsed import ParsedMail
from appliance.errors import StorageFailed
from appliance.mail_settings import Parsing
from appliance.store.attachment_files import AttachmentFiles

RAW = b"""From: ada@customer.example
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain

See these.
--x
Content-Disposition: attachment; filename=a.txt

first
--x
Content-Disposition: attachment; filename=b.txt

second
--x--
""".replace(b"\n", b"\r\n")


@pytest.fixture
def parsed() -> ParsedMail:
    return parse_mail(bytearray(RAW), Parsing(), within=lambda work, _seconds: work())


@pytest.fixture
def files(tmp_path: Path, ids: Any) -> AttachmentFiles:
    return AttachmentFiles(tmp_path, max_bytes=1_000_000, new_id=ids)


def test_the_files_of_a_mail_are_kept_once_however_often_it_is_tried(
    files: AttachmentFiles, parsed: ParsedMail
) -> None:
    kept = KeptFiles(files)
    first = kept.attachments("mail", RAW, parsed)
    assert [file.name for file in first] == ["a.txt", "b.txt"]
    for file in first:
        os.utime(files.folder / file.id, (0, 0))
    assert kept.attachments("mail", RAW, parsed) == first
    assert files.present() == {file.id for file in first}
    assert files.left_over(before=1) == []  # no sweep takes them while the mail waits
    assert kept.whole("mail", RAW) == kept.whole("mail", RAW) != first
    assert len(files.present()) == 3
    kept.forget("mail")
    assert kept.attachments("mail", RAW, parsed) != first


def test_files_that_a_sweep_has_removed_are_kept_anew(files: AttachmentFiles, parsed: ParsedMail) -> None:
    kept = KeptFiles(files)
    files.remove(kept.attachments("mail", RAW, parsed)[1].id)
    assert not files.missing(file.id for file in kept.attachments("mail", RAW, parsed))


def test_a_file_that_cannot_be_kept_leaves_none_of_its_mail(tmp_path: Path, parsed: ParsedMail) -> None:
    numbers = count()

    def second_is_nowhere() -> str:
        return "one" if next(numbers) == 0 else "no-such-folder/two"

    files = AttachmentFiles(tmp_path, max_bytes=1_000_000, new_id=second_is_nowhere)
    with pytest.raises(StorageFailed):
        KeptFiles(files).attachments("mail", RAW, parsed)
    assert list(tmp_path.iterdir()) == []
