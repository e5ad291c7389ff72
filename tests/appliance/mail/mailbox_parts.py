"""A mailbox on the Dovecot of the tests, and mails to put in it."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

from dovecot import PASSWORD, Dovecot

from appliance.mailbox_settings import Imap, Mailbox, Smtp


def mailbox_on(
    dovecot: Dovecot, user: str, tmp_path: Path, *, smtp_port: int = 9, imap: dict[str, Any] | None = None, **more: Any
) -> Mailbox:
    """``user``'s, read through TLS; replies leave by a server on ``smtp_port``."""
    secret = tmp_path / "imap-password"
    secret.write_text(f"{PASSWORD}\n")
    return Mailbox(
        **{
            "name": "support",
            "address": user,
            "imap": Imap(
                **{
                    "host": "localhost",
                    "port": dovecot.imaps,
                    "user": user,
                    "password_file": str(secret),
                    "ca_file": str(dovecot.certificate),
                    "timeout_s": 10,
                }
                | (imap or {})
            ),
            "smtp": Smtp(host="127.0.0.1", port=smtp_port, tls="none", timeout_s=2),
        }
        | more
    )


def written(
    text: str = "How long is the password reset link valid?",
    *,
    sender: str = "Ada <ada@customer.example>",
    to: str = "support@desk.example",
    subject: str = "A question",
    message_id: str = "<1@customer.example>",
    **headers: str,
) -> bytes:
    """A mail of a customer's, with CRLF."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = "Mon, 01 Jun 2026 09:00:00 +0000"
    if message_id:
        mail["Message-ID"] = message_id
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
