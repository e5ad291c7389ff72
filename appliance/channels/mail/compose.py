"""Our mail as bytes: plain text and simple HTML, threading headers, and the marks of an automatic reply."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, SMTPUTF8, compat32
from email.utils import format_datetime
from html import escape

from appliance.ticket import Citation

_LINE_CHARS = 990
"""Message-IDs may not be broken, and the library writes long words as encoded ones when lines are short."""
_RE = re.compile(r"\s*(?:(?:re|aw|sv|antw|rép|rif|odp)\s*(?:\[\d+\])?\s*:\s*)+", re.I)
_SUBJECT_CHARS = 150


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail of ours is made of. ``message_id`` without angle brackets."""

    sender: str
    sender_name: str
    recipient: str
    reply_to: str
    subject: str
    text: str
    message_id: str
    sent_at: datetime
    citations: tuple[Citation, ...] = ()
    language: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those of the thread, and those that say that a machine wrote it (``loops.automatic_headers``)."""


def compose(letter: Letter) -> bytes:
    """With CRLF, ready to be sent. Raises ``ValueError`` for what no header can hold."""
    plain_letters = all(part.isascii() for part in (letter.sender, letter.recipient, letter.reply_to))
    policy = (SMTP if plain_letters else SMTPUTF8).clone(max_line_length=_LINE_CHARS)
    mail = EmailMessage(policy)
    mail["From"] = Address(letter.sender_name, addr_spec=letter.sender)
    mail["To"] = Address(addr_spec=letter.recipient)
    mail["Reply-To"] = Address(letter.sender_name, addr_spec=letter.reply_to)
    mail["Subject"] = letter.subject.replace(
        "=?", "= ?"
    )  # the library decodes encoded words in values, line breaks included
    mail["Date"] = format_datetime(letter.sent_at)
    mail["Message-ID"] = f"<{letter.message_id}>"
    if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", letter.language):
        mail["Content-Language"] = letter.language
    for name, value in letter.headers.items():
        mail[name] = value
    mail.set_content(letter.text + "\n", cte="quoted-printable")
    mail.add_alternative(html(letter.text, letter.citations, letter.language), subtype="html", cte="quoted-printable")
    raw = mail.as_bytes()
    if BytesHeaderParser(policy=compat32).parsebytes(raw).keys() != mail.keys():
        raise ValueError("a header would have become two")
    return raw


def reply_subject(subject: str) -> str:
    """``Re:`` once, on one line, of a length that fits; empty where there is none."""
    words = " ".join(_RE.sub("", "".join(sign if sign.isprintable() else " " for sign in subject), count=1).split())
    return f"Re: {words[:_SUBJECT_CHARS]}".strip() if words else ""


def html(text: str, citations: Sequence[Citation], language: str) -> str:
    """The text in paragraphs. Links are those of cited articles and nothing else; there are no images, styles or scripts."""
    urls = sorted({one.url for one in citations if re.match(r"https?://", one.url)}, key=len, reverse=True)
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    body = "\n".join(f"<p>{_linked(part, urls)}</p>" for part in paragraphs)
    lang = f' lang="{escape(language)}"' if language else ""
    return f'<!DOCTYPE html>\n<html{lang}>\n<head><meta charset="utf-8"></head>\n<body>\n{body}\n</body>\n</html>\n'


def _linked(text: str, urls: Sequence[str]) -> str:
    if not urls:
        return _lines(text)
    pieces = re.split(f"({'|'.join(map(re.escape, urls))})", text)
    return "".join(
        f'<a href="{escape(piece)}">{escape(piece)}</a>' if piece in urls else _lines(piece) for piece in pieces
    )


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>\n")
