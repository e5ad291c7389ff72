"""Everything of e-mail that is open while the appliance serves: a thread that reads each mailbox, the intake, and the way out. Without a mailbox: nothing, and no connection."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from datetime import datetime, timedelta

from appliance.channels.mail.carrier import MailCarrier, Sender
from appliance.channels.mail.child import MailParser
from appliance.channels.mail.fetch import Fetcher, Take
from appliance.channels.mail.intake import Intake, undelivered
from appliance.channels.mail.loops import Ours
from appliance.channels.mail.raw import RawMails
from appliance.channels.mail.threads import load_threads
from appliance.channels.reception import Reception
from appliance.config import Config
from appliance.errors import ApplianceFault
from appliance.mailbox_settings import Mailbox, password
from appliance.policy import Policy, load_policy
from appliance.store.attachment_files import AttachmentFiles
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.letters import SqlLetters
from appliance.store.mail import Mail, SqlMailboxes, SqlMails
from appliance.store.mail_tickets import SqlMailTickets
from appliance.store.outbox import Depart, Parcel, SqlOutbox
from appliance.store.sent_mail import SqlSentMails
from appliance.store.settings import SqlSettings

_log = logging.getLogger(__name__)
_TIDY_S = 3_600.0
_JOIN_S = 10.0
_LOOK_S = 1.0
_LEFT_OVER_S = 86_400.0
"""A file without a row is left over after so long."""


class Mailroom:
    """``senders``: how each profile appears in mails, the appliance's own under the empty name."""

    def __init__(
        self,
        config: Config,
        database: Database,
        senders: Mapping[str, Sender],
        *,
        files: AttachmentFiles,
        depart: Depart,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        settings = SqlSettings(database)
        self._config = config
        self._mailboxes = {mailbox.name: mailbox for mailbox in config.mailboxes}
        self._mails = SqlMails(database)
        self._places = SqlMailboxes(database)
        self._sent = SqlSentMails(database)
        self._tickets = SqlMailTickets(database, depart=depart, new_id=new_id)
        self._outbox = SqlOutbox(database)
        self._raw = RawMails(config.data)
        self._threads = load_threads(config.data, random=lambda size: _shared_key(settings, size))
        self._mark = settings.once("mail_mark", lambda: secrets.token_hex(8))
        self._customers = SqlCustomers(database)
        self._files = files
        self._new_id = new_id
        self._now = now
        self.carrier = MailCarrier(
            self._mailboxes,
            senders,
            letters=SqlLetters(database),
            mails=self._mails,
            sent=self._sent,
            threads=self._threads,
            key=settings.once("mail_hash_key", lambda: secrets.token_hex(32)).encode(),
            mark=self._mark,
            now=now,
        )

    async def given_up(self, parcel: Parcel, fault: str) -> None:
        """For the postman: a mail that will not arrive is a person's matter."""
        if parcel.conversation_id is not None:
            why = f"A mail to the customer could not be sent: {fault}"
            await undelivered(self._tickets, parcel.conversation_id, why, self._now())

    async def work(self, reception: Reception, *, replica: str) -> None:
        """Read every mailbox, until cancelled."""
        loop = asyncio.get_running_loop()
        parser = MailParser(self._config.mail.parsing)
        stopping = threading.Event()
        fetchers = [
            self._fetcher(mailbox, self._take(mailbox, reception, parser, loop, stopping), replica)
            for mailbox in self._mailboxes.values()
        ]
        threads = [
            threading.Thread(target=fetcher.run, name=f"mailbox-{mailbox}", daemon=True)
            for mailbox, fetcher in zip(self._mailboxes, fetchers, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            await self._tidy()
        finally:
            stopping.set()
            for fetcher in fetchers:
                fetcher.stop()
            for thread in threads:
                await asyncio.to_thread(thread.join, _JOIN_S)
            await asyncio.to_thread(parser.close)

    def _fetcher(self, mailbox: Mailbox, take: Take, replica: str) -> Fetcher:
        return Fetcher(
            mailbox,
            mails=self._mails,
            mailboxes=self._places,
            raw=self._raw,
            take=take,
            replica=replica,
            max_bytes=self._config.mail.max_fetch_bytes,
            new_id=self._new_id,
            now=self._now,
        )

    def _take(
        self,
        mailbox: Mailbox,
        reception: Reception,
        parser: MailParser,
        loop: asyncio.AbstractEventLoop,
        stopping: threading.Event,
    ) -> Take:
        """The bridge from the thread that reads a mailbox to the event loop that takes messages in."""
        intake = Intake(
            mailbox,
            parser=parser,
            rules=self._config.mail.trust,
            threads=self._threads,
            reception=reception,
            mails=self._mails,
            sent=self._sent,
            tickets=self._tickets,
            outbox=self._outbox,
            customers=self._customers,
            files=self._files,
            ours=Ours(self._own_addresses(), self._mark, self._threads.wrote),
            new_id=self._new_id,
            now=self._now,
        )

        def take(mail: Mail, raw: bytes | None, going_on: Callable[[], bool]) -> bool:
            told = asyncio.run_coroutine_threadsafe(
                intake.take(mail, raw, going_on=lambda: not stopping.is_set()),
                loop,
            )
            while True:
                try:
                    return told.result(timeout=_LOOK_S)
                except CancelledError:
                    return False
                except TimeoutError:
                    if told.done():
                        raise
                    if not going_on():
                        told.cancel()
                        return False

        return take

    def _own_addresses(self) -> frozenset[str]:
        return frozenset(address for mailbox in self._mailboxes.values() for address in mailbox.addresses)

    async def _tidy(self) -> None:
        """Raw mails go when their time has come; what a crash left beside the rows goes too."""
        while True:
            try:
                await asyncio.to_thread(self._forget_raw)
            except (ApplianceFault, OSError) as fault:
                _log.warning("old raw mails could not be removed: %s", type(fault).__name__)
            await asyncio.sleep(_TIDY_S)

    def _forget_raw(self) -> None:
        moment = self._now() - timedelta(days=self._config.mail.raw_days)
        while old := self._mails.raw_before(moment):
            for mail in old:
                self._raw.remove(mail.path)
                self._mails.forget_raw(mail.id)
        self._raw.remove_leftovers(self._mails.paths(), before=time.time() - _LEFT_OVER_S)


def open_mailroom(
    config: Config,
    policy: Policy,
    database: Database,
    *,
    depart: Depart,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> Mailroom | None:
    """None without a mailbox: then no mail server is ever contacted. Raises ``ConfigInvalid`` for a password that cannot be read or a profile that is not there."""
    if not config.mailboxes:
        return None
    profiles = {mailbox.profile for mailbox in config.mailboxes} - {""}
    policies = {"": policy} | {name: load_policy(name) for name in sorted(profiles)}
    for mailbox in config.mailboxes:
        password(mailbox, mailbox.imap)
        if mailbox.smtp.user:
            password(mailbox, mailbox.smtp)
    limits = config.attachments
    return Mailroom(
        config,
        database,
        {name: Sender(one.company, one.mail) for name, one in policies.items()},
        files=AttachmentFiles(
            config.attachments_folder, max_bytes=limits.max_bytes, keep_free=limits.keep_free_bytes, new_id=new_id
        ),
        depart=depart,
        new_id=new_id,
        now=now,
    )


def _shared_key(settings: SqlSettings, size: int) -> bytes:
    """The same for every replica on this database: a reply to a mail that one has sent must be known to the one that fetches it."""
    return bytes.fromhex(settings.once("mail_key", lambda: secrets.token_hex(size)))
