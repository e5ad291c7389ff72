"""Two machines must never talk to each other: when a mail gets no automatic answer, and what marks ours as automatic (RFC 3834).

What becomes of a mail that gets no answer (a person reads it, or it is only kept) is decided where mails are taken in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.channels.mail.automatic import RULES as AUTOMATIC_RULES
from appliance.channels.mail.parsed import ParsedMail

_SENDABLE_ID = re.compile(r"[!-;=?-~]{3,250}")
_LONGEST_REFERENCES = 998
"""Octets of the whole header (RFC 5322's limit of a line, and RFC 5537's of this header)."""
_LAST_KEPT = 3
"""RFC 5537 3.4.4: the first id and the last three stay."""
_OWN_RULES = ("loop.unreadable", "loop.own_header", "loop.own_id", "loop.own_sender", "loop.not_addressed")
RULES = (*AUTOMATIC_RULES, *_OWN_RULES)


@dataclass(frozen=True, slots=True)
class Ours:
    """How we know our own mail. ``addresses``: all that we read or send as. ``mark``: the value of X-Loop. ``wrote``: is this Message-ID ours?"""

    addresses: frozenset[str]
    mark: str
    wrote: Callable[[str], bool]


def silence(mail: ParsedMail, ours: Ours) -> str:
    """The id of the rule by which this mail gets no automatic answer; empty when it may have one."""
    if not mail.ok or mail.sender is None:
        return "loop.unreadable"
    if ours.mark in mail.loop_marks:
        return "loop.own_header"
    if ours.wrote(mail.message_id):
        return "loop.own_id"
    own = {without_tag(one) for one in ours.addresses}
    if {without_tag(mail.sender.email), without_tag(mail.return_path or "")} & own:
        return "loop.own_sender"
    return mail.automatic or ("" if _addressed(mail, own) else "loop.not_addressed")


def _addressed(mail: ParsedMail, own: set[str]) -> bool:
    """To or Cc names us, or the alias by which the mail came to us; a mail that reached us as a blind copy or by a list does not."""
    names = own | {without_tag(one) for one in mail.delivered_to}
    return any(without_tag(one.email) in names for one in (*mail.to, *mail.cc))


def without_tag(email: str) -> str:
    """``support+token@example.com`` is ``support@example.com``; in lower case, as mailboxes are compared."""
    local, at, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def automatic_headers(
    *, answers: str = "", thread: Sequence[str] = (), mark: str, kind: str = "auto-replied"
) -> dict[str, str]:
    """Headers of every automatic mail of ours. ``answers``: the Message-ID that it answers; ``thread``: earlier ids, oldest first."""
    headers = {"Auto-Submitted": kind, "X-Auto-Response-Suppress": "All", "X-Loop": mark}
    return headers | threading_headers(answers=answers, thread=thread)


def threading_headers(*, answers: str, thread: Sequence[str] = ()) -> dict[str, str]:
    """In-Reply-To and References (RFC 5322 3.6.4), without ids that no header can hold, short enough for every server."""
    ids = list(dict.fromkeys(one for one in (*thread, answers) if _SENDABLE_ID.fullmatch(one)))
    headers: dict[str, str] = {}
    if answers in ids:
        headers["In-Reply-To"] = f"<{answers}>"
        ids = [*(one for one in ids if one != answers), answers]
    if ids:
        headers["References"] = " ".join(f"<{one}>" for one in _shortened(ids))
    return headers


def _shortened(ids: list[str]) -> list[str]:
    """The first and the last ones, as many as fit."""
    room = _LONGEST_REFERENCES - len("References: ") - len(ids[0]) - 3
    last: list[str] = []
    for one in reversed(ids[1:]):
        room -= len(one) + 3
        if room < 0 and len(last) >= _LAST_KEPT:
            break
        last.insert(0, one)
    return [ids[0], *last]
