"""From a stored mail to a ticket: read in a child process, held against the rules on loops, put in its thread, and taken in. Nothing is lost and nobody is answered who must not be."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appliance.channels.mail.child import MailParser
from appliance.channels.mail.fetch import TOO_LARGE
from appliance.channels.mail.kept import KeptFiles
from appliance.channels.mail.loops import Ours, silence
from appliance.channels.mail.parsed import ParsedMail, unparsed
from appliance.channels.mail.threads import Holder, Landing, Threads
from appliance.channels.mail.trust import trust_of
from appliance.channels.reception import Incoming, Reception, plain
from appliance.errors import ApplianceFault, Busy, Conflict
from appliance.mail_settings import TrustRules
from appliance.mailbox_settings import Mailbox
from appliance.store.attachment_files import AttachmentFiles
from appliance.store.customers import SqlCustomers
from appliance.store.mail import Mail, SqlMails, State
from appliance.store.mail_tickets import SqlMailTickets
from appliance.store.outbox import SqlOutbox
from appliance.store.sent_mail import SentMail, SqlSentMails
from appliance.store.views import NewConversation, NewMessage
from appliance.ticket import HandoffNote, Trust

_log = logging.getLogger(__name__)
_SUBJECT_CHARS = 300
_NAME_CHARS = 200
_CONTACT_CHARS = 320
OWN_COPY = "mail.own_copy"
REPORT = "mail.report"
UNDELIVERED = "mail.undelivered"
NO_TEXT = "mail.no_text"
TAKEN = "mail.taken"
PERHAPS_A_PERSON = frozenset(("loop.not_addressed", "auto.suppress"))
"""Rules that forbid an automatic answer and say little of who wrote: a blind copy, and what Outlook puts on mails of people too. People read these."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a mail."""

    state: State
    rule: str
    conversation_id: str | None = None


class Intake:
    """For one mailbox."""

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        parser: MailParser,
        rules: TrustRules,
        threads: Threads,
        reception: Reception,
        mails: SqlMails,
        sent: SqlSentMails,
        tickets: SqlMailTickets,
        outbox: SqlOutbox,
        customers: SqlCustomers,
        files: AttachmentFiles,
        ours: Ours,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._mailbox = mailbox
        self._parser = parser
        self._rules = rules
        self._threads = threads
        self._reception = reception
        self._mails = mails
        self._sent = sent
        self._tickets = tickets
        self._outbox = outbox
        self._customers = customers
        self._files = KeptFiles(files)
        self._us = ours
        self._new_id = new_id
        self._now = now

    async def take(self, mail: Mail, raw: bytes | None, *, going_on: Callable[[], bool]) -> bool:
        """Deal with a stored mail. False: not now (too much to do, a disk that is full); it stays stored and comes again."""
        parsed = unparsed(TOO_LARGE) if raw is None else await asyncio.to_thread(self._parser.parse, raw)
        while going_on():
            try:
                settled = await self._settled(mail, raw or b"", parsed)
                await asyncio.to_thread(
                    self._mails.settle,
                    mail.id,
                    settled.state,
                    rule=settled.rule,
                    now=self._now(),
                    conversation_id=settled.conversation_id,
                    message_id=parsed.message_id,
                    message_id_hash=hashed(parsed.message_id),
                )
            except Busy as busy:
                await asyncio.sleep(busy.retry_after_s)
            except ApplianceFault as fault:
                _log.warning("mail %s (mailbox %s) waits: %s", mail.id, self._mailbox.name, fault.code)
                return False
            else:
                self._files.forget(mail.id)
                _log.info("mail %s (mailbox %s): %s (%s)", mail.id, self._mailbox.name, settled.state, settled.rule)
                return True
        return False

    async def _settled(self, mail: Mail, raw: bytes, parsed: ParsedMail) -> Settled:
        if (ours := await self._ours(parsed)) is not None:
            return ours
        if parsed.report is not None:
            return await self._reported(parsed)
        landing = await self._landing(parsed)
        conversation = landing.conversation_id if landing.kind == "reply" else None
        rule = silence(parsed, self._us)
        if people := self._for_people(parsed, rule):
            return await self._to_people(mail, raw, parsed, people, conversation)
        if rule:
            return await self._ignored(parsed, rule, conversation)
        taken = await self._taken(mail, raw, parsed, conversation)
        if landing.kind == "stranger":
            line = f"Somebody else answered this ticket by mail ({landing.rule}): ticket {taken.conversation_id}."
            await asyncio.to_thread(self._tickets.remark, landing.conversation_id, line)
        return taken

    def _for_people(self, parsed: ParsedMail, rule: str) -> str:
        """The rule by which a person has to read it, and no machine answers."""
        if not parsed.ok or parsed.sender is None:
            return parsed.reason
        if rule in PERHAPS_A_PERSON:
            return rule
        return NO_TEXT if not rule and not _text(parsed) else ""

    async def _ignored(self, parsed: ParsedMail, rule: str, conversation: str | None) -> Settled:
        """Kept, and never answered. In a ticket that a person has, they read that it came."""
        if conversation is not None:
            line = f"A mail came that a machine wrote ({rule}). Nothing was answered."
            await asyncio.to_thread(self._tickets.remark, conversation, line)
        return Settled("ignored", rule, conversation)

    async def _ours(self, parsed: ParsedMail) -> Settled | None:
        """The copy of a mail that we sent: now it is known to have left."""
        if not parsed.message_id:
            return None
        sent = await asyncio.to_thread(self._sent.by_message_id, parsed.message_id)
        if sent is None:
            return None
        if sent.state == "sending":
            await asyncio.to_thread(self._sent.mark, sent.id, "accepted")
        return Settled("ignored", OWN_COPY, sent.conversation_id)

    async def _reported(self, parsed: ParsedMail) -> Settled:
        """A mail system says what became of a mail of ours; of one that we did not send it is nobody's business."""
        assert parsed.report is not None
        sent: SentMail | None = None
        for message_id in (parsed.report.original_message_id, *parsed.thread_ids):
            sent = sent or (await asyncio.to_thread(self._sent.by_message_id, message_id) if message_id else None)
        if sent is None or not parsed.report.failed:
            return Settled("ignored", REPORT, sent.conversation_id if sent else None)
        codes = ", ".join(sorted({one.status for one in parsed.report.failed if one.status})) or "no code"
        await asyncio.to_thread(self._sent.mark, sent.id, "returned", fault=codes)
        await asyncio.to_thread(self._outbox.returned, sent.id, fault=f"returned ({codes})", now=self._now())
        await undelivered(
            self._tickets, sent.conversation_id, f"A mail to the customer came back ({codes}).", self._now()
        )
        return Settled("to_people", UNDELIVERED, sent.conversation_id)

    async def _landing(self, parsed: ParsedMail) -> Landing:
        """The ticket that a mail belongs to: by our signature on a Message-ID or an address of ours, and only for the ticket's own customer.

        Without a signature an authenticated customer who answers an earlier mail of their own is in that one's ticket.
        """
        trust = self._trust(parsed)
        landing: Landing = await asyncio.to_thread(self._threads.resolve, parsed, trust, self._holder)
        if landing.kind != "new" or not parsed.thread_ids or parsed.sender is None or trust == "none":
            return landing
        hashes = [hashed(one) for one in parsed.thread_ids]
        found = await asyncio.to_thread(self._mails.conversation_by, self._mailbox.name, hashes)
        theirs = found is not None and found[1].lower() == parsed.sender.email.lower()
        return Landing("reply", found[0], "thread.own_mail") if found and theirs else landing

    def _holder(self, conversation_id: str) -> Holder | None:
        found = self._mails.holder(conversation_id)
        return Holder(frozenset({found[0]}), found[1]) if found and found[0] else None

    async def _taken(self, mail: Mail, raw: bytes, parsed: ParsedMail, conversation: str | None) -> Settled:
        assert parsed.sender is not None
        trust = self._trust(parsed)
        email = parsed.sender.email
        customer = await asyncio.to_thread(self._customer, parsed) if trust != "none" else None
        incoming = Incoming(
            channel="mail",
            source=self._mailbox.name,
            key=mail.id,
            text=_text(parsed),
            reply_to=conversation,
            subject=parsed.subject,
            customer_email=email[:_CONTACT_CHARS],
            customer_name=parsed.sender.name,
            customer_id=customer,
            trust=trust,
            profile=self._mailbox.profile,
            files=await asyncio.to_thread(self._files.attachments, mail.id, raw, parsed),
        )
        try:
            accepted = await self._reception.take(incoming)
        except Conflict:  # taken before, by a version that read it differently
            earlier = await asyncio.to_thread(self._mails.taken_as, self._mailbox.name, mail.id)
            return Settled("taken", TAKEN, earlier)
        return Settled("taken", TAKEN, accepted.message.conversation_id)

    def _customer(self, parsed: ParsedMail) -> str | None:
        """By the address of From, which somebody of ours has vouched for."""
        if parsed.sender is None:
            return None
        name = plain(parsed.sender.name)[:_NAME_CHARS]
        return self._customers.of_address(parsed.sender.email, name=name, new_id=self._new_id, now=self._now())

    async def _to_people(
        self, mail: Mail, raw: bytes, parsed: ParsedMail, rule: str, conversation: str | None
    ) -> Settled:
        """A person gets the ticket with the raw mail; nobody is answered automatically."""
        now = self._now()
        files = await asyncio.to_thread(self._files.whole, mail.id, raw) if raw else ()
        where = "attached" if raw else "still in the mailbox, since it is too large to be fetched"
        note = HandoffNote(
            asked=f"A mail that could not be read as usual ({rule}).",
            tried=(f"Nothing was answered. The whole mail is {where}.",),
            urgency="normal",
            urgency_evidence="not assessed",
            next_step="Read the mail in a mail program and answer it from there.",
        )
        contact = plain(parsed.sender.email) if parsed.sender else ""
        new = NewConversation(
            id=self._new_id(),
            token=secrets.token_urlsafe(24),
            channel="mail",
            subject=plain(parsed.subject)[:_SUBJECT_CHARS],
            contact_email=contact[:_CONTACT_CHARS],
            contact_name=plain(parsed.sender.name)[:_NAME_CHARS] if parsed.sender else "",
            profile=self._mailbox.profile,
            source=self._mailbox.name,
            external_id=mail.id,
        )
        text = plain(_text(parsed), lines=True) or f"A mail that could not be read ({rule})."
        message = NewMessage(self._new_id(), text, mail.id, self._trust(parsed), files=files)
        opened = await asyncio.to_thread(
            self._tickets.open, new, message, rule=rule, note=note, reply_to=conversation, now=now
        )
        return Settled("to_people", rule, opened)

    def _trust(self, parsed: ParsedMail) -> Trust:
        return trust_of(parsed, self._rules).trust


def hashed(message_id: str) -> str:
    """Message-IDs are looked for by this: they may be long, and hold anything."""
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest() if message_id else ""


async def undelivered(tickets: SqlMailTickets, conversation_id: str, why: str, now: datetime) -> None:
    """People are told that the customer has not got a mail of ours."""
    note = HandoffNote(
        asked="The customer has not got our reply.",
        tried=(why,),
        urgency="normal",
        urgency_evidence="not assessed",
        next_step="Reach the customer by another way, or correct the address.",
    )
    await asyncio.to_thread(tickets.to_people, conversation_id, rule=UNDELIVERED, note=note, now=now)


def _text(parsed: ParsedMail) -> str:
    """What is new in it; the whole where that is nothing, and the subject where there is nothing at all."""
    return next((text for text in (parsed.new_text, parsed.text, parsed.subject) if _words(text)), "")


def _words(text: str) -> bool:
    return any(sign.isalnum() or sign in "?!" for sign in text)
