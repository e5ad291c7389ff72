"""Who may do what, route by route: the table that a person reads, and the credentials that are tried on it.

A new route needs a row here; ``test_access_matrix`` fails without one. Objects of a row: ``own`` is Ann's, ``foreign`` is Bob's, ``none`` does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OBJECTS = ("own", "foreign", "none", "odd")
"""``odd``: an id that no database should be asked for."""


@dataclass(frozen=True)
class Who:
    """Somebody at the door, and what they truly have: the table's rules look at these facts and never at the words that are sent."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    key_to: str = ""
    """The object whose key they hold, in the place where it belongs."""
    ticket_of: str = ""
    """The object whose key stands in the cookie of its page."""
    customer: str = ""
    """Whose signed identity they have: ``own`` is Ann, ``foreign`` is Bob, ``nobody's`` a customer without a conversation."""
    identity: str = "missing"
    """``missing``, ``good`` or ``bad``."""
    role: str = ""
    """Of a session that is in force."""
    csrf: str = ""
    scopes: frozenset[str] | None = None
    """Of a program's key, where one is sent; none of a key that is not in force."""
    opened: str = ""
    """The object that this key opened."""
    desk: str = ""
    """The help desk whose secret they send, in the way that this desk proves itself."""
    path: dict[str, str] = field(default_factory=dict)
    """What they put into the address, in place of what the row has there."""


Rule = Callable[[Who, str], bool]


def everybody(_who: Who, _of: str) -> bool:
    return True


def nobody(_who: Who, _of: str) -> bool:
    return False


def whoever_opens(who: Who, _of: str) -> bool:
    """Everybody, but an identity or key that does not hold is never taken for an anonymous visitor, and a program's key needs the scope."""
    return who.identity != "bad" and (who.scopes is None or "conversations:open" in who.scopes)


def its_reader(who: Who, of: str) -> bool:
    """The holder of that conversation's key, and a program that may read it."""
    may = who.scopes is not None and bool({"conversations:read", "conversations:write"} & who.scopes)
    return who.key_to == of or (may and _reaches(who, of))


def its_writer(who: Who, of: str) -> bool:
    """The holder of that conversation's key, and a program that may write in it."""
    return who.key_to == of or (who.scopes is not None and "conversations:write" in who.scopes and _reaches(who, of))


def _reaches(who: Who, of: str) -> bool:
    everything = who.scopes is not None and "conversations:all" in who.scopes
    return of in {"own", "foreign"} and (who.opened == of or everything)


def its_browser(who: Who, of: str) -> bool:
    """The browser that opened the ticket, by the cookie of its page."""
    return who.ticket_of == of


def a_customer(who: Who, _of: str) -> bool:
    return who.identity == "good"


def its_customer(who: Who, of: str) -> bool:
    """The customer whose conversation it is, by a signed identity."""
    return who.identity == "good" and who.customer == of


def the_desk(name: str) -> Rule:
    return lambda who, _of: who.desk == name


def staff(*roles: str) -> Rule:
    return lambda who, _of: who.role in roles


ANY_STAFF = staff("agent", "lead", "author", "operator", "auditor")


@dataclass(frozen=True)
class Row:
    """``of``: what the ``{…_id}`` of the path names. ``json``, ``form``: the body. ``says``: words that stand in an answer only when it was allowed, for
    routes whose status alone does not tell."""

    allow: Rule
    of: str = ""
    json: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    path: dict[str, str] = field(default_factory=dict)
    says: str = ""
    raw: bytes | None = None
    """A body that is a file."""
    stream: bool = False
    ends_session: bool = False


ROUTES: dict[str, Row] = {
    # the visitor's API
    "POST /api/conversations": Row(whoever_opens, json={"channel": "chat"}),
    "GET /api/conversations/{conversation_id}": Row(its_reader, of="conversation"),
    "POST /api/conversations/{conversation_id}/messages": Row(its_writer, of="conversation", json={"text": "How?"}),
    "GET /api/conversations/{conversation_id}/events": Row(its_reader, of="conversation", stream=True),
    "POST /api/conversations/{conversation_id}/feedback": Row(its_writer, of="conversation", json={"csat": 4}),
    "POST /api/conversations/{conversation_id}/confirmations/{proposal_id}": Row(
        its_writer, of="conversation", json={"accept": True}, path={"proposal_id": "p1"}, says="no such proposal"
    ),
    "POST /api/conversations/{conversation_id}/attachments": Row(its_writer, of="conversation", raw=b"words"),
    "GET /api/conversations/{conversation_id}/attachments/{attachment_id}": Row(its_reader, of="conversation"),
    # the signed-in customer's API
    "GET /api/customers/me/conversations": Row(a_customer),
    "POST /api/customers/me/conversations/{conversation_id}/token": Row(its_customer, of="conversation", json={}),
    # pages of visitors
    "GET /": Row(everybody),
    "GET /chat": Row(everybody),
    "GET /embed": Row(everybody),
    "GET /widget.js": Row(everybody),
    "GET /favicon.ico": Row(everybody),
    "GET /static/{version}/{name}": Row(everybody, path={"version": "x", "name": "chat.js"}),
    "GET /help/{article_id}": Row(everybody, path={"article_id": "invite-members-and-guests"}),
    "GET /contact": Row(everybody),
    "POST /contact": Row(everybody, form={"message": "How do I invite members?"}),
    "GET /contact/{conversation_id}": Row(its_browser, of="conversation"),
    "POST /contact/{conversation_id}/messages": Row(its_browser, of="conversation", form={"message": "How?"}),
    "POST /contact/{conversation_id}/feedback": Row(its_browser, of="conversation", form={"resolved": "yes"}),
    "GET /contact/{conversation_id}/attachments/{attachment_id}": Row(its_browser, of="conversation"),
    # webhooks of help desks
    "POST /api/desks/{name}": Row(the_desk("by-bearer"), path={"name": "by-bearer"}, json={}),
    "POST /api/desks/{name}/{secret}": Row(the_desk("by-path"), path={"name": "by-path", "secret": "x" * 32}, json={}),
    # operations
    "GET /healthz": Row(everybody),
    "GET /readyz": Row(everybody, says='"parts"'),
    "GET /metrics": Row(everybody),
    "GET /api/openapi.json": Row(everybody),
    "GET /api/openapi.json/openapi.json": Row(everybody),
    "GET /api/openapi.json/{path}": Row(nobody, path={"path": "x"}),  # Litestar's own page of what is not there
    # pages of the staff
    "GET /admin/login": Row(everybody),
    "POST /admin/login": Row(everybody, form={"key": "no key"}, says='name="key"'),
    "POST /admin/logout": Row(ANY_STAFF, form={}, ends_session=True),
    "GET /admin": Row(staff("operator")),
    "GET /admin/egress": Row(staff("operator", "auditor")),
    "GET /admin/egress/file/{form}": Row(staff("operator", "auditor"), path={"form": "csv"}),
    "POST /admin/egress/stop": Row(staff("operator", "auditor"), form={"why": "trying"}),
    "POST /admin/egress/allow": Row(staff("operator"), form={"why": "trying"}, says="hosted"),
}
