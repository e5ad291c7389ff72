"""Files that customers send: what is known of one, and a name for it that is only ever shown.

Nothing here or anywhere else opens, unpacks, converts or runs what such a file holds. Its name is the sender's text: it is cleaned first and
checked afterwards (FreeScout CVE-2026-28289 did it the other way round), and no path is ever made of it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from appliance.section import Section

State = Literal["uploaded", "bound"]

NAME_CHARS = 200
HEAD_BYTES = 512
"""How much of a file ``sniff`` looks at."""
UNKNOWN = "application/octet-stream"
_NAMELESS = "attachment"
_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Controls, direction and other formatting characters, halves of characters, and what Unicode does not define."""
_SEPARATORS = str.maketrans(dict.fromkeys("\\⁄∕⧸⧹／＼", "/"))
"""Signs that are a path's separator somewhere, or look like one."""
_NO_FILE_NAME = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")
"""Names that Windows takes for devices, whatever comes after the dot."""
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,49}/[a-z0-9][a-z0-9!#$&^_.+-]{0,79}")

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"7z\xbc\xaf'\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/x-rar"),
    (0, b"(\xb5/\xfd", "application/zstd"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"#!", "text/x-script"),
)


class AttachmentLimits(Section):
    """How much customers may send along (no files at all where ``max_bytes`` or ``max_per_message`` is 0). What a mail brings has limits of its own (``mail.parsing``)."""

    max_bytes: Annotated[int, Field(ge=0)] = 10_000_000
    """Of one file."""
    max_per_message: Annotated[int, Field(ge=0, le=50)] = 5
    max_bytes_per_day: Annotated[int, Field(ge=0)] = 50_000_000
    """Of all files of one conversation within 24 hours."""
    max_files_per_day: Annotated[int, Field(ge=0)] = 50
    max_uploads: Annotated[int, Field(ge=1)] = 64
    """Uploads under way at once; beyond it new ones get 503 with Retry-After."""
    max_uploads_each: Annotated[int, Field(ge=1)] = 8
    """The same for one client address; beyond it 429."""
    upload_timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """A request with files that takes longer to arrive is dropped."""
    keep_free_bytes: Annotated[int, Field(ge=0)] = 500_000_000
    """Disk that attachments never take: messages need it more."""
    orphans_h: Annotated[float, Field(gt=0)] = 24.0
    """Hours after which a file that was uploaded and never sent is removed."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is safely on disk, under its id, and belongs to no message yet."""

    id: str
    name: str
    declared_type: str
    sniffed_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a conversation. ``message_id`` is None until a message has taken it along."""

    id: str
    conversation_id: str
    message_id: str | None
    name: str
    declared_type: str
    """What the sender called it: a claim, and nothing else."""
    sniffed_type: str
    """What its first bytes look like, for agents to read; it is never served as that."""
    size: int
    sha256: str
    created_at: datetime
    state: State


def display_name(given: str) -> str:
    """The sender's name for a file as one short line: no control or direction characters, no path, nothing that a system takes for a device.

    Cleaned again it stays the same. Empty and unusable names become ``attachment``.
    """
    text = unicodedata.normalize("NFC", given.encode("utf-8", "replace").decode())
    text = "".join(" " if sign.isspace() else sign for sign in text if sign.isspace() or _shown(sign))
    last = text.translate(_SEPARATORS).rstrip("/ ").rpartition("/")[2]
    name = " ".join(unicodedata.normalize("NFC", last).translate(_NO_FILE_NAME).split()).strip(". ")
    if _DEVICE.match(name):
        name = f"_{name}"
    return _shortened(name) or _NAMELESS


def file_size(size: int) -> str:
    """As people read it: 1 kB is 1,000 bytes, as file managers count by now."""
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= scale:
            return f"{size / scale:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes"


def media_type(declared: str) -> str:
    """``type/subtype`` in lower case, or the unknown type when it is not one."""
    kind = declared.partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else UNKNOWN


def sniff(head: bytes) -> str:
    """What the first bytes look like."""
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    begin = head[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith((b"<!doctype html", b"<html", b"<script", b"<svg", b"<?xml", b"<body")):
        return "image/svg+xml" if b"<svg" in begin else "text/xml" if begin.startswith(b"<?xml") else "text/html"
    return "text/plain" if head and _is_text(head[:HEAD_BYTES]) else UNKNOWN


def _shown(sign: str) -> bool:
    return unicodedata.category(sign) not in _OUT


def _shortened(name: str) -> str:
    """At most ``NAME_CHARS``; what goes is the end of the stem, since the suffix tells people what a file is."""
    if len(name) <= NAME_CHARS:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > 16:
        return name[:NAME_CHARS].rstrip(". ")
    return f"{stem[: NAME_CHARS - len(suffix) - 1].rstrip('. ')}{dot}{suffix}"


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters; a character may be cut in two at the end."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(sign in "\t\r\n\f" or sign >= " " for sign in text)
