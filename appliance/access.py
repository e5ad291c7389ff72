"""Who of the staff, and which program of theirs, may do what: roles, scopes, keys and sessions as values. Customers never get any of these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

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


Scope = Literal[
    "conversations:open", "conversations:read", "conversations:write", "conversations:all", "customers:assert"
]
"""Of a program's key. read and write: in conversations that this key opened; all: in those of others too; customers:assert: its word about who a customer is counts."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
PROGRAM: Literal["program"] = "program"
"""Stands where a person's key has its role."""
PREFIX = "sak_"
"""Programs' keys begin with it, so that scanners of repositories find one that got there."""


class ProgramKey(str):
    """The words of a program's key, from where such a key belongs. A plain ``str`` with the same words is none: no cookie or form can hold one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A program whose key is in force."""

    id: str
    name: str
    scopes: frozenset[Scope]


def may(role: Role, right: Right) -> bool:
    return right in _RIGHTS[role]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as lists show it; the key itself is shown once, when it is made. ``last_used_at``: of a program's, to the hour."""

    id: str
    name: str
    role: Role | Literal["program"]
    created_at: datetime
    revoked_at: datetime | None = None
    scopes: tuple[Scope, ...] = ()
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person. ``csrf`` stands in every form of their pages."""

    name: str
    role: Role
    csrf: str
    expires_at: datetime
