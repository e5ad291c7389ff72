"""What a verified identity says, checked field by field. No message here repeats a value: they are personal data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appliance.errors import IdentityInvalid

MAX_CHARS = 8_192
"""Of a whole signed identity."""
_ID_CHARS = 255
_NAME_CHARS = 200
_EMAIL = re.compile(r"[^@\s<>\"',;:]{1,64}@[^@\s<>\"',;:]{1,189}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A customer whom the host page has signed in. ``email`` counts as theirs only with ``email_verified``."""

    id: str
    email: str
    email_verified: bool
    name: str
    expires: datetime
    jti: str = ""

    @property
    def proven_email(self) -> str:
        return self.email if self.email_verified else ""


class Verifier(Protocol):
    """Holds a signed identity against its signature and its time."""

    def verify(self, token: str, now: datetime) -> Verified:
        """Raises ``IdentityInvalid``; what it says names the check that failed and no value."""
        ...


@dataclass(frozen=True, slots=True)
class Period:
    """How long an identity may last, and how far clocks may differ; seconds."""

    leeway_s: float
    longest_s: float

    def check(self, claims: Mapping[str, object], now: datetime, *, expires: str) -> float:
        """The instant of its expiry. ``expires`` names the claim that holds it."""
        ends = _number(claims.get(expires), expires)
        moment = now.timestamp()
        if ends + self.leeway_s <= moment:
            raise refused("it has expired", "Sign a new one for each page that is shown.")
        if ends - moment > self.longest_s + self.leeway_s:
            raise refused(
                f"it would last longer than {self.longest_s:.0f} s",
                f"Let {expires} lie a few minutes ahead, in seconds since 1970.",
            )
        for name in ("nbf", "iat"):
            if name in claims and _number(claims[name], name) > moment + self.leeway_s:
                raise refused(f"its {name} lies in the future", "Compare the clocks of both machines.")
        return ends


def refused(why: str, remedy: str = "") -> IdentityInvalid:
    return IdentityInvalid(
        f"The signed identity is not valid: {why}.",
        remedy=remedy or "See docs/identity.md for the form of an identity.",
    )


def verified(claims: Mapping[str, object], *, key: str, expires: datetime, jti: str = "") -> Verified:
    """``key``: the claim that holds the host's own id of the customer."""
    who = _line(claims, key, _ID_CHARS)
    email = _line(claims, "email", 254).lower()
    if email and not _EMAIL.fullmatch(email):
        raise refused("its email is no e-mail address")
    proven = claims.get("email_verified", False)
    if not isinstance(proven, bool):
        raise refused("its email_verified is neither true nor false")
    if not who and not (email and proven):
        raise refused(f"it names nobody: it needs {key}, or email with email_verified")
    return Verified(who, email, proven and bool(email), _line(claims, "name", _NAME_CHARS), expires, jti)


def _line(claims: Mapping[str, object], name: str, most: int) -> str:
    """A line of text without control and formatting characters. A missing one and null are empty."""
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise refused(f"its {name} is no text of at most {most} characters")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in value):
        raise refused(f"its {name} holds control or formatting characters")
    return value.strip()


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise refused(f"its {name} is no number of seconds since 1970")
    return float(value)
