"""A permit: one payload, to one host and model, once, within seconds. Sealed by whoever holds the secret, which is the gate alone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from models.errors import ModelRefused
from models.roles import Permit


class Seal:
    """Made at start from random bytes that leave this process never, so a permit of another process, or one made by hand, is none."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("a seal needs 32 random bytes")
        self._secret = secret

    def issue(self, *, row: int, host: str, model: str, payload: bytes, expires_at: float) -> Permit:
        """For the gate, after the ledger has ``row``. ``expires_at``: seconds of the clock that the caller of the model goes by."""
        digest = hashlib.sha256(payload).hexdigest()
        return Permit(row, host, model, digest, expires_at, self._sign(row, host, model, digest, expires_at))

    def genuine(self, permit: Permit) -> bool:
        signed = self._sign(permit.row, permit.host, permit.model, permit.sha256, permit.expires_at)
        return hmac.compare_digest(signed, permit.seal)

    def _sign(self, *fields: object) -> str:
        return hmac.new(self._secret, repr(fields).encode(), hashlib.sha256).hexdigest()


class Checker:
    """Holds each permit against what is about to be sent, and takes each once."""

    def __init__(self, seal: Seal, *, host: str, model: str, clock: Callable[[], float]) -> None:
        self._seal = seal
        self._host, self._model, self._clock = host, model, clock
        self._taken: dict[int, float] = {}

    def take(self, permit: object, payload: bytes) -> None:
        """Raises ``ModelRefused`` unless this very payload may be sent from here now; after that the permit is used up."""
        now = self._clock()
        if not isinstance(permit, Permit) or not self._seal.genuine(permit):
            raise _refused("it was not made by the gate")
        if permit.host != self._host or permit.model != self._model:
            raise _refused("it is for another host or model")
        if hashlib.sha256(payload).hexdigest() != permit.sha256:
            raise _refused("it is for another payload")
        if now >= permit.expires_at:
            raise _refused("it has expired")
        self._taken = {row: until for row, until in self._taken.items() if until > now}
        if permit.row in self._taken:
            raise _refused("it was used before")
        self._taken[permit.row] = permit.expires_at


def _refused(why: str) -> ModelRefused:
    return ModelRefused(
        f"The permit does not allow this request: {why}.",
        remedy="Nothing was sent. Hosted models are only asked through appliance.egress.",
        lasting=False,
    )
