"""Bytes to ``ParsedMail``. Runs in the capped child process (``child.py``); whatever the bytes are, it returns a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from appliance.channels.mail.addresses import AddressList, address_list, address_of
from appliance.channels.mail.attachments import read_attachments
from appliance.channels.mail.automatic import automatic
from appliance.channels.mail.bodies import Within, text_of, unlimited
from appliance.channels.mail.headers import Headers, decoded_words
from appliance.channels.mail.mime import Part, read_parts
from appliance.channels.mail.parsed import LONGEST_TRACED, Address, ParsedMail, unparsed
from appliance.channels.mail.replies import new_text, without_quotes
from appliance.channels.mail.reports import read_report
from appliance.mail_settings import Parsing

_ID = re.compile(r"<([^<>\s]{3,250})>")
_BARE_ID = re.compile(r"[^<>\s@]{1,120}@[^<>\s@]{1,120}")
_MOST_IDS = 50
_PATTERNS_S = 1.0
"""For finding quoted text and signature; beyond it only lines with ``>`` are taken off."""
_MOST_ADDRESSES = 100
_MOST_TRACED = 80
_LONGEST_SUBJECT = 300
_MOST_DELIVERED = 5
_TRACED = frozenset({"received", "authentication-results", "return-path"})
_SINGLE = (
    "from",
    "subject",
    "message-id",
    "to",
    "cc",
    "date",
    "reply-to",
    "return-path",
    "content-type",
    "in-reply-to",
    "references",
)
_DELIVERED = ("delivered-to", "x-original-to", "envelope-to")


def parse_mail(raw: bytes | bytearray, limits: Parsing, *, within: Within = unlimited) -> ParsedMail:
    """``ok`` only with exactly one sender. Never raises: what it cannot read has a reason, and the caller has the raw bytes."""
    if len(raw) > limits.max_bytes:
        return unparsed("mail.too_large")
    if not raw or raw.isspace():
        return unparsed("mail.empty")
    try:
        return _parsed(raw if b"\n" in raw else raw.replace(b"\r", b"\n"), limits, within)
    except MemoryError:
        return unparsed("mail.memory")
    except RecursionError:
        return unparsed("mail.depth")
    except Exception as error:  # a defect of ours must cost a person's look, never a mail; its kind says which
        return unparsed(f"mail.defect.{type(error).__name__.lower()}")


def _parsed(raw: bytes | bytearray, limits: Parsing, within: Within) -> ParsedMail:
    root, flags = read_parts(raw, limits)
    headers = root.headers
    found, files = _sorted(root)
    text, text_flags = _text(raw, found, limits, within)
    new = within(lambda: new_text(text), _PATTERNS_S)
    slow = ("reply.slow",) if new is None else ()
    attachments, file_flags = read_attachments(raw, files, limits)
    sender, reason, sender_flags = _sender(headers)
    repeated = tuple("headers.repeated" for name in _SINGLE if len(headers.all(name)) > 1)
    return ParsedMail(
        ok=sender is not None,
        reason=reason,
        message_id=next(iter(_ids(headers.first("message-id"))), ""),
        in_reply_to=_ids(headers.first("in-reply-to"))[:5],
        references=_ids(headers.first("references")),
        subject=headers.words("subject", _LONGEST_SUBJECT),
        sender=sender,
        reply_to=_listed(headers, "reply-to").addresses[:5],
        to=_listed(headers, "to").addresses,
        cc=_listed(headers, "cc").addresses,
        delivered_to=tuple(
            filter(None, (address_of(one) for name in _DELIVERED for one in headers.all(name)[:_MOST_DELIVERED]))
        ),
        return_path=_return_path(headers),
        date=_date(headers.first("date")),
        text=text,
        new_text=without_quotes(text) if new is None else new,
        attachments=attachments,
        automatic=automatic(headers, _senders(headers, sender)),
        report=read_report(raw, root),
        loop_marks=tuple(one.strip()[:200] for one in headers.all("x-loop")[:_MOST_DELIVERED]),
        flags=tuple(dict.fromkeys((*flags, *sender_flags, *repeated, *text_flags, *slow, *file_flags))),
        trace=tuple(_trace(headers)),
    )


def _sender(headers: Headers) -> tuple[Address | None, str, tuple[str, ...]]:
    """Exactly one From with exactly one address; anything else has a reason: two readers could see two senders."""
    lines = headers.all("from")
    if not lines:
        return None, "from.missing" if headers.fields else "headers.missing", ()
    if len(lines) > 1:
        return None, "from.several_headers", ()
    found = address_list(lines[0], 2)
    if len(found.addresses) > 1:
        return None, "from.several", ()
    if not found.addresses or found.broken:
        return None, "from.invalid", ()
    return found.addresses[0], "", ()


def _senders(headers: Headers, sender: Address | None) -> tuple[str, ...]:
    others = (_return_path(headers) or "", *(one.email for one in _listed(headers, "sender").addresses[:2]))
    return tuple(filter(None, (sender.email if sender else "", *others)))


def _listed(headers: Headers, name: str) -> AddressList:
    return address_list(", ".join(headers.all(name)[:5]), _MOST_ADDRESSES)


def _return_path(headers: Headers) -> str | None:
    return address_of(headers.first("return-path")) if headers.has("return-path") else None


def _ids(header: str) -> tuple[str, ...]:
    """Message ids without brackets, each once; of too many the first and the last ones, which hold the thread.

    Some programs (Python's own library among them) write long ids as encoded words, which no standard allows.
    """
    header = decoded_words(header[:65_536])
    ids = list(dict.fromkeys(_ID.findall(header) or _BARE_ID.findall(header[:1_000])))
    return tuple(ids if len(ids) <= _MOST_IDS else [ids[0], *ids[1 - _MOST_IDS :]])


def _date(header: str) -> str:
    try:
        return parsedate_to_datetime(header[:100]).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return ""


def _trace(headers: Headers) -> Iterator[tuple[str, str]]:
    """The topmost headers by name, with the values of those that mail servers write."""
    for name, value in headers.fields[:_MOST_TRACED]:
        yield name, value[:LONGEST_TRACED].decode("utf-8", "replace") if name in _TRACED else ""


def _sorted(root: Part) -> tuple[list[Part], list[Part]]:
    """The leaves that are the mail's text, and all others."""
    texts: list[Part] = []
    files: list[Part] = []
    _sort(root, texts, files, top=True)
    return texts, files


def _sort(part: Part, texts: list[Part], files: list[Part], *, top: bool = False) -> None:
    kind = part.content_type
    if not part.children:
        (texts if _is_text(part, top=top) else files).append(part)
    elif kind == "multipart/alternative":
        _choose(part, texts, files)
    elif kind == "multipart/report":
        _sort(part.children[0], texts, files)
        files += [leaf for child in part.children[1:] for leaf in child.leaves()]
    else:
        for child in part.children:
            _sort(child, texts, files)


def _choose(part: Part, texts: list[Part], files: list[Part]) -> None:
    """Of alternatives the plain one that says something, else the last HTML; what hangs on the others stays an attachment."""
    ways: list[list[Part]] = []
    for child in part.children:
        ways.append([])
        _sort(child, ways[-1], files)
    plain = next(
        (way for way in ways if any(one.content_type != "text/html" and one.end - one.start > 2 for one in way)), None
    )
    texts += plain or next((way for way in reversed(ways) if way), [])


def _is_text(part: Part, *, top: bool) -> bool:
    if part.content_type not in {"text/plain", "text/html", "text/enriched"}:
        return False
    named = bool(part.file_name) or part.disposition.value == "attachment"
    return (top and part.disposition.value != "attachment") or not named


def _text(raw: bytes | bytearray, parts: list[Part], limits: Parsing, within: Within) -> tuple[str, tuple[str, ...]]:
    pieces: list[str] = []
    flags: list[str] = []
    left = limits.max_text_chars
    html = limits.max_html_bytes
    for part in parts:
        if left <= 0 or html <= 0:
            flags.append("text.truncated")
            break
        piece, found = text_of(raw, part, most_chars=left, most_html=html, within=within)
        html -= part.end - part.start if part.content_type == "text/html" else 0
        left -= len(piece)
        pieces.append(piece)
        flags += found
    return "\n\n".join(piece for piece in pieces if piece.strip()), tuple(flags)
