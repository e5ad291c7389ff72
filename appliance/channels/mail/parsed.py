"""What one e-mail says, as values. Everything in them is untrusted text of the sender's; nothing in them acts.

These values cross a pipe from the child process that reads the mail, so they are made of JSON's types (``record`` and ``of_record``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

Encoding = Literal["", "base64", "quoted-printable", "uuencode"]
ReportAction = Literal["failed", "delayed", "delivered", "relayed", "expanded", ""]
LONGEST_TRACED = 4_000
"""Characters of a traced header; one of that length was cut, and proves nothing."""


@dataclass(frozen=True, slots=True)
class Address:
    """``email`` has its domain in lower case; ``name`` is plain text on one line and means nothing."""

    email: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is no text of the mail. ``name`` is a plain word to show, never a path.

    Its bytes are ``attachments.content(raw, attachment)``: they lie in ``raw[start:end]`` in ``encoding``. ``kept`` is false beyond the
    limits on count and size: then ``sha256`` is empty and only the raw mail holds it. ``size`` counts decoded bytes.
    """

    name: str
    content_type: str
    size: int
    sha256: str = ""
    start: int = 0
    end: int = 0
    encoding: Encoding = ""
    inline: bool = False
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a delivery report (RFC 3464). ``status`` is the enhanced code such as 5.1.1."""

    email: str
    action: ReportAction = ""
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A mail system says what became of a mail. ``original_message_id`` without angle brackets, empty when the report does not tell."""

    recipients: tuple[Recipient, ...] = ()
    original_message_id: str = ""

    @property
    def failed(self) -> tuple[Recipient, ...]:
        return tuple(one for one in self.recipients if one.action == "failed" or one.status.startswith("5"))


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """``ok``: a sender is known and there is something to act on. Otherwise ``reason`` says why a person has to look (a stable id).

    Message ids are without angle brackets. ``text`` is all that was written, ``new_text`` the same without quoted text and signature.
    ``automatic`` is the id of the rule by which the mail itself says that a machine wrote it (``loops.py``), or empty.
    ``flags`` say what was cut, guessed or damaged. ``trace`` holds the headers that mail servers write, topmost first.
    """

    ok: bool
    reason: str = ""
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    delivered_to: tuple[str, ...] = ()
    return_path: str | None = None
    """Envelope sender; empty for ``<>``; None when the delivering server wrote none."""
    date: str = ""
    """ISO 8601 with offset, as the sender claims it; empty when it cannot be read."""
    text: str = ""
    new_text: str = ""
    attachments: tuple[Attachment, ...] = ()
    automatic: str = ""
    report: DeliveryReport | None = None
    loop_marks: tuple[str, ...] = ()
    """Of the mail systems that it went through (X-Loop), ours among them when it is one of ours."""
    flags: tuple[str, ...] = ()
    trace: tuple[tuple[str, str], ...] = ()

    @property
    def sent_at(self) -> datetime | None:
        return datetime.fromisoformat(self.date) if self.date else None

    @property
    def thread_ids(self) -> tuple[str, ...]:
        """Ids of earlier mails, the nearest first, each once."""
        return tuple(dict.fromkeys((*self.in_reply_to, *reversed(self.references))))

    def with_flag(self, flag: str) -> ParsedMail:
        return self if flag in self.flags else replace(self, flags=(*self.flags, flag))


def unparsed(reason: str) -> ParsedMail:
    """The value for a mail that nothing could be read of; its raw bytes go to a person."""
    return ParsedMail(ok=False, reason=reason)


def record(mail: ParsedMail) -> dict[str, Any]:
    """As JSON's types."""
    return asdict(mail)


def of_record(values: Mapping[str, Any]) -> ParsedMail:
    """The way back. Raises ``TypeError``, ``ValueError`` or ``KeyError`` for what ``record`` did not make."""
    known = {one.name for one in fields(ParsedMail)}
    if set(values) != known:
        raise ValueError("the fields are not those of a parsed mail")
    report = values["report"]
    return ParsedMail(
        **{
            **values,
            "sender": _address(values["sender"]) if values["sender"] else None,
            **{name: tuple(_address(one) for one in values[name]) for name in ("reply_to", "to", "cc")},
            **{
                name: tuple(map(str, values[name]))
                for name in ("in_reply_to", "references", "delivered_to", "loop_marks", "flags")
            },
            "attachments": tuple(Attachment(**one) for one in values["attachments"]),
            "report": _report(report) if report else None,
            "trace": tuple((str(name), str(value)) for name, value in values["trace"]),
        }
    )


def _address(values: Mapping[str, Any]) -> Address:
    return Address(email=str(values["email"]), name=str(values["name"]))


def _report(values: Mapping[str, Any]) -> DeliveryReport:
    return DeliveryReport(tuple(Recipient(**one) for one in values["recipients"]), str(values["original_message_id"]))
