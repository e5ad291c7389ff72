"""Mails for tests, written as bytes."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.channels.mail.parse import parse_mail
from appliance.channels.mail.parsed import ParsedMail
from appliance.mail_settings import Parsing

LIMITS = Parsing()
HEAD = "From: Ann <ann@example.org>\nTo: support@example.com\nSubject: Export fails\nMessage-ID: <1@example.org>\n"


def letter(body: str = "The export fails.", *, more: str = "", head: str = HEAD) -> bytes:
    """A mail with the line ends of the wire."""
    return f"{head}{more}\n{body}\n".replace("\n", "\r\n").encode()


def multipart(kind: str, *parts: str, head: str = HEAD, boundary: str = "=_b") -> bytes:
    """Each part with its own headers, an empty line and its body."""
    inside = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return letter(f"{inside}--{boundary}--", more=f'Content-Type: multipart/{kind}; boundary="{boundary}"\n', head=head)


def read(raw: bytes | Sequence[str]) -> ParsedMail:
    return parse_mail(raw if isinstance(raw, bytes) else "\r\n".join(raw).encode(), LIMITS)
