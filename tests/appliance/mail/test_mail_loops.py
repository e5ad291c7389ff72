"""Machines get no answer, each by a rule with a name; people do. What we send says that a machine wrote it."""

from __future__ import annotations

import pytest
from letters import HEAD, letter, multipart, read

from appliance.channels.mail.loops import RULES, Ours, automatic_headers, silence, threading_headers

OURS = Ours(frozenset({"support@example.com", "help@example.com"}), "box-1", lambda found: found.startswith("t.ours"))


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("Auto-Submitted: auto-replied\n", "auto.submitted"),
        ("Auto-Submitted: auto-generated; type=x\n", "auto.submitted"),
        ("Auto-Submitted: no\nAuto-Submitted: auto-notified\n", "auto.submitted"),
        ("Return-Path: <>\n", "auto.return_path"),
        ("List-Id: <l.example.org>\n", "auto.list"),
        ("List-Unsubscribe: <https://example.org/u>\n", "auto.list"),
        ("Mailing-List: x\n", "auto.list"),
        ("Precedence: Bulk\n", "auto.precedence"),
        ("Precedence: junk\n", "auto.precedence"),
        ("Precedence: list\n", "auto.precedence"),
        ("X-Auto-Response-Suppress: OOF, AutoReply\n", "auto.suppress"),
        ("Feedback-ID: 1:2:3:x\n", "auto.bulk"),
        ("X-Autoreply: yes\n", "auto.reply_header"),
        ("X-MS-Exchange-Inbox-Rules-Loop: a@example.org\n", "auto.rule_agent"),
        ("X-Failed-Recipients: x@example.org\n", "auto.report"),
        ("X-Loop: box-1\n", "loop.own_header"),
        ("Sender: no-reply@example.org\n", "auto.sender"),
        ("Return-Path: <bounce+1=x@example.org>\n", "auto.sender"),
        ("Return-Path: <support+abc@example.com>\n", "loop.own_sender"),
    ],
)
def test_a_mail_with_these_headers_gets_no_answer(more: str, rule: str) -> None:
    assert silence(read(letter(more=more)), OURS) == rule


@pytest.mark.parametrize(
    ("sender", "rule"),
    [
        ("MAILER-DAEMON@example.org", "auto.sender"),
        ("postmaster@example.org", "auto.sender"),
        ("noreply@example.org", "auto.sender"),
        ("No-Reply+x@example.org", "auto.sender"),
        ("do_not_reply@example.org", "auto.sender"),
        ("Help+tag@example.com", "loop.own_sender"),
        ("support@example.com", "loop.own_sender"),
        ("noreplying.person@example.org", ""),
        ("bob@example.org", ""),
    ],
)
def test_some_senders_get_no_answer(sender: str, rule: str) -> None:
    assert silence(read(letter(head=f"From: {sender}\nTo: support@example.com\n")), OURS) == rule


@pytest.mark.parametrize(
    "more",
    [
        "Auto-Submitted: no\n",
        "Auto-Submitted: No (a person)\n",
        "Precedence: normal\n",
        "X-Auto-Response-Suppress: None\n",
        "Return-Path: <ann@example.org>\n",
        "X-Loop: somebody-else\n",
    ],
)
def test_a_person_is_answered(more: str) -> None:
    assert silence(read(letter(more=more)), OURS) == ""


@pytest.mark.parametrize(
    ("subject", "more", "rule"),
    [
        ("Automatic reply: Export", "X-MS-Exchange-Transport: x\n", "auto.out_of_office"),
        ("Abwesenheitsnotiz: Export", "Thread-Index: x\n", "auto.out_of_office"),
        ("Automatic reply: Export", "", ""),
        ("Re: Automatic reply: Export", "Thread-Index: x\n", ""),
        ("Automatic replies do not work", "Thread-Index: x\n", ""),
    ],
)
def test_an_absence_note_needs_more_than_its_subject(subject: str, more: str, rule: str) -> None:
    head = HEAD.replace("Export fails", subject)
    assert silence(read(letter(head=head, more=more)), OURS) == rule


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        ("From: a@example.org\nTo: other@example.org\n", "loop.not_addressed"),
        ("From: a@example.org\n", "loop.not_addressed"),
        ("From: a@example.org\nTo: other@example.org\nCc: Support+abc@Example.com\n", ""),
        (
            "Delivered-To: support@example.com\nX-Original-To: desk@corp.example\nFrom: a@example.org\nTo: desk@corp.example\n",
            "",
        ),
        ("Delivered-To: support@example.com\nFrom: a@example.org\nTo: all@corp.example\n", "loop.not_addressed"),
    ],
)
def test_only_a_mail_that_is_addressed_to_us_is_answered(head: str, rule: str) -> None:
    assert silence(read(letter(head=head)), OURS) == rule


def test_our_own_mail_is_never_answered() -> None:
    assert silence(read(letter(head=HEAD.replace("1@example.org", "t.ours.1@example.com"))), OURS) == "loop.own_id"


def test_a_report_and_a_mail_without_a_sender_are_never_answered() -> None:
    assert silence(read(multipart("report", "Content-Type: text/plain\n\nx")), OURS) == "auto.report"
    assert silence(read(letter(head="To: support@example.com\n")), OURS) == "loop.unreadable"


def test_every_rule_has_its_own_name() -> None:
    assert len(set(RULES)) == len(RULES) == 16


def test_our_own_automatic_mail_would_get_no_answer_from_us() -> None:
    headers = automatic_headers(answers="1@example.org", thread=("0@example.org",), mark="box-9")
    assert headers == {
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        "X-Loop": "box-9",
        "In-Reply-To": "<1@example.org>",
        "References": "<0@example.org> <1@example.org>",
    }
    more = "".join(f"{name}: {value}\n" for name, value in headers.items())
    assert silence(read(letter(more=more)), OURS) == "auto.submitted"


def test_references_stay_short_and_keep_the_first_and_the_last() -> None:
    ids = tuple(f"{n}.{'x' * 40}@example.org" for n in range(300))
    references = threading_headers(answers=ids[-1], thread=ids)["References"]
    assert len(f"References: {references}") <= 998
    assert references.startswith(f"<{ids[0]}>")
    assert references.endswith(f"<{ids[-2]}> <{ids[-1]}>")


def test_ids_that_no_header_can_hold_are_left_out() -> None:
    assert threading_headers(answers="a\r\nBcc: x@y", thread=("ä@x", "a b@c", "<", "")) == {}
