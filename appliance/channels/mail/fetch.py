"""Reads one mailbox, in a thread of its own: each mail is on our disk and in our database before the server hears that it was read.

fetch -> raw file -> row -> taken in -> marked on the server. A crash between two of these begins again with the same mail, which is known by then.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from math import inf
from time import monotonic

from appliance.channels.mail.errors import MailServerFault
from appliance.channels.mail.imap import Folder, ImapMailbox, imap
from appliance.channels.mail.lease import Lease
from appliance.channels.mail.raw import RawMails, fingerprint
from appliance.crash_points import reach
from appliance.errors import ApplianceFault
from appliance.mailbox_settings import Mailbox
from appliance.store.mail import Mail, Place, SqlMailboxes, SqlMails

_log = logging.getLogger(__name__)
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Between attempts to reach a server that does not work."""
_AGAIN_S = (5.0, 5.0, 15.0, 30.0, 60.0)
"""Between rounds while a mail waits that could not be taken in: a locked database, a full disk, too much to do. New mail is still read at once."""
_AFTER_RENUMBERING = timedelta(days=7)
"""How far back mails are looked at again, read ones too, when the server has numbered the folder anew; those we had are known by their fingerprint."""
TOO_LARGE = "mail.too_large"

Take = Callable[[Mail, bytes | None, Callable[[], bool]], bool]
"""Deals with a stored mail; its bytes are None when they were not fetched. The callable says whether to go on waiting. False: not now, it stays stored."""


class Fetcher:
    """``run`` until ``stop``."""

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        mails: SqlMails,
        mailboxes: SqlMailboxes,
        raw: RawMails,
        take: Take,
        replica: str,
        max_bytes: int,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        clock: Callable[[], float] = monotonic,
        pauses_s: tuple[float, ...] = _PAUSES_S,
        again_s: tuple[float, ...] = _AGAIN_S,
    ) -> None:
        self._mailbox = mailbox
        self._mails = mails
        self._mailboxes = mailboxes
        self._raw = raw
        self._take = take
        self._max_bytes = max_bytes
        self._new_id = new_id
        self._now = now
        self._pauses_s = pauses_s
        self._again_s = again_s
        self._stop = threading.Event()
        self._lease = Lease(mailboxes, mailbox.name, replica, now=now, clock=clock)
        self._troubles: dict[int, int] = {}
        self._unmarked: set[tuple[int, int]] = set()
        """Mails (UIDVALIDITY, UID) that the server refuses to mark."""
        self._tried: set[str] = set()
        """Ids of mails that could not be taken in this round."""
        self._failed = 0
        self._said = ""

    def stop(self) -> None:
        """Ask it to end; it looks every second, and after each mail."""
        self._stop.set()

    def run(self) -> None:
        """Read until told to stop. Nothing that a server does, a full disk or a defect ends it."""
        while not self._stop.is_set():
            try:
                if not self._lease.held():
                    self._stop.wait(self._lease.look_s)
                    continue
                self._tried.clear()
                self._left_over()
                with imap(self._mailbox) as box:
                    self._tell(
                        "connected"
                        if box.idles
                        else "connected; the server has no IDLE, so it is asked again and again"
                    )
                    self._rounds(box)
            except ApplianceFault as fault:
                self._pause(fault.message)
            except (
                Exception
            ) as error:  # a defect of ours must not end the reading; what a library says may quote a mail
                _log.error(
                    "mailbox %s: defect: %s", self._mailbox.name, type(error).__name__, exc_info=_without_text(error)
                )
                self._pause(f"a defect ({type(error).__name__})")
        try:
            self._lease.release()
        except Exception as error:  # the database may be gone by now; another replica finds the lease standing still
            _log.warning("mailbox %s: its lease could not be given back (%s)", self._mailbox.name, type(error).__name__)

    def _rounds(self, box: ImapMailbox) -> None:
        """One after another, as long as we may go on: at once when the server has something, soon when something waits here."""
        waited = 0
        while self._going_on():
            self._tried.clear()
            whole = self.round(box)
            whole &= self._left_over()
            self._failed = 0
            if whole:
                waited, pause_s = 0, inf
            else:
                waited, pause_s = waited + 1, self._again_s[min(waited, len(self._again_s) - 1)]
            box.wait(lambda: not self._going_on(), at_most_s=pause_s)

    def round(self, box: ImapMailbox) -> bool:
        """Take in whatever is new in the folder. False: something of it waits for another round."""
        folder = box.select()
        place = self._mailboxes.place(self._mailbox.name)
        uids = self._new(box, folder, place)
        known = self._mails.known(self._mailbox.name, folder.uidvalidity, uids)
        whole = True
        for uid in sorted(
            uids, key=lambda one: self._troubles.get(one, 0)
        ):  # one that breaks the connection must not keep the others
            if not self._going_on():
                return False
            self._troubles[uid] = self._troubles.get(uid, 0) + 1
            whole &= self._one(box, folder, uid, known.get(uid))
            del self._troubles[uid]
        if whole and (folder.uidvalidity, folder.uid_next) != (place.uidvalidity, place.uid_next):
            self._mailboxes.reached(self._mailbox.name, uidvalidity=folder.uidvalidity, uid_next=folder.uid_next)
        return whole

    def _new(self, box: ImapMailbox, folder: Folder, place: Place) -> list[int]:
        if place.uidvalidity == folder.uidvalidity:
            return box.uids(at_least=place.uid_next)
        if place.uidvalidity == 0:  # what people have read before we came is theirs
            return box.uids(at_least=folder.uid_next)
        _log.warning(
            "mailbox %s: the server has numbered the folder anew; mails of the last week are compared with those we have",
            self._mailbox.name,
        )
        return box.uids(at_least=0, since=(self._now() - _AFTER_RENUMBERING).date())

    def _one(self, box: ImapMailbox, folder: Folder, uid: int, mail: Mail | None) -> bool:
        """False: it is stored, or still only on the server, and has to be dealt with later."""
        if mail is None or mail.state == "stored":
            data = self._raw.read(mail.path) if mail else None
            if data is None:
                size = box.size(uid)
                if size is None:
                    return True  # somebody has removed it meanwhile
                data = box.raw(uid) if size <= self._max_bytes else None
                if data is None and size <= self._max_bytes:
                    return True
                reach("mail.fetched")
                mail = self._store(folder, uid, data, size)
                reach("mail.stored")
            assert mail is not None
            if mail.state == "stored" and not self._take(mail, data, self._going_on):
                self._tried.add(mail.id)
                return False
            reach("mail.taken")
        if (folder.uidvalidity, uid) not in self._unmarked:
            self._mark(box, folder, uid, mail)
        return True

    def _mark(self, box: ImapMailbox, folder: Folder, uid: int, mail: Mail) -> None:
        """On the server. It is ours whether the server lets us mark it or not, so a refusal keeps no other mail."""
        if box.done(uid):
            reach("mail.flagged")
            return
        self._unmarked.add((folder.uidvalidity, uid))
        _log.warning(
            "mailbox %s: mail %s is taken in, but the server refuses to mark it as read or to move it; it stays where it is. Look whether done_folder is there.",
            self._mailbox.name,
            mail.id,
        )

    def _store(self, folder: Folder, uid: int, data: bytes | None, size: int) -> Mail:
        mail_id, now = self._new_id(), self._now()
        path = "" if data is None else self._raw.write(mail_id, data)
        whole = f"{self._mailbox.name} {folder.uidvalidity} {uid}".encode() if data is None else data
        new = Mail(
            id=mail_id,
            mailbox=self._mailbox.name,
            uidvalidity=folder.uidvalidity,
            uid=uid,
            sha256=hashlib.sha256(whole).hexdigest(),
            fingerprint=fingerprint(whole),
            size=size,
            path=path,
            received_at=now,
            rule=TOO_LARGE if data is None else "",
        )
        try:
            stored = self._mails.store(new)
        except ApplianceFault:
            self._raw.remove(path)
            raise
        if stored.path != path:
            self._raw.remove(path)
        return stored

    def _left_over(self) -> bool:
        """Mails that were stored earlier, by an earlier process too; their server may have lost them since. False: something still waits."""
        whole = True
        for mail in self._mails.waiting(self._mailbox.name):
            if mail.id in self._tried:
                whole = False
                continue
            data = self._raw.read(mail.path)
            if (data is not None or mail.rule == TOO_LARGE) and self._going_on():
                whole &= self._take(mail, data, self._going_on)
        return whole

    def _going_on(self) -> bool:
        return not self._stop.is_set() and self._lease.held()

    def _pause(self, why: str) -> None:
        self._tell(why, trouble=True)
        until = monotonic() + self._pauses_s[min(self._failed, len(self._pauses_s) - 1)]
        self._failed += 1
        while not self._stop.is_set() and (left := until - monotonic()) > 0:
            self._stop.wait(min(left, 1.0))
            with suppress(ApplianceFault):  # the lease is kept while we wait, if the database lets us
                self._lease.held()

    def _tell(self, state: str, *, trouble: bool = False) -> None:
        """One line for each change, not one for each attempt."""
        if state == self._said:
            return
        self._said = state
        _log.log(logging.WARNING if trouble else logging.INFO, "mailbox %s: %s", self._mailbox.name, state)
        try:
            self._mailboxes.say(self._mailbox.name, state)
        except ApplianceFault as fault:  # the log has it
            _log.debug("mailbox %s: its state could not be stored (%s)", self._mailbox.name, fault.code)


def _without_text(error: Exception) -> Exception:
    """The traceback without the message, which may quote a mail."""
    return MailServerFault(f"{type(error).__name__} (message withheld)").with_traceback(error.__traceback__)
