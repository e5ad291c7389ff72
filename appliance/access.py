"""Who of the staff may do what: roles, keys and sessions as values. Customers never get any of these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["agent", "lead", "author", "operator", "auditor"]
ROLES: tuple[Role, ...] = ("agent", "lead", "author", "operator", "auditor")
Right = Literal["see_box", "see_ledger", "stop_hosted", "start_hosted"]
"""stop_hosted: whoever watches may pull the brake; start_hosted: letting it go again is the operator's."""

_RIGHTS: dict[Role, frozenset[Right]] = {
    "agent": frozenset(),
    "lead": frozenset(),
    "author": frozenset(),
    "operator": frozenset(("see_box", "see_ledger", "stop_hosted", "start_hosted")),
    "auditor": frozenset(("see_ledger", "stop_hosted")),
}


def may(role: Role, right: Right) -> bool:
    return right in _RIGHTS[role]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as lists show it; the key itself is shown once, when it is made."""

    id: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person. ``csrf`` stands in every form of their pages."""

    name: str
    role: Role
    csrf: str
    expires_at: datetime
