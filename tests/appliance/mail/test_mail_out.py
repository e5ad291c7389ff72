"""What leaves: bytes that no header can break, budgets, acknowledgements, and servers that refuse, hang or cheat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtplib import SMTP
from dovecot import Dovecot, certificate
from mailbox_parts import mailbox_on, written
from smtp_server import PASSWORD, USER, MailServer

from appliance.channels.carriers import Undelivered
from appliance.channels.mail import smtp
from appliance.channels.mail.checking import check_mailbox
from appliance.channels.mail.compose import Letter, compose, html, reply_subject
from appliance.channels.mail.departures import departures
from appliance.channels.mail.smtp import Unclear, submit
from appliance.config import Config
from appliance.errors import ConfigInvalid
from appliance.mailbox_settings import Imap, Mailbox, Smtp, password
from appliance.store.database import Database
from appliance.store.outbox import Happened
from appliance.store.sent_mail import Budget, SqlSentMails
from appliance.store.tables import ConversationRow
from appliance.ticket import Citation

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def letter(**more: Any) -> Letter:
    return Letter(
        **{
            "sender": "support@desk.example",
            "sender_name": "Acme",
            "recipient": "ada@customer.example",
            "reply_to": "support+token@desk.example",
            "subject": "Re: A question",
            "text": "It is valid for 60 minutes.",
            "message_id": "t.1@desk.example",
            "sent_at": NOW,
            "headers": {"In-Reply-To": "<1@c.example>", "References": "<0@c.example> <1@c.example>"},
        }
        | more
    )


def read(one: Letter) -> Any:
    return message_from_bytes(compose(one), policy=default)


def test_a_mail_has_plain_text_and_html_and_its_thread() -> None:
    mail = read(letter())
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert (mail["In-Reply-To"], mail["References"]) == ("<1@c.example>", "<0@c.example> <1@c.example>")
    assert mail["Message-ID"] == "<t.1@desk.example>"
    assert mail["Reply-To"].addresses[0].addr_spec == "support+token@desk.example"
    assert b"\n" not in compose(letter()).replace(b"\r\n", b"")


def test_long_message_ids_are_written_as_they_are() -> None:
    ids = " ".join(f"<{'x' * 120}.{n}@c.example>" for n in range(7))
    assert read(letter(headers={"References": ids}))["References"] == ids


@pytest.mark.parametrize(
    "subject",
    ["Re: x\r\nBcc: eve@evil.example", "x\nContent-Type: text/html", "\x00\u202e", "Ä" * 500, "=?utf-8?q?=0ABcc:x?="],
)
def test_no_subject_makes_a_header(subject: str) -> None:
    mail = read(letter(subject=reply_subject(subject)))
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "multipart/alternative"
    assert len(str(mail["Subject"])) < 200


@pytest.mark.parametrize(
    ("subject", "ours"),
    [("A", "Re: A"), ("Re: A", "Re: A"), ("RE: Aw: re[2]: A", "Re: A"), ("", ""), ("Re:", ""), ("Reset", "Re: Reset")],
)
def test_a_subject_has_re_once(subject: str, ours: str) -> None:
    assert reply_subject(subject) == ours


def test_html_is_escaped_and_links_only_what_is_cited() -> None:
    cited = (
        Citation(1, "a", "A", "https://help.example/a?x=1&y=2", ""),
        Citation(2, "b", "B", "javascript:alert(1)", ""),
    )
    page = html(
        "<b>No</b> https://other.example javascript:alert(1)\n\nMore: https://help.example/a?x=1&y=2", cited, "en"
    )
    assert page.count("<a ") == 1
    assert '<a href="https://help.example/a?x=1&amp;y=2">' in page
    assert "<b>" not in page
    assert not any(word in page for word in ("<img", "<script", "style", "src="))


def test_an_answer_and_one_acknowledgement_leave_and_nothing_from_other_channels() -> None:
    def happened(**more: Any) -> Happened:
        return Happened(
            **{
                "what": "reply.sent",
                "conversation_id": "c",
                "channel": "mail",
                "source": "support",
                "message_id": "m",
                "at": NOW,
                "outcome": "answered",
                "speaks": True,
            }
            | more
        )

    [answer] = departures(happened())
    [first] = departures(happened(outcome="handed_over"))
    [second] = departures(happened(outcome="handed_over", message_id="n"))
    assert (answer.key, answer.target, answer.purpose) == ("mail:answer:m", "support", "answer")
    assert first == second
    assert [
        list(departures(happened(**one)))
        for one in ({"speaks": False}, {"channel": "chat"}, {"what": "message.received"})
    ] == [[], [], []]


def test_budgets_count_an_hour_a_day_and_everybody(database: Database) -> None:
    with database.write() as session:
        session.add(
            ConversationRow(id="c", token_hash="", channel="mail", status="open", created_at=NOW, updated_at=NOW)
        )
    sent, budget, numbers = (
        SqlSentMails(database),
        Budget(recipient_hour=2, recipient_day=3, all_hour=4),
        iter(range(99)),
    )

    def reserve(recipient: str, at: datetime, parcel: str = "") -> str:
        one = parcel or f"p{next(numbers)}"
        return sent.reserve(
            parcel_id=one, mailbox="support", conversation_id="c", message_id=f"{one}@x", recipient=recipient, purpose="answer", budget=budget, now=at
        )  # fmt: skip

    assert [reserve("ada", NOW) for _ in range(3)] == ["", "", "recipient_hour"]
    assert [reserve("bob", NOW) for _ in range(2)] == ["", ""]
    assert reserve("cid", NOW) == "all_hour"
    later = NOW + timedelta(hours=2)
    assert [reserve("ada", later) for _ in range(2)] == ["", "recipient_day"]
    assert reserve("ada", later, "p0") == ""  # a further try of one that was counted
    assert reserve("ada", NOW + timedelta(days=2)) == ""


@pytest.fixture
def box(dovecot: Dovecot, tmp_path: Path) -> Any:
    def made(port: int, **smtp: Any) -> Mailbox:
        server = Smtp(**{"host": "127.0.0.1", "port": port, "tls": "none", "timeout_s": 1} | smtp)
        return mailbox_on(dovecot, dovecot.new_user(), tmp_path, smtp=server)

    return made


RAW = written()


@pytest.mark.parametrize(("mode", "lasting"), [("4xx", False), ("5xx", True), ("rcpt 5xx", True)])
async def test_a_refusal_is_sure_and_says_whether_it_lasts(box: Any, mode: Any, lasting: bool) -> None:
    with MailServer() as server:
        server.modes = [mode]
        with pytest.raises(Undelivered) as caught:
            await submit(box(server.port), RAW, recipient="ada@customer.example")
        assert not isinstance(caught.value, Unclear)
        assert caught.value.transient is not lasting
        assert server.accepted == []


@pytest.mark.parametrize("mode", ["drop", "silent", "accept and vanish", "accept and hang"])
async def test_silence_after_the_mail_is_unclear(box: Any, mode: Any) -> None:
    with MailServer() as server:
        server.modes = [mode]
        with pytest.raises(Unclear):
            await submit(box(server.port), RAW, recipient="ada@customer.example")


async def test_starttls_and_a_login_are_used_and_a_strange_certificate_is_refused(box: Any, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    secret = tmp_path / "smtp-password"
    secret.write_text(PASSWORD)
    login = {"host": "localhost", "tls": "starttls", "user": USER, "password_file": str(secret)}
    with MailServer(certificate=(cert, key), login=True) as server:
        await submit(box(server.port, **login, ca_file=str(cert)), RAW, recipient="ada@customer.example")
        assert [one.recipients for one in server.accepted] == [["ada@customer.example"]]
        with pytest.raises(Undelivered, match="certificate is not trusted") as caught:
            await submit(box(server.port, **login), RAW, recipient="ada@customer.example")
        assert caught.value.transient
        secret.write_text("wrong")
        with pytest.raises(Undelivered, match="login was refused"):
            await submit(box(server.port, **login, ca_file=str(cert)), RAW, recipient="ada@customer.example")
        assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("mode", "recipient"),
    [("5xx", "ada@customer.example"), ("good", "ädä@customer.example"), ("good", "ada@customer.example")],
)
async def test_no_connection_stays_open_whatever_becomes_of_the_mail(
    box: Any, mode: Any, recipient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SMTP] = []

    async def seen(mailbox: Mailbox) -> SMTP:
        opened.append(await connect(mailbox))
        assert opened[-1].is_connected
        return opened[-1]

    connect = smtp._connect
    monkeypatch.setattr(smtp, "_connect", seen)
    with MailServer(utf8=False) as server:
        server.modes = [mode]
        try:
            await submit(box(server.port), RAW, recipient=recipient)
        except Undelivered as fault:
            assert not fault.transient
            assert (mode, recipient) != ("good", "ada@customer.example")
        assert [one.is_connected for one in opened] == [False]


async def test_a_server_that_is_not_there_passes(box: Any) -> None:
    with pytest.raises(Undelivered) as caught:
        await submit(box(9), RAW, recipient="ada@customer.example")
    assert caught.value.transient


def test_the_check_says_what_works_and_what_does_not(box: Any, dovecot: Dovecot, tmp_path: Path) -> None:
    with MailServer() as server:
        assert [(one.what, one.ok) for one in check_mailbox(box(server.port))] == [
            ("imap", True),
            ("idle", True),
            ("folders", True),
            ("smtp", True),
        ]
    broken = mailbox_on(dovecot, dovecot.new_user(), tmp_path, imap={"done_folder": "Nowhere"})
    found = {one.what: one for one in check_mailbox(broken)}
    assert not found["folders"].ok
    assert "Nowhere" in found["folders"].detail
    assert not found["smtp"].ok
    assert all(one.fix for one in found.values() if not one.ok)


SERVERS = {"imap": {"host": "mail.example.com", "user": "u"}, "smtp": {"host": "mail.example.com"}}


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_a_login_in_the_clear_is_refused_outside_this_machine(side: str) -> None:
    def made(**more: Any) -> Mailbox:
        return Mailbox.model_validate(
            {"name": "support", "address": "a@b.example", **SERVERS, side: {**SERVERS[side], "tls": "none", **more}}
        )

    with pytest.raises(ValueError, match="only on loopback"):
        made()
    assert made(host="127.0.0.1")
    assert made(cleartext=True)


def test_two_mailboxes_may_not_share_a_name_or_an_address() -> None:
    one = {"name": "support", "address": "a@b.example", **SERVERS}
    for other in ({**one, "address": "c@b.example"}, {**one, "name": "sales", "address": "A@b.example"}):
        with pytest.raises(ValueError, match="two mailboxes"):
            Config.model_validate({"mailboxes": [one, other]})


def test_a_password_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imap = Imap(host="mail.example.com", user="u")
    box = Mailbox(name="help-desk", address="a@b.example", imap=imap, smtp=Smtp(host="mail.example.com"))
    with pytest.raises(ConfigInvalid, match="no password") as caught:
        password(box, box.imap)
    assert "APPLIANCE_MAIL_HELP_DESK_PASSWORD" in caught.value.remedy
    monkeypatch.setenv("APPLIANCE_MAIL_HELP_DESK_PASSWORD", "from the environment")
    assert password(box, box.imap) == "from the environment"
    missing = imap.model_copy(update={"password_file": str(tmp_path / "missing")})
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        password(box, missing)


def test_a_header_that_would_become_two_is_refused() -> None:
    with pytest.raises(ValueError, match=r"become two|linefeed|newline"):
        compose(letter(sender_name="=?utf-8?q?A=0D=0ABcc=3A_eve=40evil.example?="))
