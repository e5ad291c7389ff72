"""Reading a mailbox of a real IMAP server: every mail is stored before the server hears of it, and none twice."""

from __future__ import annotations

import logging
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot, certificate
from dovecot import binary as dovecot_binary
from mailbox_parts import mailbox_on, written
from sqlalchemy import text

from appliance.channels.mail.errors import MailServerFault
from appliance.channels.mail.fetch import TOO_LARGE, Fetcher
from appliance.channels.mail.imap import imap
from appliance.channels.mail.raw import RawMails, fingerprint
from appliance.errors import StorageFailed
from appliance.mailbox_settings import Mailbox
from appliance.store.database import Database
from appliance.store.mail import DUPLICATE, Mail, SqlMailboxes, SqlMails


class Box:
    """Fetchers of one mailbox on one database, and what they took in."""

    def __init__(self, mailbox: Mailbox, database: Database, data: Path, clock: Any, ids: Any) -> None:
        self.mailbox = mailbox
        self.mails = SqlMails(database)
        self.mailboxes = SqlMailboxes(database)
        self.raw = RawMails(data)
        self.taken: list[tuple[Mail, bytes | None]] = []
        self.busy = False
        self._clock, self._ids = clock, ids

    def take(self, mail: Mail, raw: bytes | None, going_on: Callable[[], bool]) -> bool:
        if self.busy:
            return False
        self.taken.append((mail, raw))
        self.mails.settle(mail.id, "taken", rule="mail.taken", now=self._clock())
        return True

    def fetcher(self, **more: Any) -> Fetcher:
        return Fetcher(
            **{
                "mailbox": self.mailbox,
                "mails": self.mails,
                "mailboxes": self.mailboxes,
                "raw": self.raw,
                "take": self.take,
                "replica": "one",
                "max_bytes": 1_000_000,
                "new_id": self._ids,
                "now": self._clock,
                "pauses_s": (0.05,),
            }
            | more
        )

    def once(self, **more: Any) -> None:
        """One look into the mailbox."""
        fetcher = self.fetcher(**more)
        assert fetcher._lease.held()
        with imap(self.mailbox) as box:
            fetcher.round(box)

    def raws(self) -> list[bytes | None]:
        return [raw for _, raw in self.taken]


@pytest.fixture
def user(dovecot: Dovecot) -> str:
    return dovecot.new_user()


@pytest.fixture
def box(dovecot: Dovecot, user: str, sqlite: Database, tmp_path: Path, clock: Any, ids: Any) -> Box:
    return Box(mailbox_on(dovecot, user, tmp_path), sqlite, tmp_path, clock, ids)


def body(raw: bytes | None) -> bytes:
    return (raw or b"").partition(b"\r\n\r\n")[2].strip()


def test_a_mail_is_a_file_for_its_owner_alone_before_it_is_taken_in(
    dovecot: Dovecot, user: str, box: Box, tmp_path: Path
) -> None:
    dovecot.deliver(user, written("hello there"))
    seen: list[bytes] = []

    def look(mail: Mail, raw: bytes | None, going_on: Callable[[], bool]) -> bool:
        file = tmp_path / mail.path
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        seen.append(file.read_bytes())
        return box.take(mail, raw, going_on)

    box.once(take=look)
    assert body(seen[0]) == b"hello there"
    assert seen == box.raws()


def test_a_mail_is_taken_in_once_and_marked_as_read(dovecot: Dovecot, user: str, box: Box) -> None:
    dovecot.deliver(user, written())
    box.once()
    box.once()
    assert len(box.taken) == 1
    with imap(box.mailbox) as opened:
        opened.select()
        assert opened.uids(at_least=0) == []


def test_a_mail_is_moved_where_a_folder_is_named(dovecot: Dovecot, user: str, box: Box, tmp_path: Path) -> None:
    box.mailbox = mailbox_on(dovecot, user, tmp_path, imap={"done_folder": "Handled"})
    dovecot.deliver(user, written())
    box.once()
    with imap(box.mailbox) as opened:
        opened.select()
        assert opened.uids(at_least=1) == []
        assert opened.holds("Handled", "1@customer.example")
        assert not opened.holds("INBOX", "1@customer.example")


def test_what_was_read_before_we_came_is_left_alone_and_what_people_read_afterwards_is_not(
    dovecot: Dovecot, user: str, box: Box
) -> None:
    dovecot.deliver(user, written("old and read", message_id="<old@customer.example>"))
    with imap(box.mailbox) as opened:
        opened.select()
        opened.done(1)
    box.once()
    assert box.taken == []
    dovecot.deliver(user, written("new and read by somebody", message_id="<new@customer.example>"))
    with imap(box.mailbox) as opened:
        opened.select()
        opened.done(2)
    box.once()
    assert [body(raw) for raw in box.raws()] == [b"new and read by somebody"]


def test_a_mail_that_could_not_be_taken_in_is_taken_from_the_disk_later(dovecot: Dovecot, user: str, box: Box) -> None:
    dovecot.deliver(user, written())
    box.busy = True
    box.once()
    assert (box.taken, len(box.mails.waiting("support"))) == ([], 1)
    box.busy = False
    box.once()
    assert len(box.taken) == 1
    assert box.mails.count() == {"stored": 0, "taken": 1, "ignored": 0, "to_people": 0}


def test_a_crash_before_the_server_was_told_does_not_double_a_mail(dovecot: Dovecot, user: str, box: Box) -> None:
    class Crashed(Exception):
        pass

    def crash(mail: Mail, raw: bytes | None, going_on: Callable[[], bool]) -> bool:
        box.take(mail, raw, going_on)
        raise Crashed

    dovecot.deliver(user, written())
    with pytest.raises(Crashed):
        box.once(take=crash)
    box.once()
    assert len(box.taken) == 1
    assert len(list(box.raw._data.glob("mail/*"))) == 1


def test_the_same_mail_by_two_ways_is_one_and_another_mail_with_its_id_is_not(
    dovecot: Dovecot, user: str, box: Box
) -> None:
    once = written("the same")
    dovecot.deliver(user, once)
    dovecot.deliver(user, b"Received: by another.example; Mon, 1 Jun 2026 09:00:01 +0000\r\n" + once)
    dovecot.deliver(user, written("another text under the same id"))
    box.once()
    assert [body(raw) for raw in box.raws()] == [b"the same", b"another text under the same id"]
    [twin] = [mail for mail in box.mails.known("support", _validity(box), [1, 2, 3]).values() if mail.rule == DUPLICATE]
    assert (twin.state, twin.path) == ("ignored", "")


def _validity(box: Box) -> int:
    with imap(box.mailbox) as opened:
        return opened.select().uidvalidity


def test_a_folder_that_is_numbered_anew_loses_and_doubles_nothing(
    dovecot: Dovecot, user: str, box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = written("before", message_id="<a@x.example>"), written("meanwhile", message_id="<b@x.example>")
    with imap(box.mailbox) as opened:
        opened._box.folder.create("Desk")
        opened._box.append(first, "Desk")
    box.mailbox = mailbox_on(dovecot, user, tmp_path, imap={"folder": "Desk"})
    box.once()
    before = _validity(box)
    with imap(mailbox_on(dovecot, user, tmp_path)) as opened:  # a restored backup, with one more that somebody has read
        opened._box.folder.delete("Desk")
        opened._box.folder.create("Desk")
        opened._box.append(first, "Desk")
        opened._box.append(second, "Desk", flag_set=["\\Seen"])
    assert _validity(box) != before
    box._clock.time = datetime.now(UTC)  # the server's own days are compared with
    with caplog.at_level(logging.WARNING):
        box.once()
        box.once()
    assert [body(raw) for raw in box.raws()] == [b"before", b"meanwhile"]
    assert len([record for record in caplog.records if "numbered the folder anew" in record.message]) == 1


def test_a_full_disk_leaves_the_mail_on_its_server(dovecot: Dovecot, user: str, box: Box, tmp_path: Path) -> None:
    dovecot.deliver(user, written())
    full = RawMails(Path("/proc/self"))  # nothing can be made there, by anybody
    with pytest.raises(StorageFailed, match="still on its server"):
        box.once(raw=full)
    with imap(box.mailbox) as opened:
        opened.select()
        assert opened.uids(at_least=0) == [1]
    box.once()
    assert len(box.taken) == 1


def test_a_mail_that_is_too_large_is_told_and_not_fetched(dovecot: Dovecot, user: str, box: Box) -> None:
    dovecot.deliver(user, written("x" * 5_000))
    box.once(max_bytes=1_000)
    [(mail, raw)] = box.taken
    assert (raw, mail.rule, mail.path) == (None, TOO_LARGE, "")
    assert mail.size > 5_000


def test_only_one_replica_reads_a_mailbox_and_a_dead_one_is_replaced(box: Box, clock: Any) -> None:
    time = [0.0]
    one = box.fetcher(replica="one", clock=lambda: time[0])._lease
    two = box.fetcher(replica="two", clock=lambda: time[0])._lease
    assert one.held()
    assert not two.held()
    clock.forward(days=1)  # a clock that jumps takes nothing away
    for _ in range(5):
        time[0] += 6
        assert one.held()
        assert not two.held()
    time[0] += 6
    assert not two.held()  # stands still: since now
    time[0] += 21
    assert two.held()
    time[0] += 6
    assert not one.held()
    two.release()
    assert one.held()


def running(fetcher: Fetcher) -> threading.Thread:
    thread = threading.Thread(target=fetcher.run, daemon=True)
    thread.start()
    return thread


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    waited = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        waited.wait(0.05)
    pytest.fail("it did not happen")


@pytest.mark.parametrize("idles", [True, False])
def test_a_mail_that_comes_while_waiting_is_read_at_once_by_idle_and_later_by_asking(
    dovecot: Dovecot, user: str, box: Box, tmp_path: Path, idles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.channels.mail.imap import ImapMailbox

    if not idles:
        monkeypatch.setattr(ImapMailbox, "idles", False)
    box.mailbox = mailbox_on(dovecot, user, tmp_path, imap={"idle_s": 600, "poll_s": 0.2})
    fetcher = box.fetcher()
    thread = running(fetcher)
    until(lambda: "connected" in box.mailboxes.states().get("support", ("", None))[0])
    for number in range(3):
        dovecot.deliver(user, written(message_id=f"<{number}@customer.example>"))
        until(lambda number=number: len(box.taken) == number + 1)
    fetcher.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert box.mailboxes.place("support").holder == ""


def test_a_mail_that_could_not_be_taken_in_is_tried_again_soon_and_new_mail_is_read_meanwhile(
    dovecot: Dovecot, user: str, box: Box, tmp_path: Path
) -> None:
    tries: list[bytes] = []
    refuse = threading.Event()
    refuse.set()

    def take(mail: Mail, raw: bytes | None, going_on: Callable[[], bool]) -> bool:
        tries.append(body(raw))
        return not (body(raw) == b"first" and refuse.is_set()) and box.take(mail, raw, going_on)

    box.mailbox = mailbox_on(dovecot, user, tmp_path, imap={"idle_s": 600})
    dovecot.deliver(user, written("first", message_id="<1@customer.example>"))
    fetcher = box.fetcher(take=take, again_s=(0.05,))
    thread = running(fetcher)
    until(lambda: tries.count(b"first") >= 3)
    dovecot.deliver(user, written("second", message_id="<2@customer.example>"))
    until(lambda: b"second" in tries)
    with imap(box.mailbox) as opened:  # it may vanish from its server while it waits
        opened.select()
        opened._box.delete("1")
    before = len(tries)
    until(lambda: len(tries) >= before + 3)
    refuse.clear()
    until(lambda: len(box.taken) == 2)
    fetcher.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert [body(raw) for raw in box.raws()] == [b"second", b"first"]


def test_a_mail_that_waits_lets_new_mail_in_by_idle_before_its_own_time_has_come(
    dovecot: Dovecot, user: str, box: Box, tmp_path: Path
) -> None:
    box.mailbox = mailbox_on(dovecot, user, tmp_path, imap={"idle_s": 600})
    box.busy = True
    dovecot.deliver(user, written("first", message_id="<1@customer.example>"))
    fetcher = box.fetcher(again_s=(600.0,))
    thread = running(fetcher)
    until(lambda: len(box.mails.waiting("support")) == 1)
    box.busy = False
    dovecot.deliver(user, written("second", message_id="<2@customer.example>"))
    until(lambda: len(box.taken) == 2)
    fetcher.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_folder_that_is_not_there_keeps_no_mail_and_is_told_once_for_each(
    dovecot: Dovecot, user: str, box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box.mailbox = mailbox_on(dovecot, user, tmp_path, imap={"done_folder": "Nowhere"})
    fetcher = box.fetcher()
    assert fetcher._lease.held()
    with caplog.at_level(logging.INFO), imap(box.mailbox) as opened:
        for number in range(3):
            dovecot.deliver(user, written(f"text {number}", message_id=f"<{number}@customer.example>"))
        assert fetcher.round(opened)
        assert fetcher.round(opened)
        dovecot.deliver(user, written("text 3", message_id="<3@customer.example>"))
        assert fetcher.round(opened)
    assert [body(raw) for raw in box.raws()] == [b"text 0", b"text 1", b"text 2", b"text 3"]
    assert box.mailboxes.place("support").uid_next == 5
    told = [record.getMessage() for record in caplog.records if "refuses to mark" in record.getMessage()]
    assert [line.split()[3] for line in told] == [mail.id for mail, _ in box.taken]
    assert not any("text" in line for line in told)


def test_a_server_that_refuses_to_mark_anything_keeps_no_mail(
    dovecot: Dovecot, user: str, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.channels.mail.imap import ImapMailbox

    def unmarkable(self: ImapMailbox, uid: int) -> None:
        self._box.client.uid("STORE", str(uid), "+FLAGS", "no-list-of-flags(")  # Dovecot answers BAD

    monkeypatch.setattr(ImapMailbox, "_mark", unmarkable)
    fetcher = box.fetcher()
    assert fetcher._lease.held()
    for number in range(2):
        dovecot.deliver(user, written(message_id=f"<{number}@customer.example>"))
    with imap(box.mailbox) as opened:
        assert fetcher.round(opened)
        assert fetcher.round(opened)
        assert opened.uids(at_least=0) == [1, 2]
    assert len(box.taken) == 2


def test_a_lease_that_cannot_be_given_back_ends_the_thread_quietly(
    box: Box, sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    fetcher = box.fetcher()
    assert fetcher._lease.held()
    fetcher.stop()
    with sqlite.write() as session:
        session.execute(text("DROP TABLE mailboxes"))
    fetcher.run()
    assert [record.getMessage() for record in caplog.records] == [
        "mailbox support: its lease could not be given back (StorageFailed)"
    ]


def test_a_server_that_vanishes_mid_idle_is_found_again_with_one_line_in_the_log(
    tmp_path: Path, sqlite: Database, clock: Any, ids: Any, caplog: pytest.LogCaptureFixture
) -> None:
    program = dovecot_binary()
    assert program
    with Dovecot(program) as own:
        user = own.new_user()
        box = Box(mailbox_on(own, user, tmp_path), sqlite, tmp_path, clock, ids)
        own.deliver(user, written(message_id="<0@customer.example>"))
        with caplog.at_level(logging.INFO):
            fetcher = box.fetcher(pauses_s=(0.2,))
            thread = running(fetcher)
            until(lambda: len(box.taken) == 1)
            own.stop()
            until(lambda: "connected" not in box.mailboxes.states()["support"][0])
            own.start()
            own.deliver(user, written(message_id="<1@customer.example>"))
            until(lambda: len(box.taken) == 2)
            fetcher.stop()
            thread.join(10)
    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert 1 <= len(lines) <= 3
    assert all("mailbox support: IMAP" in line for line in lines)


def test_a_certificate_that_is_not_the_servers_is_refused(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    strange, _ = certificate(other)
    mailbox = mailbox_on(dovecot, user, tmp_path, imap={"ca_file": str(strange)})
    with pytest.raises(MailServerFault, match="certificate is not trusted"), imap(mailbox):
        pass


def test_a_name_that_is_not_on_the_certificate_is_refused(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    mailbox = mailbox_on(dovecot, user, tmp_path, imap={"host": "127.0.0.1"})
    with pytest.raises(MailServerFault, match="certificate is not trusted"), imap(mailbox):
        pass


def test_starttls_is_used_and_a_wrong_password_is_named(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    mailbox = mailbox_on(dovecot, user, tmp_path, imap={"port": dovecot.imap, "tls": "starttls"})
    with imap(mailbox) as opened:
        assert opened.idles
    with pytest.raises(MailServerFault, match="login was refused"), imap(mailbox, "wrong"):
        pass


def test_a_server_that_says_nothing_is_given_up(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        mailbox = mailbox_on(
            dovecot, user, tmp_path, imap={"port": silent.getsockname()[1], "tls": "none", "timeout_s": 0.3}
        )
        with pytest.raises(MailServerFault, match="no answer in time"), imap(mailbox):
            pass


def test_a_fingerprint_is_of_who_when_and_what_and_not_of_the_way() -> None:
    one = written("text")
    assert fingerprint(b"Received: x\r\n" + one) == fingerprint(one)
    assert fingerprint(one.replace(b"\r\n", b"\n")) != fingerprint(written("other"))
    assert fingerprint(written("text", sender="eve@evil.example")) != fingerprint(one)
    nameless = written("text", message_id="")
    assert fingerprint(nameless) != fingerprint(b"Received: x\r\n" + nameless)
    assert len({fingerprint(raw) for raw in (b"", b"\x00", b"no blank line", b"\r\n\r\n")}) == 4


def test_what_a_crash_left_beside_the_rows_is_removed(tmp_path: Path) -> None:
    raw = RawMails(tmp_path)
    assert raw.remove_leftovers(set(), before=2e9) == 0
    kept, left = raw.write("a", b"1"), raw.write("b", b"2")
    (tmp_path / "mail/c.part").write_bytes(b"half")
    assert raw.remove_leftovers({kept}, before=1) == 0
    assert raw.remove_leftovers({kept}, before=4e9) == 2
    assert (raw.read(kept), raw.read(left)) == (b"1", None)
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["a.eml"]
