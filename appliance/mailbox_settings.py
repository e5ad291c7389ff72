"""The ``[[mailboxes]]`` tables of ``appliance.toml``: which mailboxes are read, and by which server replies leave. Without one nothing is contacted."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from appliance.errors import ConfigInvalid
from appliance.section import Section

Tls = Literal["tls", "starttls", "none"]
_ADDRESS = r"^[^@\s<>(),;:\"\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,253}$"
Address = Annotated[str, Field(pattern=_ADDRESS)]


class _Server(Section):
    """A mail server of the company's own."""

    host: Annotated[str, Field(min_length=1)]
    user: str = ""
    password_file: str = ""
    """File that holds the password, readable by its owner alone. Empty: the environment's APPLIANCE_MAIL_<NAME>_PASSWORD."""
    ca_file: str = ""
    """Certificates (PEM) that the server's has to be signed by; empty: those that the operating system trusts."""
    cleartext: bool = False
    """Allow a login without TLS to another machine. The password and every mail can then be read on the way."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Of each command; a server that is silent for longer counts as gone."""

    @property
    def local(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


class Imap(_Server):
    """Where mail comes in."""

    port: Annotated[int, Field(ge=1, le=65535)] = 993
    tls: Tls = "tls"
    folder: str = "INBOX"
    done_folder: str = ""
    """Mail that was taken in is moved here; empty: it stays where it is, marked as read."""
    idle_s: Annotated[float, Field(gt=0, le=1_680)] = 300.0
    """IDLE is renewed after so long (RFC 2177: at most 29 minutes)."""
    poll_s: Annotated[float, Field(gt=0)] = 30.0
    """How often a server without IDLE is asked."""


class Smtp(_Server):
    """By which server mail leaves. Without a user it is given mail without a login."""

    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = "starttls"


class Mailbox(Section):
    """One mailbox that customers write to."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    address: Address
    """Replies come from here."""
    display_name: str = ""
    """Beside the address in From; empty: the profile's company."""
    aliases: tuple[Address, ...] = ()
    """Further addresses whose mail arrives here."""
    plus_addresses: bool = False
    """The server delivers ``support+anything@…`` here too: then the reply address carries the ticket's signed token. Where it does not, replies would come back."""
    profile: str = ""
    """Whose desk answers; empty: the appliance's own profile."""
    imap: Imap
    smtp: Smtp
    look_up: Literal["bcc", "sent", "none"] = "bcc"
    """How it is found out whether a mail left when the server's answer got lost: a copy to the mailbox itself, the server's own copy in ``sent_folder``, or not at all."""
    look_up_wait_s: Annotated[float, Field(ge=0)] = 60.0
    """How long that copy may take."""
    sent_folder: str = "Sent"

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.aliases)

    @field_validator("display_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
            raise ValueError("no line breaks or control characters")
        return value

    @model_validator(mode="after")
    def _no_login_in_the_clear(self) -> Mailbox:
        for name, server in (("imap", self.imap), ("smtp", self.smtp)):
            if server.tls == "none" and not (server.local or server.cleartext):
                raise ValueError(f"{name}.tls is none: only on loopback, or with {name}.cleartext = true")
        if not self.imap.user:
            raise ValueError("imap.user is needed")
        return self


def password(mailbox: Mailbox, server: Imap | Smtp) -> str:
    """The password of that server. Raises ``ConfigInvalid`` when there is none, without quoting anything of it."""
    name = f"APPLIANCE_MAIL_{mailbox.name.upper().replace('-', '_')}_PASSWORD"
    which = "imap" if isinstance(server, Imap) else "smtp"
    if not server.password_file:
        found = os.environ.get(name, "")
    else:
        try:
            found = Path(server.password_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigInvalid(
                f"The password of mailbox {mailbox.name!r} ({which}.password_file) cannot be read: {type(error).__name__}.",
                remedy="Check the path and its permissions.",
            ) from error
    if not found:
        raise ConfigInvalid(
            f"There is no password for mailbox {mailbox.name!r} ({which}).",
            remedy=f"Set {which}.password_file, or {name} in the environment.",
        )
    return found
