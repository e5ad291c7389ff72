"""A whole appliance with a mailbox: Dovecot delivers to it, an SMTP server takes its replies and hands them to the customers' Dovecot mailboxes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from dovecot import PASSWORD, Dovecot
from smtp_server import MailServer

from appliance.bootstrap import Appliance, answering, open_appliance
from appliance.config import Config
from appliance.knowledge import open_knowledge
from appliance.mailbox_settings import Imap, Mailbox, Smtp
from appliance.model_set import open_models
from appliance.store.database import Database
from appliance.store.tables import ConversationRow, HandoffRow, MessageRow, OutboxRow, RunRow

_PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the starter articles of ``saas``, on the weights that ship."""
    config = Config(data=tmp_path_factory.mktemp("mail") / "data")
    database = Database(config.database_url)
    assert open_knowledge(config, database, open_models(config).encoder).add_starter("saas") > 0
    database.close()
    return config.data


@dataclass
class Post:
    """The outside: servers, the desk's address, a customer with a mailbox."""

    dovecot: Dovecot
    smtp: MailServer
    desk: str
    customer: str
    data: Path

    def mailbox(self, **more: Any) -> Mailbox:
        secret = self.data / "imap-password"
        secret.write_text(PASSWORD)
        server = {
            "host": "localhost",
            "port": self.dovecot.imaps,
            "user": self.desk,
            "password_file": str(secret),
            "ca_file": str(self.dovecot.certificate),
            "done_folder": "Handled",
            "timeout_s": 10,
        }
        return Mailbox(
            **{
                "name": "support",
                "address": self.desk,
                "imap": Imap(**server),
                "smtp": Smtp(host="127.0.0.1", port=self.smtp.port, tls="none", timeout_s=1),
                "look_up_wait_s": 2,
            }
            | more
        )

    def write(
        self,
        text: str,
        *,
        answers: EmailMessage | None = None,
        sender: str = "",
        subject: str = "A question",
        number: int = 1,
        **headers: str,
    ) -> None:
        """The customer writes, or answers one of our mails as a mail program does."""
        mail = EmailMessage()
        mail["From"] = sender or f"Ada Example <{self.customer}>"
        mail["To"] = str(answers["Reply-To"].addresses[0].addr_spec) if answers else self.desk
        mail["Subject"] = str(answers["Subject"]) if answers else subject
        mail["Date"] = "Mon, 01 Jun 2026 09:00:00 +0000"
        mail["Message-ID"] = f"<{number}.{self.customer}>"
        if answers:
            mail["In-Reply-To"] = str(answers["Message-ID"])
            mail["References"] = f"{answers['References'] or ''} {answers['Message-ID']}".strip()
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        self.deliver(mail.as_bytes())

    def deliver(self, raw: bytes, *, sender: str = "") -> None:
        self.dovecot.deliver(self.desk, raw, sender=sender or self.customer)

    def inbox(self) -> list[EmailMessage]:
        """What the customer has got."""
        return [one.mail for one in self.smtp.to(self.customer)]


@dataclass
class Desk:
    """The appliance at work, and what its database says."""

    post: Post
    appliance: Appliance

    async def until(self, condition: Callable[[], bool], what: str = "it") -> None:
        for _ in range(int(_PATIENCE_S / 0.05)):
            if await asyncio.to_thread(condition):
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"{what} did not happen: {await asyncio.to_thread(self.state)}")

    def state(self) -> str:
        with self.appliance.database.read() as session:
            return str(
                [
                    [(row.state, row.rule, row.size) for row in _mails(session)],
                    [(row.author, row.state, row.trust) for row in session.query(MessageRow)],
                    [(row.kind, row.state, row.attempts, row.fault) for row in session.query(OutboxRow)],
                    self.appliance.mail and self.appliance.mail._places.states(),
                ]
            )

    def mails(self) -> list[tuple[str, str, str | None]]:
        with self.appliance.database.read() as session:
            return [(row.state, row.rule, row.conversation_id) for row in _mails(session)]

    def settled(self, number: int) -> bool:
        return sum(state != "stored" for state, _, _ in self.mails()) >= number

    def conversations(self) -> list[tuple[str, str, str, str | None]]:
        """(id, status, subject, customer) in the order of their beginning."""
        with self.appliance.database.read() as session:
            return [
                (row.id, row.status, row.subject, row.customer_id)
                for row in session.query(ConversationRow).order_by(ConversationRow.created_at)
            ]

    def said(self, conversation_id: str) -> list[tuple[str, str]]:
        with self.appliance.database.read() as session:
            rows = session.query(MessageRow).where(MessageRow.conversation_id == conversation_id)
            return [(row.author, row.text) for row in rows.order_by(MessageRow.seq)]

    def runs(self) -> int:
        with self.appliance.database.read() as session:
            return session.query(RunRow).count()

    def notes(self) -> list[tuple[str, str, list[str]]]:
        """(conversation, rule, what was tried) of the tickets that people have."""
        with self.appliance.database.read() as session:
            return [(row.conversation_id, row.rule, row.note["tried"]) for row in session.query(HandoffRow)]

    def outbox(self) -> list[tuple[str, str, int]]:
        with self.appliance.database.read() as session:
            rows = session.query(OutboxRow).order_by(OutboxRow.created_at)
            return [(row.purpose, row.state, row.attempts) for row in rows]


def _mails(session: Any) -> list[Any]:
    from appliance.store.mail_tables import MailRow

    return cast("list[Any]", session.query(MailRow).order_by(MailRow.received_at, MailRow.uid).all())


@pytest.fixture
def post(dovecot: Dovecot, tmp_path: Path, stocked: Path) -> Iterator[Post]:
    desk, customer = dovecot.new_user(), dovecot.new_user().replace("desk.example", "customer.example")

    def hand_on(recipient: str, raw: bytes) -> None:
        if recipient == desk:
            dovecot.deliver(desk, raw, sender=desk)

    data = Path(shutil.copytree(stocked, tmp_path / "data"))
    with MailServer(on_accept=hand_on) as smtp:
        yield Post(dovecot, smtp, desk, customer, data)


@pytest.fixture
def open_desk(post: Post) -> Callable[..., Any]:
    """Opens the appliance with that mailbox; may be used again, as after a restart."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def opened(**config: Any) -> AsyncIterator[Desk]:
        settings = Config(**{"data": post.data, "mailboxes": (post.mailbox(),)} | config)
        async with open_appliance(settings) as appliance, answering(appliance):
            yield Desk(post, appliance)

    return opened


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def parsed(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(raw, policy=default))
