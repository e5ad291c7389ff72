"""Brings replies out by mail: within the budgets, once as far as anybody can tell, and in the right thread."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from appliance.channels.carriers import Receipt, Undelivered
from appliance.channels.mail.compose import Letter, compose, reply_subject
from appliance.channels.mail.departures import KIND
from appliance.channels.mail.errors import MailServerFault
from appliance.channels.mail.imap import imap
from appliance.channels.mail.loops import automatic_headers
from appliance.channels.mail.smtp import Unclear, submit
from appliance.channels.mail.threads import Threads
from appliance.errors import ApplianceFault
from appliance.mailbox_settings import Mailbox
from appliance.pace import MailBudget
from appliance.store.letters import Material, SqlLetters
from appliance.store.mail import SqlMails
from appliance.store.outbox import Parcel
from appliance.store.sent_mail import Budget, SentMail, SqlSentMails

Submit = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sender:
    """How a profile appears in mails."""

    company: str
    budget: MailBudget


class MailCarrier:
    """``senders``: by profile, with the appliance's own under the empty name. ``key``: of this installation, for hashes of addresses. ``mark``: the value of X-Loop."""

    kind = KIND

    def __init__(
        self,
        mailboxes: Mapping[str, Mailbox],
        senders: Mapping[str, Sender],
        *,
        letters: SqlLetters,
        mails: SqlMails,
        sent: SqlSentMails,
        threads: Threads,
        key: bytes,
        mark: str,
        now: Callable[[], datetime],
    ) -> None:
        self._mailboxes = mailboxes
        self._senders = senders
        self._letters = letters
        self._mails = mails
        self._sent = sent
        self._threads = threads
        self._key = key
        self._mark = mark
        self._now = now

    async def look_up(self, parcel: Parcel) -> Receipt | None:
        """Did an earlier try arrive? Raises ``Undelivered`` when it cannot be told yet: a second mail would be worse than a late one."""
        sent = await asyncio.to_thread(self._sent.find, parcel.id)
        if sent is None or sent.state == "refused":
            return None
        if sent.state in {"accepted", "returned"}:
            return Receipt(sent.message_id)
        mailbox = self._mailbox(parcel)
        if mailbox.look_up == "none":
            return None
        try:
            found = await asyncio.to_thread(_there, mailbox, sent.message_id)
        except ApplianceFault as fault:
            raise Undelivered(f"Nobody can tell yet whether it left: {fault.message}", lasting=False) from fault
        if found:
            await asyncio.to_thread(self._sent.mark, parcel.id, "accepted")
            return Receipt(sent.message_id)
        if (left_s := self._left_s(mailbox, sent)) > 0:
            raise Undelivered("Nobody can tell yet whether it left.", lasting=False, retry_after_s=left_s)
        return None

    async def carry(self, parcel: Parcel) -> Receipt:
        mailbox = self._mailbox(parcel)
        material = await asyncio.to_thread(self._letters.material, parcel.message_id or "")
        sender = self._senders.get(material.profile) or self._senders[""]
        message_id = self._threads.message_id(
            parcel.conversation_id or "", parcel.id, mailbox.address.rpartition("@")[2]
        )
        over = await asyncio.to_thread(
            self._sent.reserve,
            parcel_id=parcel.id,
            mailbox=mailbox.name,
            conversation_id=parcel.conversation_id or "",
            message_id=message_id,
            recipient=self._hash(material.recipient),
            purpose=parcel.purpose,
            budget=Budget(**sender.budget.model_dump()),
            now=self._now(),
        )
        if over:
            raise Undelivered(f"The budget of automatic mails is used up ({over}).", lasting=True)
        try:
            letter = await asyncio.to_thread(self._letter, parcel, mailbox, material, sender, message_id)
            raw = compose(letter)
        except ValueError as error:  # a recipient that no mail can be addressed to
            await asyncio.to_thread(self._sent.mark, parcel.id, "refused", fault="address")
            raise Undelivered("No mail can be addressed to this sender.", lasting=True) from error
        await self._submit(parcel, mailbox, raw, material.recipient)
        return Receipt(message_id)

    async def _submit(self, parcel: Parcel, mailbox: Mailbox, raw: bytes, recipient: str) -> None:
        copy_to = mailbox.address if mailbox.look_up == "bcc" else ""
        try:
            await submit(mailbox, raw, recipient=recipient, copy_to=copy_to)
        except Unclear as fault:  # it stays "sending": the look-up before the next try finds out
            fault.retry_after_s = mailbox.look_up_wait_s or None
            raise
        except Undelivered as fault:
            await asyncio.to_thread(self._sent.mark, parcel.id, "refused", fault=fault.message)
            raise
        with suppress(ApplianceFault):  # it is on its way; without this mark the look-up finds it
            await asyncio.to_thread(self._sent.mark, parcel.id, "accepted")

    def _letter(self, parcel: Parcel, mailbox: Mailbox, material: Material, sender: Sender, message_id: str) -> Letter:
        conversation = parcel.conversation_id or ""
        answered, thread = self._mails.thread(conversation, parcel.message_id)
        earlier = [one for one in thread if one != message_id]
        return Letter(
            sender=mailbox.address,
            sender_name=mailbox.display_name or sender.company,
            recipient=material.recipient,
            reply_to=self._threads.reply_address(mailbox.address, conversation)
            if mailbox.plus_addresses
            else mailbox.address,
            subject=_subject(parcel, material, sender),
            text=material.reply.text,
            message_id=message_id,
            sent_at=parcel.created_at,
            citations=material.reply.citations,
            language=material.reply.language,
            headers=automatic_headers(answers=answered, thread=earlier, mark=self._mark),
        )

    def _mailbox(self, parcel: Parcel) -> Mailbox:
        found = self._mailboxes.get(parcel.target)
        if found is None:
            raise Undelivered(f"There is no mailbox {parcel.target!r} any more.", lasting=True)
        return found

    def _hash(self, address: str) -> str:
        return hmac.new(self._key, address.lower().encode(), hashlib.sha256).hexdigest()

    def _left_s(self, mailbox: Mailbox, sent: SentMail) -> float:
        waited_s = (self._now() - sent.tried_at).total_seconds()
        return mailbox.look_up_wait_s - waited_s if waited_s >= 0 else mailbox.look_up_wait_s


def _subject(parcel: Parcel, material: Material, sender: Sender) -> str:
    """An acknowledgement echoes nothing that was written to us: whoever forges a sender must not have us send words of theirs."""
    own = f"Re: Your message to {sender.company}"
    return own if parcel.purpose == "acknowledgement" else reply_subject(material.subject) or own


def _there(mailbox: Mailbox, message_id: str) -> bool:
    """Blocks. Is our copy in the mailbox? It may have been taken in already, and moved."""
    settings = mailbox.imap
    looked = [mailbox.sent_folder] if mailbox.look_up == "sent" else [settings.folder, settings.done_folder]
    with imap(mailbox) as box:
        there = set(box.folders())
        missing = [one for one in looked if one and one not in there]
        if missing:
            raise MailServerFault(
                f"Mailbox {mailbox.name}: there is no folder {missing[0]!r}.", remedy="Make it, or name another."
            )
        return any(box.holds(one, message_id) for one in looked if one)
