"""An SMTP server of the tests: STARTTLS and a login where asked for, and every way in which one can fail. What it accepts goes on to Dovecot when there is one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from dovecot import free_ports

USER, PASSWORD = "desk", "smtp-secret"
Mode = Literal["good", "4xx", "5xx", "rcpt 5xx", "drop", "silent", "accept and vanish", "accept and hang"]


@dataclass
class Accepted:
    """A mail for which the server has taken over."""

    sender: str
    recipients: list[str]
    raw: bytes
    mail: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        self.mail = cast("EmailMessage", message_from_bytes(self.raw, policy=default))


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self._server.next_mode() == "rcpt 5xx":
            self._server.used()
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mode = self._server.used()
        if mode == "4xx":
            return "451 4.7.1 try again later"
        if mode == "5xx":
            return "554 5.7.1 refused"
        if mode == "drop":
            server.transport.abort()
            return "250 never told"
        if mode == "silent":
            await asyncio.sleep(3600)
        await asyncio.to_thread(self._server.accept, envelope)
        if mode == "accept and vanish":
            server.transport.abort()
        if mode == "accept and hang":
            await asyncio.sleep(3600)
        return "250 OK"


class MailServer:
    """Runs while it is entered. ``modes`` are used up one a mail; then it is good."""

    def __init__(
        self,
        *,
        certificate: tuple[Path, Path] | None = None,
        login: bool = False,
        utf8: bool = True,
        on_accept: Callable[[str, bytes], None] | None = None,
    ) -> None:
        [self.port] = free_ports(1)
        self.modes: list[Mode] = []
        self.accepted: list[Accepted] = []
        self._on_accept = on_accept
        context = None
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*map(str, certificate))
        self._controller = Controller(
            _Handler(self),
            hostname="127.0.0.1",
            port=self.port,
            tls_context=context,
            require_starttls=context is not None,
            auth_required=login,
            auth_require_tls=context is not None,
            authenticator=_authenticate,
            enable_SMTPUTF8=utf8,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def next_mode(self) -> Mode:
        return self.modes[0] if self.modes else "good"

    def used(self) -> Mode:
        return self.modes.pop(0) if self.modes else "good"

    def accept(self, envelope: Envelope) -> None:
        raw = cast("bytes", envelope.original_content or b"")
        taken = Accepted(str(envelope.mail_from), list(envelope.rcpt_tos), raw)
        for recipient in taken.recipients:
            if self._on_accept:
                self._on_accept(recipient, raw)
        self.accepted.append(taken)

    def to(self, address: str) -> list[Accepted]:
        """What was accepted for one recipient."""
        return [one for one in self.accepted if address in one.recipients]


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)
