"""The ``[identity]`` and ``[crm]`` tables of ``appliance.toml``: whose word about a customer counts, and where their tier stands."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.section import Section

FIELDS = ("id", "email", "name", "tier")
"""What the appliance reads of a customer in a CRM."""


class Identity(Section):
    """Signed identities from the pages that embed the chat. Off: every visitor is anonymous."""

    mode: Literal["off", "hmac", "jwt"] = "off"
    secret_file: str = ""
    """File that holds the secret shared with the host page; the environment's APPLIANCE_IDENTITY_SECRET is read when this is empty."""
    previous_secret_file: str = ""
    """The secret before it, still accepted while a new one is brought out."""
    algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"] = "HS256"
    """Of JWTs; what a token says of its own algorithm decides nothing."""
    public_key_file: str = ""
    """PEM file with the public key for RS256, ES256 or EdDSA."""
    jwks_file: str = ""
    """JSON Web Key Set on this disk instead; the token's ``kid`` picks the key."""
    issuer: str = ""
    audience: str = ""
    leeway_s: Annotated[float, Field(ge=0, le=120)] = 10.0
    """How far the clocks of both sides may differ."""
    longest_s: Annotated[float, Field(gt=0)] = 86_400.0
    """An identity that would last longer from now on is refused."""
    replay_window_s: Annotated[float, Field(ge=0)] = 0.0
    """0: not looked at. Else each JWT needs a ``jti``, which is accepted for so long after its first use."""
    signed_in_s: Annotated[float, Field(gt=0)] = 43_200.0
    """How long the token of a conversation that a verified customer opened or went on with counts as that customer's."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.mode == "jwt" and not (self.issuer and self.audience):
            raise ValueError("mode jwt needs issuer and audience, which every token is held against")
        keys = bool(self.public_key_file) + bool(self.jwks_file)
        if self.mode == "jwt" and self.algorithm != "HS256" and keys != 1:
            raise ValueError(f"{self.algorithm} needs either public_key_file or jwks_file")
        if keys and (self.mode != "jwt" or self.algorithm == "HS256"):
            raise ValueError("public_key_file and jwks_file are for mode jwt with RS256, ES256 or EdDSA")
        if self.replay_window_s and self.mode != "jwt":
            raise ValueError("replay_window_s is for mode jwt")
        return self


class Crm(Section):
    """Where the company keeps its customers. None: the appliance's own customer table."""

    kind: Literal["none", "csv", "sql", "http"] = "none"
    csv_file: str = ""
    url: str = ""
    """sql: an SQLAlchemy URL without a password; http: the address of one customer with {id} or {email} in it."""
    query: str = ""
    """sql: one SELECT with the parameters :id and :email."""
    secret_file: str = ""
    """File with the database's password or the HTTP service's key; the environment's APPLIANCE_CRM_SECRET is read when this is empty."""
    header: str = "Authorization"
    """http: the header that carries the key; in Authorization it stands as a Bearer token, in any other bare."""
    fields: dict[Literal["id", "email", "name", "tier"], str] = {}  # noqa: RUF012 - pydantic copies the default
    """Column (csv, sql) or JSON pointer (http) of each; what is not named goes by its own name."""
    tiers: dict[str, Literal["free", "paid", "enterprise"]] = {}  # noqa: RUF012 - pydantic copies the default
    """What the CRM calls a tier -> ours; free, paid and enterprise stand for themselves. Anything else is free."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    ttl_s: Annotated[float, Field(ge=0)] = 900.0
    """What the CRM said is used for so long without asking again."""
    stale_s: Annotated[float, Field(ge=0)] = 86_400.0
    """While the CRM is down, its last word is used for so long."""
    faults: Annotated[int, Field(ge=1)] = 3
    """Faults in a row after which it is not asked for a while."""
    open_s: Annotated[float, Field(gt=0)] = 30.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needs = {"csv": ("csv_file",), "sql": ("url", "query"), "http": ("url",)}.get(self.kind, ())
        if missing := [name for name in needs if not getattr(self, name)]:
            raise ValueError(f"kind {self.kind} needs {' and '.join(missing)}")
        return self
