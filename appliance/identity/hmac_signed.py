"""Identities signed with a shared secret: ``v1.PAYLOAD.SIGNATURE``.

PAYLOAD is JSON in base64url without padding, SIGNATURE the HMAC-SHA256 of the text ``v1.PAYLOAD`` in hexadecimal. What is signed is what is sent,
so that there is no canonical form to get wrong; the expiry stands inside.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from appliance.identity.claims import MAX_CHARS, Period, Verified, refused, verified

_FORM = re.compile(r"(v1\.([A-Za-z0-9_-]+))\.([0-9a-f]{64})")
_KEYS = {"id", "email", "email_verified", "name", "expires"}


class HmacVerifier:
    """``secrets``: the present one, then those that are still accepted."""

    def __init__(self, secrets: Sequence[bytes], period: Period) -> None:
        self._secrets = tuple(secrets)
        self._period = period

    def verify(self, token: str, now: datetime) -> Verified:
        found = _FORM.fullmatch(token) if len(token) <= MAX_CHARS else None
        if found is None:
            raise refused("it has not the form v1.PAYLOAD.SIGNATURE")
        signed, payload, signature = found.groups()
        # every secret is tried, so that the time tells nothing
        fits = [hmac.compare_digest(sign(secret, signed), signature) for secret in self._secrets]
        if not any(fits):
            raise refused(
                "its signature does not fit", "Sign it with the secret of identity.secret_file, on the server."
            )
        claims = _claims(payload)
        ends = self._period.check(claims, now, expires="expires")
        return verified(claims, key="id", expires=datetime.fromtimestamp(ends, UTC))


def sign(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode("ascii"), hashlib.sha256).hexdigest()


def _claims(payload: str) -> dict[str, object]:
    try:
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise refused("its payload is not JSON in base64url") from error
    if not isinstance(found, dict):
        raise refused("its payload is no JSON object")
    if set(found) - _KEYS:
        raise refused(f"its payload has other keys than {', '.join(sorted(_KEYS))}")
    return found
