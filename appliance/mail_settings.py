"""The ``[mail]`` tables of ``appliance.toml``: how mail is read, and whose word about a sender counts."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator

from appliance.section import Section

_MIB = 1_048_576


class Parsing(Section):
    """What the child process that reads a mail may spend, and how much of a mail is read."""

    processes: Annotated[int, Field(ge=1, le=16)] = 2
    """Child processes, each started when it is first needed."""
    seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Of the clock, for one mail; then the process is killed and the mail goes to a person."""
    memory_bytes: Annotated[int, Field(ge=134_217_728)] = 256 * _MIB
    """Address space of a process."""
    max_bytes: Annotated[int, Field(ge=1024)] = 64 * _MIB
    """Larger mails are not read; a person gets the raw file."""
    max_headers: Annotated[int, Field(ge=10)] = 1_000
    max_header_bytes: Annotated[int, Field(ge=1_000)] = 262_144
    """Of all headers of a mail or a part together."""
    max_parts: Annotated[int, Field(ge=1)] = 200
    max_depth: Annotated[int, Field(ge=1, le=100)] = 20
    max_text_chars: Annotated[int, Field(ge=1_000)] = 1_000_000
    max_html_bytes: Annotated[int, Field(ge=1_000)] = 524_288
    """Of HTML that is turned into text."""
    max_attachments: Annotated[int, Field(ge=0)] = 20
    max_attachment_bytes: Annotated[int, Field(ge=0)] = 20 * _MIB
    max_attachments_bytes: Annotated[int, Field(ge=0)] = 40 * _MIB
    """Of all attachments of a mail together."""


class TrustRules(Section):
    """Whose word about the sender counts. Empty: nobody's, and every mail is unauthenticated."""

    authserv_ids: tuple[str, ...] = ()
    """Names that our own mail servers give themselves in Authentication-Results (RFC 8601). They have to remove foreign headers of that name."""
    hops: Annotated[int, Field(ge=1, le=10)] = 1
    """Received headers that our own servers write on each mail from outside; what lies below them is the sender's word."""
    relays: tuple[str, ...] = ()
    """Networks (10.0.0.0/8) of the internal servers that hand us mail of our own people."""
    internal_domains: tuple[str, ...] = ()
    """Domains of our own people, whose mail comes through ``relays``."""

    @field_validator("relays")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one)
        return value

    @field_validator("authserv_ids", "internal_domains")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one.strip().lower().rstrip(".") for one in value)


class Mail(Section):
    """E-mail."""

    parsing: Parsing = Parsing()
    trust: TrustRules = TrustRules()
    raw_days: Annotated[int, Field(ge=1)] = 90
    """How long the raw file of a mail is kept after it was dealt with."""
    max_fetch_bytes: Annotated[int, Field(ge=1024)] = 128 * _MIB
    """Larger mails stay on their server, and people are told."""
