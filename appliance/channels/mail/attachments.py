"""Attachments: named, measured and hashed; never opened, unpacked or run.

A file's name is normalised before anything looks at it, and stays a word to show: files are kept under random ids.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Protocol

from appliance.channels.mail import bodies
from appliance.channels.mail.headers import decoded_words
from appliance.channels.mail.mime import Part
from appliance.channels.mail.parsed import Attachment
from kb.sources.characters import clean_line

_LONGEST_NAME = 120
_NO_NAME = re.compile(r"[\\/:*?\"<>|]+")
_ENDINGS = {
    "message/rfc822": "mail.eml",
    "text/plain": "text.txt",
    "text/html": "page.html",
    "text/calendar": "event.ics",
    "application/pdf": "document.pdf",
    "image/png": "image.png",
    "image/jpeg": "image.jpg",
    "image/gif": "image.gif",
}


class Limits(Protocol):
    """Those of ``mail.parsing`` that count attachments."""

    @property
    def max_attachments(self) -> int: ...
    @property
    def max_attachment_bytes(self) -> int: ...
    @property
    def max_attachments_bytes(self) -> int: ...


def read_attachments(
    raw: bytes | bytearray, parts: Iterable[Part], limits: Limits
) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """All of them, those beyond the limits with ``kept`` false, and flags."""
    found: list[Attachment] = []
    total = 0
    for part in parts:
        most = min(limits.max_attachment_bytes, limits.max_attachments_bytes - total)
        attachment = _measured(raw, part, most if len(found) < limits.max_attachments else -1)
        total += attachment.size if attachment.kept else 0
        found.append(attachment)
    return tuple(found), () if all(one.kept for one in found) else ("attachments.limit",)


def content(raw: bytes, attachment: Attachment) -> bytes:
    """The bytes of an attachment that was kept. Decoding never expands beyond ``size``."""
    return b"".join(bodies.content(raw, attachment.start, attachment.end, attachment.encoding))


def _measured(raw: bytes | bytearray, part: Part, most: int) -> Attachment:
    size = 0
    digest = hashlib.sha256()
    for piece in bodies.content(raw, part.start, part.end, part.encoding) if most >= 0 else ():
        size += len(piece)
        digest.update(piece)
    kept = most >= 0 and size <= most
    return Attachment(
        name=file_name(part.file_name, part.content_type),
        content_type=part.content_type,
        size=size if most >= 0 else part.end - part.start,
        sha256=digest.hexdigest() if kept else "",
        start=part.start,
        end=part.end,
        encoding=part.encoding,
        inline=part.disposition.value == "inline" or part.headers.has("content-id"),
        kept=kept,
    )


def file_name(said: str, content_type: str) -> str:
    """One word for people: no folders, no control characters, no dots at its ends, the ending kept when it is cut."""
    words = clean_line(decoded_words(said[: _LONGEST_NAME * 12]))
    base = _NO_NAME.sub("_", words.replace("\\", "/").rpartition("/")[2]).strip(" .")
    if not base.strip("_"):
        return _ENDINGS.get(content_type, "attachment.bin")
    stem, dot, ending = base.rpartition(".")
    if len(base) > _LONGEST_NAME and dot and len(ending) <= 10:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return base[:_LONGEST_NAME]
