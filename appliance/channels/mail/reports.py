"""Delivery reports (RFC 3464): which mail of ours did not arrive, at whom, and why."""

from __future__ import annotations

import re
from typing import get_args

from appliance.channels.mail import bodies
from appliance.channels.mail.addresses import address_list, address_of
from appliance.channels.mail.headers import Headers, readable, split
from appliance.channels.mail.mime import Part
from appliance.channels.mail.parsed import DeliveryReport, Recipient, ReportAction
from kb.sources.characters import clean_line

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ID = re.compile(r"<([^<>\s]{1,250})>")
_MOST_RECIPIENTS = 100
_MOST_BYTES = 65_536
_LONGEST_DIAGNOSTIC = 300
_ACTIONS: dict[str, ReportAction] = {action: action for action in get_args(ReportAction)}


def read_report(raw: bytes | bytearray, root: Part) -> DeliveryReport | None:
    """None when the mail is no delivery report."""
    leaves = list(root.leaves())
    status = next(
        (
            leaf
            for leaf in leaves
            if leaf.content_type.startswith("message/") and "delivery-status" in leaf.content_type
        ),
        None,
    )
    if status is None:
        failed = address_list(root.headers.first("x-failed-recipients"), _MOST_RECIPIENTS).addresses
        return DeliveryReport(tuple(Recipient(one.email, "failed") for one in failed)) if failed else None
    recipients = tuple(one for block in _blocks(_head(raw, status)) if (one := _recipient(block)) is not None)[
        :_MOST_RECIPIENTS
    ]
    return DeliveryReport(recipients, _original(raw, leaves))


def _head(raw: bytes | bytearray, part: Part) -> bytes:
    data = bytearray()
    for piece in bodies.content(raw, part.start, part.end, part.encoding):
        data += piece
        if len(data) >= _MOST_BYTES:
            break
    return bytes(data[:_MOST_BYTES])


def _blocks(data: bytes) -> list[Headers]:
    """Groups of fields, one for the mail and one for each recipient."""
    return [
        split(block, 0, len(block), most=50, most_bytes=_MOST_BYTES)[0]
        for block in re.split(rb"(?:\r?\n[ \t]*){2,}", data.strip())[: _MOST_RECIPIENTS + 1]
    ]


def _recipient(fields: Headers) -> Recipient | None:
    said = fields.first("final-recipient") or fields.first("original-recipient")
    email = address_of(said.rpartition(";")[2])
    action = _ACTIONS.get(fields.first("action").partition(" ")[0].lower(), "")
    status = _STATUS.search(fields.first("status")[:200])
    if not said or not (email or action or status):
        return None
    diagnostic = clean_line(fields.first("diagnostic-code")[: _LONGEST_DIAGNOSTIC * 4])[:_LONGEST_DIAGNOSTIC]
    return Recipient(email, action, status.group() if status else "", diagnostic)


def _original(raw: bytes | bytearray, leaves: list[Part]) -> str:
    """Message-ID of the mail that the report is about, from the copy of its headers."""
    for leaf in leaves:
        if leaf.content_type in {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}:
            headers, _ = split(_head(raw, leaf), 0, _MOST_BYTES, most=500, most_bytes=_MOST_BYTES)
            found = next((_ID.search(readable(value)) for name, value in headers.fields if name == "message-id"), None)
            if found:
                return found[1]
    return ""
