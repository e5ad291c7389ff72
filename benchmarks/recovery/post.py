"""Mail for the recovery scenes: a real IMAP server that people's mails are delivered to, and an SMTP server that takes the replies and never dies."""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import select

from appliance.store.database import Database
from appliance.store.tables import MessageRow
from benchmarks.recovery.crowd import TEXTS

_SETTINGS = """
[[mailboxes]]
name = "support"
address = "{desk}"
look_up_wait_s = 2

[mailboxes.imap]
host = "localhost"
port = {imaps}
user = "{desk}"
password_file = "{secret}"
ca_file = "{certificate}"
timeout_s = 10

[mailboxes.smtp]
host = "127.0.0.1"
port = {smtp}
tls = "none"
timeout_s = 5
"""


class Post:
    """``delivered``: mails that the IMAP server has taken over, by their mark in the text, with the address of who wrote."""

    def __init__(self, dovecot: Any, smtp: Any, folder: Path) -> None:
        self._dovecot = dovecot
        self._smtp = smtp
        self._folder = folder
        self._desk = dovecot.new_user()
        self._lock = threading.Lock()
        self.delivered: dict[str, str] = {}

    @property
    def settings(self) -> str:
        secret = self._folder / "imap-password"
        secret.write_text(import_module("dovecot").PASSWORD)
        secret.chmod(0o600)
        return _SETTINGS.format(
            desk=self._desk,
            imaps=self._dovecot.imaps,
            secret=secret,
            certificate=self._dovecot.certificate,
            smtp=self._smtp.port,
        )

    def write(self, chance: random.Random) -> None:
        """Somebody who has not written before sends one mail."""
        mark = f"{chance.getrandbits(64):016x}"
        customer = f"p{mark}@customer.example"
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = customer, self._desk, "A question"
        mail["Date"], mail["Message-ID"] = "Mon, 01 Jun 2026 09:00:00 +0000", f"<{mark}@customer.example>"
        mail.set_content(f"{chance.choice(TEXTS)} [{mark}]")
        self._dovecot.deliver(self._desk, mail.as_bytes(), sender=customer)
        with self._lock:
            self.delivered[mark] = customer

    def judge(self, url: str) -> dict[str, int]:
        """``mails_lost``, ``mails_stored_twice`` and ``mails_answered_twice`` must be 0: the last counts different mails of ours, by Message-ID, to one customer."""
        database = Database.look(url)
        try:
            with database.read() as session:
                texts = list(session.scalars(select(MessageRow.text).where(MessageRow.author == "customer")))
        finally:
            database.close()
        stored = Counter(mark for mark in self.delivered for text in texts if f"[{mark}]" in text)
        ours = [
            (mark, [str(one.mail["Message-ID"]) for one in self._smtp.to(customer)])
            for mark, customer in self.delivered.items()
        ]
        return {
            "mails": len(self.delivered),
            "mails_lost": sum(mark not in stored for mark in self.delivered),
            "mails_stored_twice": sum(count - 1 for count in stored.values()),
            "mails_answered": sum(bool(ids) for _, ids in ours),
            "mails_answered_twice": sum(len(set(ids)) - 1 for _, ids in ours if ids),
            "mails_sent_again_under_their_id": sum(len(ids) - len(set(ids)) for _, ids in ours),
        }

    def waiting(self, url: str) -> int:
        """Mails that are delivered and not in the database yet."""
        return self.judge(url)["mails_lost"]


@contextmanager
def post(folder: Path) -> Iterator[Post]:
    """The servers of the tests, ended with the scene."""
    tests = str(Path(__file__).parents[2] / "tests")
    if tests not in sys.path:
        sys.path.insert(0, tests)
    dovecot_module, smtp_module = import_module("dovecot"), import_module("smtp_server")
    program = dovecot_module.binary()
    if program is None:
        raise SystemExit("Dovecot is not installed: make .venv/.system")
    with dovecot_module.Dovecot(program) as dovecot:

        def copy(recipient: str, raw: bytes) -> None:
            if recipient.endswith("@desk.example"):
                dovecot.deliver(recipient, raw)

        with smtp_module.MailServer(on_accept=copy) as smtp:
            yield Post(dovecot, smtp, folder)
