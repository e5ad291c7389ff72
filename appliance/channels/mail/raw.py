"""Raw mails as files of their own, on the disk before anything else is done with them, and what tells one mail from another."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path

from appliance.errors import StorageFailed

_FOLDER = "mail"
_HEADER_BYTES = 262_144
_BLANK = re.compile(rb"\r?\n\r?\n")
_WHO = re.compile(rb"^(message-id|from|date)[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)", re.I | re.M)


class RawMails:
    """Files ``mail/<id>.eml`` of the data directory, for their owner alone. All of it blocks."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def write(self, mail_id: str, raw: bytes) -> str:
        """The path below the data directory, once file and folder are on the disk. Raises ``StorageFailed``; then nothing is left of it."""
        path = f"{_FOLDER}/{mail_id}.eml"
        try:
            self._write(self._data / path, raw)
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise StorageFailed(
                f"A mail of {len(raw):,} bytes cannot be stored: {error.strerror}.",
                remedy="Free some disk space; the mail is still on its server, and fetched again."
                if full
                else f"Check {self._data / _FOLDER}; the mail is still on its server, and fetched again.",
            ) from error
        return path

    def _write(self, path: Path, raw: bytes) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_suffix(".part")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, path: str) -> bytes | None:
        """None when it is not on this machine."""
        if not path:
            return None
        try:
            return (self._data / path).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        if path:
            (self._data / path).unlink(missing_ok=True)

    def remove_leftovers(self, known: set[str], *, before: float) -> int:
        """Remove what a crash left between file and row, if it was written before then (seconds since the epoch); returns how many. Such a mail is still on its server."""
        folder = self._data / _FOLDER
        found = folder.glob("*") if folder.is_dir() else ()
        left = [path for path in found if f"{_FOLDER}/{path.name}" not in known and path.stat().st_mtime < before]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def fingerprint(raw: bytes) -> str:
    """The same for a mail that arrives twice, by whatever way: Message-ID, From, Date and everything below the headers. Without a Message-ID: the whole."""
    blank = _BLANK.search(raw[:_HEADER_BYTES])
    head, body = (raw[: blank.start()], raw[blank.end() :]) if blank else (raw[:_HEADER_BYTES], b"")
    fields = [(name.lower(), b" ".join(value.split())) for name, value in _WHO.findall(head)]
    if not blank or not any(name == b"message-id" and value for name, value in fields):
        return hashlib.sha256(raw).hexdigest()
    digest = hashlib.sha256()
    for name, value in sorted(fields):
        digest.update(name + b":" + value + b"\n")
    digest.update(body)
    return digest.hexdigest()
