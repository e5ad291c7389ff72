"""Gives one mail to the company's own SMTP server, and says what is known afterwards: accepted, refused, or nobody knows."""

from __future__ import annotations

import ssl
from contextlib import suppress

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from appliance.channels.carriers import Undelivered
from appliance.channels.mail.errors import MailServerFault
from appliance.channels.mail.imap import UNTRUSTED
from appliance.errors import ConfigInvalid
from appliance.mailbox_settings import Mailbox, Smtp, password


class Unclear(Undelivered):
    """The server had the whole mail, and its answer never came: it may have accepted it."""


async def submit(mailbox: Mailbox, raw: bytes, *, recipient: str, copy_to: str = "") -> None:
    """Returns once the server has accepted it for ``recipient``. Raises ``Undelivered`` when it surely has not, ``Unclear`` when nobody knows."""
    client = await _open(mailbox)
    try:
        await _hand_over(client, mailbox, raw, recipient=recipient, copy_to=copy_to)
        with suppress(SMTPException, OSError):  # it is accepted; a poor good-bye changes nothing
            await client.quit()
    finally:
        client.close()


async def _hand_over(client: SMTP, mailbox: Mailbox, raw: bytes, *, recipient: str, copy_to: str) -> None:
    options = _options(client, mailbox.address, recipient)
    try:
        await client.mail(mailbox.address, options=options)
        await client.rcpt(recipient)
        if copy_to:
            with suppress(SMTPRecipientRefused):  # the customer's mail does not depend on our copy
                await client.rcpt(copy_to)
    except SMTPException as error:
        raise _refused(error, mailbox.smtp) from error
    try:
        await client.data(raw)
    except SMTPDataError as error:
        raise _refused(error, mailbox.smtp) from error
    except (SMTPException, OSError) as error:
        raise Unclear(
            f"The SMTP server gave no answer after the mail ({type(error).__name__}).", lasting=False
        ) from error


async def check(mailbox: Mailbox) -> list[str]:
    """Log in and leave; what was found, in words. Raises ``MailServerFault`` or ``ConfigInvalid`` with what to do."""
    client = await _connect(mailbox)
    secure = client.get_transport_info("sslcontext") is not None
    with suppress(SMTPException, OSError):
        await client.quit()
    client.close()
    return [
        "TLS" if secure else "no TLS",
        f"logged in as {mailbox.smtp.user}" if mailbox.smtp.user else "without a login",
    ]


async def _open(mailbox: Mailbox) -> SMTP:
    try:
        return await _connect(mailbox)
    except (
        MailServerFault,
        ConfigInvalid,
    ) as fault:  # an operator mends it; the mail waits as long as the postman tries
        raise Undelivered(fault.message, lasting=False) from fault


async def _connect(mailbox: Mailbox) -> SMTP:
    settings = mailbox.smtp
    where = f"SMTP {settings.host}:{settings.port}"
    secret = password(mailbox, settings) if settings.user else ""
    client = SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.tls == "tls",
        start_tls=settings.tls == "starttls",
        tls_context=ssl.create_default_context(cafile=settings.ca_file or None) if settings.tls != "none" else None,
        timeout=settings.timeout_s,
    )
    try:
        await client.connect()
        if settings.user:
            await client.login(settings.user, secret)
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise _fault_of(error, where) from error
    except BaseException:  # told to stop meanwhile
        client.close()
        raise
    return client


def _fault_of(error: Exception, where: str) -> MailServerFault:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return MailServerFault(
            f"{where}: its certificate is not trusted ({cause.verify_message}).",
            remedy=UNTRUSTED,
        )
    if isinstance(error, SMTPAuthenticationError):
        return MailServerFault(f"{where}: the login was refused ({error.code}).", remedy="Check user and password.")
    if isinstance(error, SMTPResponseException):
        return MailServerFault(f"{where}: refused with {error.code}.", remedy="Check the server's own log.")
    return MailServerFault(
        f"{where}: {type(error).__name__}.",
        remedy="Check host, port, tls (465 is tls, 587 is starttls) and firewall.",
    )


def _options(client: SMTP, *addresses: str) -> list[str]:
    if all(address.isascii() for address in addresses):
        return []
    if not client.supports_extension("smtputf8"):
        raise Undelivered("The address has letters that this SMTP server cannot handle (SMTPUTF8).", lasting=True)
    return ["SMTPUTF8"]


def _refused(error: SMTPException, settings: Smtp) -> Undelivered:
    """4xx and a broken connection pass; 5xx does not. The server's words may quote the mail, so only its code is told."""
    if isinstance(error, SMTPResponseException):
        return Undelivered(f"The SMTP server refused the mail ({error.code}).", lasting=error.code >= 500)
    return Undelivered(f"The SMTP server {settings.host} broke off ({type(error).__name__}).", lasting=False)
