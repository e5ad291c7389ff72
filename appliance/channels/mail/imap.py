"""A mailbox on its IMAP server: what is new, its bytes, marking it as done, and waiting for more. Everything blocks, bounded in time by the settings."""

from __future__ import annotations

import imaplib
import re
import select
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from math import inf
from time import monotonic

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError
from imap_tools.utils import encode_folder

from appliance.channels.mail.errors import MailServerFault
from appliance.mailbox_settings import Imap, Mailbox, password

_FAULTS = (OSError, imaplib.IMAP4.error, ImapToolsError, ValueError)
"""ValueError: what a hostile server can make the library's readers say."""
UNTRUSTED = "Name the host as its certificate does, or set ca_file to the authority that signed it."
_LOOK_S = 1.0
"""How often a wait looks whether it should end."""
_SIZE = re.compile(rb"UID (\d+).*?RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+).*?UID (\d+)")


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder that is read, as the server describes it."""

    uidvalidity: int
    uid_next: int


@contextmanager
def imap(mailbox: Mailbox, secret: str | None = None) -> Iterator[ImapMailbox]:
    """Logged in, with the folder selected. Raises ``MailServerFault``, also for what goes wrong within."""
    settings = mailbox.imap
    connection = None
    try:
        connection = _connect(settings)
        connection.login(settings.user, password(mailbox, settings) if secret is None else secret, initial_folder=None)
        yield ImapMailbox(connection, settings, _capabilities(connection))
    except _FAULTS as error:
        raise fault_of(error, f"IMAP {settings.host}:{settings.port}") from error
    finally:
        if connection is not None:
            _leave(connection)


def fault_of(error: Exception, where: str) -> MailServerFault:
    """What it means for an operator. The server's own words are left out: they may quote a mail."""
    if isinstance(error, MailServerFault):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        words = (f"its certificate is not trusted ({error.verify_message})", UNTRUSTED)
    elif isinstance(error, MailboxLoginError):
        words = ("the login was refused", "Check user and password.")
    elif isinstance(error, TimeoutError):
        words = ("no answer in time", "Check host, port and firewall.")
    elif isinstance(error, ssl.SSLError):
        words = (f"TLS failed ({error.reason})", "Check port and tls: 993 is tls, 143 is starttls.")
    elif isinstance(error, OSError):
        words = (error.strerror or type(error).__name__, "Check host, port and that the server runs.")
    else:
        words = (type(error).__name__, "Check the server's own log.")
    return MailServerFault(f"{where}: {words[0]}.", remedy=words[1])


def tls(settings: Imap) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca_file or None)


def _connect(settings: Imap) -> BaseMailBox:
    host, port, timeout_s = settings.host, settings.port, settings.timeout_s
    if settings.tls == "tls":
        return MailBox(host, port, timeout=timeout_s, ssl_context=tls(settings))
    if settings.tls == "starttls":
        return MailBoxStartTls(host, port, timeout=timeout_s, ssl_context=tls(settings))
    return MailBoxUnencrypted(host, port, timeout=timeout_s)


def _capabilities(connection: BaseMailBox) -> frozenset[str]:
    """Asked after the login: only then a server tells all."""
    _, data = connection.client.capability()
    return frozenset(
        b" ".join(line for line in data if isinstance(line, bytes)).decode("ascii", "replace").upper().split()
    )


def _leave(connection: BaseMailBox) -> None:
    """A server that hangs must not keep us for another timeout."""
    with suppress(*_FAULTS):
        connection.client.sock.settimeout(2)
        connection.logout()
    with suppress(*_FAULTS):
        connection.client.shutdown()


class ImapMailbox:
    """An open connection. Raises what ``imap`` turns into ``MailServerFault``."""

    def __init__(self, connection: BaseMailBox, settings: Imap, capabilities: frozenset[str]) -> None:
        self._box = connection
        self._settings = settings
        self._capabilities = capabilities

    @property
    def idles(self) -> bool:
        return "IDLE" in self._capabilities

    def select(self) -> Folder:
        """Select the folder that is read."""
        self._box.folder.set(self._settings.folder)
        status = self._box.folder.status(self._settings.folder, ["UIDVALIDITY", "UIDNEXT"])
        return Folder(status["UIDVALIDITY"], status["UIDNEXT"])

    def uids(self, *, at_least: int, since: date | None = None) -> list[int]:
        """Unread mails, mails from this uid on and, with ``since``, mails that arrived from that day on; in the order of their arrival."""
        found = {int(uid) for uid in self._box.uids("UNSEEN UNDELETED", charset=None)}
        if at_least > 0:  # n:* names at least the last mail, even one below n
            found |= {
                int(uid) for uid in self._box.uids(f"UID {at_least}:* UNDELETED", charset=None) if int(uid) >= at_least
            }
        if since is not None:
            found |= {int(uid) for uid in self._box.uids(f"SINCE {since:%d-%b-%Y} UNDELETED", charset=None)}
        return sorted(found)

    def size(self, uid: int) -> int | None:
        """Bytes of a mail; None when it is gone."""
        status, data = self._box.client.uid("FETCH", str(uid), "(UID RFC822.SIZE)")
        for line in data or ():
            text = line if isinstance(line, bytes) else b""
            if status == "OK" and (found := _SIZE.search(text)) and uid in {int(found[1] or 0), int(found[4] or 0)}:
                return int(found[2] or found[3])
        return None

    def raw(self, uid: int) -> bytes | None:
        """The bytes of a mail, which stays unread; None when it is gone."""
        _, data = self._box.client.uid("FETCH", str(uid), "(UID BODY.PEEK[])")
        return next((bytes(part[1]) for part in data or () if isinstance(part, tuple) and len(part) > 1), None)

    def done(self, uid: int) -> bool:
        """Mark as read and, with a folder for it, move there. False: the server refuses it, such as for a folder that is not there.

        Nothing but this mail is touched: EXPUNGE would remove what others have marked.
        """
        try:
            self._mark(uid)
        except imaplib.IMAP4.abort:  # the connection is of no use any more
            raise
        except imaplib.IMAP4.error:
            return False
        return True

    def _mark(self, uid: int) -> None:
        client, one = self._box.client, str(uid)
        _ok(client.uid("STORE", one, "+FLAGS.SILENT", "(\\Seen)"))
        if not self._settings.done_folder:
            return
        target = encode_folder(self._settings.done_folder).decode()
        if "MOVE" in self._capabilities:
            _ok(client.uid("MOVE", one, target))
            return
        _ok(client.uid("COPY", one, target))
        _ok(client.uid("STORE", one, "+FLAGS.SILENT", "(\\Deleted)"))
        if "UIDPLUS" in self._capabilities:
            _ok(client.uid("EXPUNGE", one))

    def holds(self, folder: str, message_id: str) -> bool:
        """Is a mail with this Message-ID (ours, so of plain characters) in that folder?"""
        self._box.folder.set(folder, readonly=True)
        return bool(self._box.uids(f'HEADER Message-ID "<{message_id}>"', charset=None))

    def folders(self) -> list[str]:
        return [one.name for one in self._box.folder.list()]

    def _buffered(self) -> bool:
        """Did lines come together with others? Then they are read already, and the socket does not show them."""
        client = self._box.client
        before = client.sock.gettimeout()
        client.sock.settimeout(0)
        try:
            return bool(client._get_line())  # as imap-tools itself reads them
        except (OSError, imaplib.IMAP4.abort):  # nothing yet, or nothing any more, which DONE finds out
            return False
        finally:
            client.sock.settimeout(before)

    def wait(self, stop: Callable[[], bool], *, at_most_s: float = inf) -> None:
        """Until something may have changed, by IDLE where the server has it; at most until it has to be renewed."""
        if not self.idles:
            _sleep(min(self._settings.poll_s, at_most_s), stop)
            return
        if len(self._box.client.untagged_responses.get("EXISTS", ())) > 1:
            return  # told with the answers since the folder was selected: IDLE does not tell it again
        self._box.idle.start()  # type: ignore[no-untyped-call]  # imap-tools annotates only some
        poller = select.poll()
        poller.register(self._box.client.sock.fileno(), select.POLLIN)
        longest = min(self._settings.idle_s, at_most_s)
        until = monotonic() + longest
        while (
            not self._buffered()
            and not stop()
            and monotonic() < until
            and not poller.poll(min(_LOOK_S, longest) * 1000)
        ):
            continue
        self._box.idle.stop()  # type: ignore[no-untyped-call]  # as above; reads what came, and says so when the server has gone


def _ok(answer: tuple[str, object]) -> None:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("the server refused a command")


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    until = monotonic() + seconds
    while not stop() and (left := until - monotonic()) > 0:
        select.select([], [], [], min(left, _LOOK_S))
