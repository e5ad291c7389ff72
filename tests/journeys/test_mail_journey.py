"""E-mail from end to end: a mail in a real mailbox, a reply through a real SMTP server, and everything that must not happen on the way."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from mail_fixtures import Desk, Post, parsed, text_of

from appliance.errors import Busy
from appliance.mail_settings import Mail, TrustRules
from appliance.store.attachment_table import AttachmentRow

QUESTION = "How long is the password reset link valid?"


def soon(desk: Desk) -> None:
    """The postman tries again at once instead of after seconds."""
    desk.appliance.line.postman._jitter = lambda: -1.4


async def test_a_mail_is_answered_in_its_thread_and_the_answer_to_that_lands_in_the_same_ticket(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    async with open_desk() as desk:
        post.write(QUESTION, subject="Reset link")
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        [mail] = post.inbox()
        assert "valid for 60 minutes" in text_of(mail)
        assert mail["Subject"] == "Re: Reset link"
        assert mail["In-Reply-To"] == f"<1.{post.customer}>"
        assert mail["References"] == f"<1.{post.customer}>"
        assert mail["From"].addresses[0].addr_spec == post.desk
        assert mail["Auto-Submitted"] == "auto-replied"
        assert mail["X-Auto-Response-Suppress"] == "All"
        assert "<p>" in text_of(mail, "html")
        post.write("And how do I change my password?", answers=mail, number=2)
        await desk.until(lambda: len(post.inbox()) == 2, "the second answer")
        [(conversation, _, subject, _)] = desk.conversations()
        assert subject == "Reset link"
        assert [author for author, _ in desk.said(conversation)] == ["customer", "assistant"] * 2
        second = post.inbox()[1]
        assert second["In-Reply-To"] == f"<2.{post.customer}>"
        assert second["References"].split() == [f"<1.{post.customer}>", mail["Message-ID"], f"<2.{post.customer}>"]
        await desk.until(lambda: desk.settled(4), "our copies")
        assert [(state, rule) for state, rule, _ in desk.mails()] == [
            ("taken", "mail.taken"),
            ("ignored", "mail.own_copy"),
        ] * 2
        assert [state for _, state, _ in desk.outbox()] == ["sent", "sent"]


async def test_a_forged_token_opens_a_ticket_of_its_own(post: Post, open_desk: Callable[..., Any]) -> None:
    async with open_desk() as desk:
        post.write(QUESTION)
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        [mail] = post.inbox()
        forged = parsed(mail.as_bytes())
        right = str(mail["Message-ID"])
        at = right.index("t.") + 20
        del forged["Message-ID"]
        forged["Message-ID"] = right[:at] + ("b" if right[at] != "b" else "c") + right[at + 1 :]
        del forged["References"]
        post.write("How do I add a colleague to our workspace?", answers=forged, number=2)
        await desk.until(lambda: desk.settled(3), "the forged one")
        assert len(desk.conversations()) == 2


async def test_a_stranger_with_the_token_gets_a_ticket_of_their_own(post: Post, open_desk: Callable[..., Any]) -> None:
    async with open_desk() as desk:
        post.write(QUESTION)
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        post.write("What did they ask?", answers=post.inbox()[0], sender="eve@evil.example", number=2)
        await desk.until(lambda: len(desk.conversations()) == 2, "the stranger's ticket")
        first, second = desk.conversations()
        assert [author for author, _ in desk.said(first[0])] == ["customer", "assistant"]
        await desk.until(lambda: len(post.smtp.to("eve@evil.example")) == 1, "an answer to the stranger")
        assert QUESTION not in text_of(post.smtp.to("eve@evil.example")[0].mail)
        assert second[0] != first[0]


async def test_an_out_of_office_reply_is_kept_in_its_ticket_and_nobody_answers_it(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    async with open_desk() as desk:
        post.write(QUESTION)
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        post.write("I am away.", answers=post.inbox()[0], number=2, Auto_Submitted="auto-replied")
        await desk.until(lambda: desk.settled(3), "the out-of-office reply")
        [(conversation, _, _, _)] = desk.conversations()
        assert ("ignored", "auto.submitted", conversation) in desk.mails()
        assert (len(post.inbox()), desk.runs()) == (1, 1)


async def test_a_mail_that_comes_back_brings_its_ticket_to_people(post: Post, open_desk: Callable[..., Any]) -> None:
    async with open_desk() as desk:
        post.write(QUESTION)
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        post.deliver(returned(post.inbox()[0], post), sender="")
        await desk.until(lambda: desk.notes() != [], "the note")
        [(conversation, rule, tried)] = desk.notes()
        assert (rule, tried) == ("mail.undelivered", ["A mail to the customer came back (5.1.1)."])
        assert desk.conversations()[0][:2] == (conversation, "handed_over")
        assert desk.outbox() == [("answer", "failed", 1)]
        assert len(post.inbox()) == 1


def returned(mail: EmailMessage, post: Post) -> bytes:
    """A delivery report (RFC 3464), as Postfix writes them."""
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.customer.example\nTo: {post.desk}\nSubject: Undelivered Mail Returned to Sender\n"
        "Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n"
        "Message-ID: <report@mx.customer.example>\n\n--B\nContent-Type: text/plain\n\nYour mail could not be delivered.\n"
        "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.customer.example\n\n"
        f"Final-Recipient: rfc822; {post.customer}\nAction: failed\nStatus: 5.1.1\n\n"
        f"--B\nContent-Type: text/rfc822-headers\n\nMessage-ID: {mail['Message-ID']}\nSubject: Re\n\n--B--\n"
    ).encode()


@pytest.mark.parametrize(
    ("mode", "attempts"),
    [("accept and vanish", 2), ("accept and hang", 2), ("4xx", 2), ("drop", 2), ("silent", 2)],
)
async def test_whatever_the_smtp_server_does_the_customer_reads_one_answer(
    post: Post, open_desk: Callable[..., Any], mode: Any, attempts: int
) -> None:
    """Accepted and never told, refused for now, gone in the middle, silent before it accepts."""
    post.smtp.modes = [mode]
    async with open_desk() as desk:
        soon(desk)
        post.write(QUESTION)
        await desk.until(lambda: [state for _, state, _ in desk.outbox()] == ["sent"], "the sending")
        assert desk.outbox() == [("answer", "sent", attempts)] or mode.startswith("accept")
        assert len({mail["Message-ID"] for mail in post.inbox()}) == len(post.inbox()) == 1


async def test_a_mail_that_is_refused_for_good_is_a_persons_matter(post: Post, open_desk: Callable[..., Any]) -> None:
    post.smtp.modes = ["5xx"]
    async with open_desk() as desk:
        post.write(QUESTION)
        await desk.until(lambda: desk.notes() != [], "the note")
        [(_, rule, tried)] = desk.notes()
        assert rule == "mail.undelivered"
        assert "refused the mail (554)" in tried[0]
        await desk.until(lambda: desk.outbox() == [("answer", "failed", 1)], "the row")
        assert post.inbox() == []


async def test_after_a_restart_nothing_is_answered_twice(post: Post, open_desk: Callable[..., Any]) -> None:
    async with open_desk() as desk:
        post.write(QUESTION)
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
    async with open_desk() as desk:
        post.write("How do I change my password?", number=2)
        await desk.until(lambda: len(post.inbox()) == 2, "the next answer")
        await desk.until(lambda: [state for _, state, _ in desk.outbox()] == ["sent", "sent"], "the marking")
    assert len({mail["Message-ID"] for mail in post.inbox()}) == 2


async def test_an_acknowledgement_repeats_nothing_and_comes_once(post: Post, open_desk: Callable[..., Any]) -> None:
    async with open_desk() as desk:
        post.write("Let me talk to a person about my BAIT please", subject="BUY BAIT at http://evil.example")
        await desk.until(lambda: len(post.inbox()) == 1, "the acknowledgement")
        [mail] = post.inbox()
        assert "BAIT" not in str(mail["Subject"]) + text_of(mail) + text_of(mail, "html")
        assert mail["In-Reply-To"] == f"<1.{post.customer}>"
        post.write("Is anybody there? I want a person!", answers=mail, number=2)
        await desk.until(lambda: desk.runs() == 2, "the second run")
        [(conversation, status, _, _)] = desk.conversations()
        assert status == "handed_over"
        assert [purpose for purpose, _, _ in desk.outbox()] == ["acknowledgement"]
        assert [author for author, _ in desk.said(conversation)] == ["customer", "assistant", "customer"]


async def test_over_the_budget_a_person_has_the_ticket_and_no_mail_leaves(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    async with open_desk() as desk:
        for number in range(6):
            post.write(QUESTION, number=number)
            await desk.until(lambda number=number: len(desk.outbox()) == number + 1, "a reply")
        await desk.until(lambda: all(state in {"sent", "failed"} for _, state, _ in desk.outbox()), "the sending")
        assert sorted(state for _, state, _ in desk.outbox()) == ["failed"] + ["sent"] * 5
        assert len(post.inbox()) == 5
        [(_, rule, tried)] = desk.notes()
        assert rule == "mail.undelivered"
        assert "budget" in tried[0]


async def test_what_cannot_be_read_goes_to_people_with_the_raw_mail_and_without_an_answer(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    async with open_desk() as desk:
        raw = f"From: a@x.example\nFrom: b@y.example\nTo: {post.desk}\nSubject: two\nMessage-ID: <two@x>\n\nhello\n".encode()
        post.deliver(raw)
        await desk.until(lambda: desk.settled(1), "the mail")
        [(state, rule, conversation)] = desk.mails()
        assert (state, bool(rule)) == ("to_people", True)
        [(handed, _, tried)] = desk.notes()
        assert handed == conversation
        assert "whole mail is attached" in tried[0]
        [kept] = (post.data / "attachments").iterdir()
        assert b"From: b@y.example" in kept.read_bytes()
        assert (desk.runs(), desk.outbox()) == (0, [])


async def test_only_an_authenticated_sender_is_a_customer(post: Post, open_desk: Callable[..., Any]) -> None:
    passed = f"mx.desk.example; dmarc=pass header.from={post.customer.partition('@')[2]}"
    trust = Mail(trust=TrustRules(authserv_ids=("mx.desk.example",)))
    async with open_desk(mail=trust) as desk:
        post.write(QUESTION, number=1)
        await desk.until(lambda: len(desk.conversations()) == 1, "the first")
        post.write(QUESTION, number=2, Authentication_Results=passed)
        await desk.until(lambda: len(desk.conversations()) == 2, "the second")
        assert sorted(customer is None for _, _, _, customer in desk.conversations()) == [False, True]


async def test_attachments_are_kept_with_the_message(post: Post, open_desk: Callable[..., Any]) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = (
        post.customer,
        post.desk,
        "A picture",
        "<pic@x.example>",
    )
    mail.set_content(QUESTION)
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + b"0" * 100, maintype="image", subtype="png", filename="../../shot.png")
    async with open_desk() as desk:
        post.deliver(mail.as_bytes())
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        [kept] = (post.data / "attachments").iterdir()
        assert kept.stat().st_size == 108


async def test_a_mail_that_waits_for_a_full_box_keeps_its_attachment_once(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    refused: list[Busy] = []
    async with open_desk() as desk:
        admission = desk.appliance.line.runner.admission
        others = [admission.take("others") for _ in range(admission._most)]

        def busy() -> Busy:
            refused.append(Busy("Full.", retry_after_s=0))
            return refused[-1]

        admission.busy = busy
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Message-ID"] = post.customer, post.desk, "<full@x.example>"
        mail.set_content(QUESTION)
        mail.add_attachment(b"12345", maintype="application", subtype="octet-stream", filename="log.bin")
        post.deliver(mail.as_bytes())
        await desk.until(lambda: len(refused) >= 3, "the third refusal")
        for permit in others:
            permit.release()
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        [kept] = (post.data / "attachments").iterdir()
        with desk.appliance.database.read() as session:
            assert [row.id for row in session.query(AttachmentRow)] == [kept.name]
