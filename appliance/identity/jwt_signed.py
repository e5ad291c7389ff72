"""Identities as JSON Web Tokens (RFC 7519). The algorithm and the keys are the settings' alone; nothing in a token chooses either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt.types import Options

from appliance.identity.claims import MAX_CHARS, Period, Verified, refused, verified

_REFUSALS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.InvalidSignatureError, "its signature does not fit"),
    (jwt.InvalidAlgorithmError, "it is signed with another algorithm than identity.algorithm"),
    (jwt.InvalidAudienceError, "its aud is not identity.audience"),
    (jwt.InvalidIssuerError, "its iss is not identity.issuer"),
    (jwt.MissingRequiredClaimError, "it lacks one of exp, iss and aud"),
)
_OPTIONS: Options = {
    "require": ["exp", "iss", "aud"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""What is not verified there is checked here: the times against a clock that is a parameter, the rest by ``verified``."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key that may have signed. ``kid`` is empty for one from a file of its own."""

    kid: str
    value: Any


class JwtVerifier:
    def __init__(
        self,
        keys: Sequence[Key],
        *,
        algorithm: str,
        issuer: str,
        audience: str,
        period: Period,
        needs_jti: bool,
    ) -> None:
        self._keys = tuple(keys)
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._period = period
        self._needs_jti = needs_jti

    def verify(self, token: str, now: datetime) -> Verified:
        if len(token) > MAX_CHARS:
            raise refused(f"it has more than {MAX_CHARS} characters")
        claims = self._decoded(token)
        ends = self._period.check(claims, now, expires="exp")
        jti = claims.get("jti", "")
        if not isinstance(jti, str) or len(jti) > 255 or (self._needs_jti and not jti):
            raise refused("it needs a jti of at most 255 characters")
        return verified(claims, key="sub", expires=datetime.fromtimestamp(ends, UTC), jti=jti)

    def _decoded(self, token: str) -> dict[str, Any]:
        fault: Exception = jwt.InvalidSignatureError()
        for key in self._candidates(token):
            try:
                return jwt.decode(
                    token,
                    key.value,
                    algorithms=[self._algorithm],
                    audience=self._audience,
                    issuer=self._issuer,
                    options=_OPTIONS,
                )
            except jwt.InvalidTokenError as error:
                fault = error
                if not isinstance(error, jwt.InvalidSignatureError):
                    break
            except (ValueError, TypeError, RecursionError) as error:
                fault = error  # a library that stumbles over a hostile token has not accepted it
                break
        why = next((why for kind, why in _REFUSALS if isinstance(fault, kind)), "it is no JSON Web Token")
        raise refused(why) from None  # the library's own words may quote the token

    def _candidates(self, token: str) -> tuple[Key, ...]:
        """The key that ``kid`` names, or all where none has a name."""
        if not any(key.kid for key in self._keys):
            return self._keys
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            kid = None
        if kid is None and len(self._keys) == 1:
            return self._keys
        return tuple(key for key in self._keys if key.kid == kid)
