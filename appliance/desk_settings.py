"""The ``[[desks]]`` tables of ``appliance.toml``: help desks that a company keeps, with the appliance in front of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from appliance.section import Section

DeskKind = Literal["zammad", "chatwoot", "zendesk"]
_NEEDED = ("name", "kind", "base_url", "own_user", "token_file", "secret_file")


class DeskChange(Section):
    """What is set on a ticket, in the desk's own words. Empty: left as it is."""

    group: str = ""
    """Zammad: name of the group; Chatwoot: id of the team; Zendesk: id of the group."""
    assignee: str = ""
    """Zammad: login of the owner; Chatwoot and Zendesk: id of the user."""
    status: str = ""


class DeskSettings(Section):
    """One desk: where it is, how its webhooks are proved, and what becomes of a ticket that a person has to take."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = ""
    """In the webhook's address: /api/desks/NAME."""
    kind: DeskKind | Literal[""] = ""
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")] = ""
    account: str = ""
    """Chatwoot: id of the account, needed. Zendesk: the account's id; when given, webhooks of another are left alone."""
    user: str = ""
    """Zendesk: e-mail address of the API token's user. Empty: the token is an OAuth access token."""
    own_user: str = ""
    """Id, in the desk, of the user that the token belongs to: what that one writes is never answered."""
    token_file: str = ""
    """File that holds the API token."""
    secret_file: str = ""
    """File that holds the secret of the webhook: at least 16 characters."""
    proof: Literal["signature", "bearer", "path"] = "signature"
    """How a webhook proves where it comes from: signed, with the secret as bearer token, or with the secret at the end of the address."""
    max_age_s: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """How far the time that a desk signs may lie from now."""
    profile: Annotated[str, Field(max_length=64)] = ""
    """Profile for this desk's tickets; empty: the appliance's own."""
    groups: tuple[str, ...] = ()
    """Only tickets of these groups (Zammad: names; Zendesk: group ids; Chatwoot: inbox ids). Empty: all."""
    contact_verified: bool = False
    """The desk makes sure that a contact's e-mail address is theirs, so it counts like a mail that a trusted relay handed in."""
    hand_over: DeskChange = DeskChange()
    """Set on a ticket that a person has to take."""
    answered: DeskChange = DeskChange()
    """Set on a ticket with each answer."""
    ticket_replies_per_hour: Annotated[int, Field(ge=1)] = 6
    """Automatic replies in one ticket; beyond it a person gets it: two machines may be talking."""
    replies_per_hour: Annotated[int, Field(ge=1)] = 600
    """The same over the whole desk."""

    @field_validator("account", "own_user", mode="before")
    @classmethod
    def _ids_may_be_numbers(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _is_whole(self) -> DeskSettings:
        if missing := [key for key in _NEEDED if not getattr(self, key)]:
            raise ValueError(f"missing: {', '.join(missing)}")
        if self.kind == "chatwoot" and not self.account.isdigit():
            raise ValueError("account must be the number of the Chatwoot account")
        if self.kind == "chatwoot" and self.proof == "bearer":
            raise ValueError(
                "Chatwoot sends no bearer token: proof is signature, or path for versions that do not sign"
            )
        return self
