"""Hundreds of mutants of small mails: each gives a value, within the limits, and the same one each time."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from letters import LIMITS, letter, multipart, read

from appliance.channels.mail.child import MailParser
from appliance.channels.mail.loops import RULES, Ours, silence
from appliance.channels.mail.parsed import of_record, record
from appliance.channels.mail.threads import ThreadKey, Threads
from appliance.channels.mail.trust import trust_of
from appliance.mail_settings import Parsing, TrustRules
from benchmarks.hostile_mail import Tally
from benchmarks.mail_mutants import HARMS, mutants

THREADS = Threads((ThreadKey(1, b"k" * 32),))
MAILS = (
    letter(more="Date: Fri, 1 May 2026 10:00:00 +0200\nReferences: <a@x.example> <b@x.example>\nAuto-Submitted: no\n"),
    letter(
        "<p>It <b>fails</b>: <a href='https://x.example'>see</a></p><blockquote>old</blockquote>",
        more="Content-Type: text/html; charset=utf-8\n",
    ),
    multipart(
        "mixed",
        'Content-Type: text/plain; charset="iso-8859-1"\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe',
        "Content-Type: application/pdf; name*=utf-8''a%20b.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK",
    ),
    multipart(
        "alternative", "Content-Type: text/plain\n\nplain", "Content-Type: text/html\n\n<table><tr><td>x</table>"
    ),
    multipart(
        "report; report-type=delivery-status",
        "Content-Type: text/plain\n\nIt could not be delivered.",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1",
        f"Content-Type: message/rfc822\n\nMessage-ID: <{THREADS.message_id('a' * 32, '1', 'x.example')}>\n\nx",
    ),
    letter("On Fri, 1 May 2026 Bob wrote:\n> old\n\nnew\n-- \nAnn", more="Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"),
)


def test_mutants_are_the_same_for_the_same_seed() -> None:
    assert list(mutants(MAILS, 50, 7)) == list(mutants(MAILS, 50, 7))
    assert list(mutants(MAILS, 50, 7)) != list(mutants(MAILS, 50, 8))


def test_every_harm_changes_some_mail() -> None:
    from random import Random

    for harm in HARMS:
        assert any(harm(raw, Random(f"{n}")) != raw for n in range(5) for raw in MAILS), harm.__name__


def test_every_mutant_gives_a_value_that_crosses_the_pipe_and_can_be_judged() -> None:
    ours = Ours(frozenset({"support@example.com"}), "box", THREADS.wrote)
    rules = TrustRules(authserv_ids=("mx.example.com",), relays=("10.0.0.0/8",), internal_domains=("example.org",))
    seen: Counter[str] = Counter()
    for raw in mutants(MAILS, 600, 2):
        mail = read(raw)
        assert not mail.reason.startswith("mail.defect"), raw
        assert of_record(record(mail)) == mail
        assert mail.ok == (mail.reason == "") == (mail.sender is not None)
        assert mail.new_text.strip() or not mail.text.strip()
        assert len(mail.text) <= LIMITS.max_text_chars + 2 * LIMITS.max_parts
        assert all("/" not in one.name and "\\" not in one.name and one.name.strip(".") for one in mail.attachments)
        assert trust_of(mail, rules).trust == "none"
        assert silence(mail, ours) in {"", *RULES}
        assert THREADS.resolve(mail, "none", lambda _: None).kind == "new"
        seen["ok" if mail.ok else mail.reason] += 1
    assert seen["ok"] > 200
    assert len(seen) >= 4


def test_mutants_through_the_child_lose_nothing() -> None:
    tally = Tally()
    with MailParser(Parsing(processes=1)) as parser:
        for number, raw in enumerate(mutants(MAILS, 150, 3)):
            tally.take(parser, str(number), raw)
    told = tally.told()
    assert told["n"] == 150
    assert told["lost"] == 0
    assert told["parsed"] + told["no_sender"] + told["unparsed"] == 150
    assert told["child_peak_mib"] <= 256


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_give_a_value(raw: bytes) -> None:
    mail = read(raw)
    assert not mail.reason.startswith("mail.defect")
    assert of_record(record(mail)) == mail


LINES = st.lists(
    st.sampled_from(
        [
            "From: a@x.example",
            "From:",
            "Content-Type: multipart/mixed; boundary=b",
            "Content-Type: text/html",
            "--b",
            "--b--",
            "",
            " folded",
            "text",
            "<p>x",
            ">q",
            "\0",
        ]
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_any_lines_of_a_mail_give_a_value(lines: list[str]) -> None:
    mail = read(lines)
    assert not mail.reason.startswith("mail.defect")
    assert mail.sender is None or mail.sender.email == "a@x.example"
