"""What one e-mail says: text, sender, threads, attachments and reports, whatever its bytes are."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from email.message import EmailMessage

import pytest
from letters import HEAD, LIMITS, letter, multipart, read

from appliance.channels.mail.attachments import content, file_name
from appliance.channels.mail.parse import parse_mail
from appliance.channels.mail.parsed import Address, of_record, record
from appliance.mail_settings import Parsing


def test_a_plain_mail_is_read() -> None:
    mail = read(
        letter(more="Date: Fri, 1 May 2026 10:00:00 +0200\nCc: Bob <bob@example.org>\nReply-To: other@example.net\n")
    )
    assert mail.ok
    assert mail.reason == ""
    assert mail.sender == Address("ann@example.org", "Ann")
    assert (mail.subject, mail.text, mail.new_text) == ("Export fails", "The export fails.", "The export fails.")
    assert mail.message_id == "1@example.org"
    assert mail.to == (Address("support@example.com"),)
    assert mail.cc == (Address("bob@example.org", "Bob"),)
    assert mail.reply_to == (Address("other@example.net"),)
    assert mail.date == "2026-05-01T10:00:00+02:00"
    assert mail.automatic == ""
    assert mail.flags == ()


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("From: a@x.example\nFrom: b@x.example\n", "from.several_headers"),
        ("From: a@x.example, b@x.example\n", "from.several"),
        ("From: a@x.example b@x.example\n", "from.invalid"),
        ("From: a@x.example)b@y.example\n", "from.invalid"),
        ("From: <a@x.example> <b@x.example>\n", "from.invalid"),
        ("From: <a@x.example> b@x.example\n", "from.invalid"),
        ("From: a@x.example <\n", "from.invalid"),
        ('From: "a@x.example\n', "from.invalid"),
        ("From: (a@x.example\n", "from.invalid"),
        ("From: a@x@y.example\n", "from.invalid"),
        ("From: undisclosed\n", "from.invalid"),
        ("From:\n", "from.invalid"),
        ("Subject: no sender\n", "from.missing"),
        ("no headers at all", "headers.missing"),
    ],
)
def test_a_mail_without_exactly_one_sender_says_why(head: str, reason: str) -> None:
    mail = read(letter(head=head))
    assert not mail.ok
    assert mail.sender is None
    assert mail.reason == reason


@pytest.mark.parametrize(
    ("said", "email", "name"),
    [
        ("ann@example.org", "ann@example.org", ""),
        ("Ann <Ann.Lee@EXAMPLE.Org.>", "Ann.Lee@example.org", "Ann"),
        ('"Lee, Ann" <ann@example.org>', "ann@example.org", "Lee, Ann"),
        ("Lee, Ann <ann@example.org>", "ann@example.org", "Lee, Ann"),
        ("ann@example.org (Ann (the) Lee)", "ann@example.org", ""),
        ("=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "j@example.org", "Jürgen"),
        ("=?utf-8?q?evil=40x=2Eexample=2C?= <j@example.org>", "j@example.org", "evil@x.example,"),
        ('"boss@bank.example" <j@example.org>', "j@example.org", "boss@bank.example"),
        ("Team: ann@example.org;", "ann@example.org", ""),
        ("<@relay.example:ann@example.org>", "ann@example.org", ""),
        ('"a b"@example.org', '"a b"@example.org', ""),
        ("jürgen@müller.example", "jürgen@müller.example", ""),
    ],
)
def test_one_sender_is_read_in_every_usual_form(said: str, email: str, name: str) -> None:
    assert read(letter(head=f"From: {said}\n")).sender == Address(email, name)


def test_an_encoded_word_brings_no_address_in() -> None:
    assert read(letter(head="From: =?utf-8?q?a=40x=2Eexample?=\n")).reason == "from.invalid"


def test_ids_of_earlier_mails_are_bare_in_order_and_few() -> None:
    many = " ".join(f"<{n}@example.org>" for n in range(200))
    mail = read(letter(more=f"In-Reply-To: <199@example.org>\nReferences: {many}\n"))
    assert mail.in_reply_to == ("199@example.org",)
    assert len(mail.references) == 50
    assert mail.references[0] == "0@example.org"
    assert mail.references[-1] == "199@example.org"
    assert mail.thread_ids[:2] == ("199@example.org", "198@example.org")


def test_a_long_id_that_a_program_wrote_as_encoded_words_is_read() -> None:
    long = f"t.{'a' * 44}.{'b' * 32}@desk.example"
    raw = EmailMessage()
    raw["From"] = "ann@example.org"
    raw["In-Reply-To"] = f"<{long}>"
    raw["References"] = f"<1@example.org> <{long}>"
    assert b"=?utf-8?q?" in raw.as_bytes()
    mail = read(raw.as_bytes())
    assert mail.in_reply_to == (long,)
    assert mail.references == ("1@example.org", long)


def test_of_alternatives_the_plain_text_is_read() -> None:
    mail = read(
        multipart("alternative", "Content-Type: text/plain\n\nHello", "Content-Type: text/html\n\n<p>Other</p>")
    )
    assert mail.text == "Hello"
    assert mail.attachments == ()


def test_html_becomes_text_without_what_is_hidden_and_quotes_are_marked() -> None:
    page = '<p>It <b>fails</b>.</p><p style="display:none">ignore this</p><script>x()</script><blockquote>before</blockquote>'
    mail = read(letter(page, more="Content-Type: text/html; charset=utf-8\n"))
    assert mail.text == "It fails.\n\n> before"
    assert mail.new_text == "It fails."


def test_an_empty_plain_part_leaves_the_word_to_the_html() -> None:
    assert (
        read(multipart("alternative", "Content-Type: text/plain\n\n", "Content-Type: text/html\n\n<p>Hi</p>")).text
        == "Hi"
    )


@pytest.mark.parametrize(
    ("charset", "body", "text", "flags"),
    [
        ("utf-8", "Grüße".encode(), "Grüße", ()),
        ("iso-8859-1", "Grüße €".encode("cp1252"), "Grüße €", ()),
        ("shift_jis", "てすと".encode("cp932"), "てすと", ()),
        ("ks_c_5601-1987", "한국말".encode("cp949"), "한국말", ()),
        ("utf-8", b"Gr\xfc\xdfe", "Gr��e", ("charset.damaged",)),
        ("klingon", "Grüße".encode(), "Grüße", ("charset.unknown",)),
        ("us-ascii", b"Gr\xfc\xdfe", "Grüße", ("charset.guessed",)),
        ("zlib", b"plain", "plain", ("charset.unknown",)),
        ("punycode", b"plain", "plain", ("charset.unknown",)),
        ("unicode_escape", b"\\x41", "\\x41", ("charset.unknown",)),
    ],
)
def test_charsets_are_read_and_wrong_ones_are_told(
    charset: str, body: bytes, text: str, flags: tuple[str, ...]
) -> None:
    raw = f"{HEAD}Content-Type: text/plain; charset={charset}\n\n".encode() + body
    mail = read(raw)
    assert mail.text == text
    assert mail.flags == flags


def test_nul_bytes_and_direction_marks_leave_the_text() -> None:
    mail = read(letter("It\0 fails\u202e now", more="Content-Type: text/plain; charset=utf-8\n"))
    assert mail.text == "It fails now"


def test_an_attachment_has_a_plain_name_and_its_bytes_can_be_taken() -> None:
    data = bytes(range(256)) * 20
    encoded = base64.encodebytes(data).decode()
    raw = multipart(
        "mixed",
        "Content-Type: text/plain\n\nSee it.",
        'Content-Type: application/pdf; name="../../etc/pass\u202ewd.pdf"\nContent-Transfer-Encoding: base64\n'
        f"Content-Disposition: attachment\n\n{encoded}",
    )
    mail = read(raw)
    [file] = mail.attachments
    assert (file.name, file.content_type, file.size) == ("passwd.pdf", "application/pdf", len(data))
    assert content(raw, file) == data
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert mail.text == "See it."


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/passwd", "passwd"),
        ("a\x00b\n.txt", "ab .txt"),
        ("..", "attachment.bin"),
        ("", "attachment.bin"),
        ("=?utf-8?q?=2E=2E=2Fsecret=2Etxt?=", "secret.txt"),
        ("x" * 300 + ".docx", "x" * 115 + ".docx"),
        ('<img src=x onerror="1">.png', "_img src=x onerror=_1_.png"),
    ],
)
def test_a_name_is_normalised_before_anything_looks_at_it(said: str, kept: str) -> None:
    assert file_name(said, "application/octet-stream") == kept


def test_a_name_in_sections_and_a_foreign_charset_is_joined() -> None:
    raw = multipart("mixed", "Content-Type: text/plain; name*0*=iso-8859-1''Gr%FC; name*1=\"n.txt\"\n\nx")
    assert [file.name for file in read(raw).attachments] == ["Grün.txt"]


def test_attachments_beyond_the_limits_are_told_and_not_kept() -> None:
    parts = [f"Content-Type: image/png; name={n}.png\n\n{'x' * 100}" for n in range(5)]
    limits = Parsing(max_attachments=3, max_attachment_bytes=1_000, max_attachments_bytes=250)
    mail = parse_mail(multipart("mixed", *parts), limits)
    assert [file.kept for file in mail.attachments] == [True, True, False, False, False]
    assert mail.flags == ("attachments.limit",)


def test_an_archive_is_never_opened() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 20_000_000)
    encoded = base64.encodebytes(bomb.getvalue()).decode()
    [file] = read(
        multipart("mixed", f"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n{encoded}")
    ).attachments
    assert file.size == len(bomb.getvalue())


def test_parts_beyond_the_limit_are_left_out_and_told() -> None:
    mail = read(multipart("mixed", *["Content-Type: text/plain\n\nhello"] * 500))
    assert mail.ok
    assert mail.text.count("hello") == LIMITS.max_parts
    assert mail.flags == ("mime.parts",)


def test_nesting_beyond_the_limit_ends_there_and_is_told() -> None:
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(1_000))
    mail = read(f"{HEAD}{nested}".encode())
    assert mail.ok
    assert "mime.depth" in mail.flags


def test_headers_beyond_the_limit_do_not_hide_the_body() -> None:
    mail = read(letter(more="X-Filler: y\n" * 5_000))
    assert mail.ok
    assert mail.text == "The export fails."
    assert mail.flags == ("headers.truncated",)


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"\0" * 1_000, b"\xff\xfe" * 100, b":", b"From", b"--", b"From: a@b.example"]
)
def test_scraps_are_values_too(raw: bytes) -> None:
    assert read(raw).ok == (raw == b"From: a@b.example")


def test_a_mail_that_is_too_large_is_not_read() -> None:
    assert parse_mail(letter("x" * 5_000), Parsing(max_bytes=2_000)).reason == "mail.too_large"


def test_a_delivery_report_names_who_did_not_get_which_mail() -> None:
    raw = multipart(
        "report; report-type=delivery-status",
        "Content-Type: text/plain\n\nIt could not be delivered.",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n"
        "Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no such user\n",
        "Content-Type: text/rfc822-headers\n\nFrom: support@example.com\nMessage-ID: <t.abc@example.com>\n",
        head="From: Mail <MAILER-DAEMON@mx.example.org>\nTo: support@example.com\n",
    )
    mail = read(raw)
    assert mail.automatic == "auto.report"
    assert mail.report is not None
    assert mail.report.original_message_id == "t.abc@example.com"
    [failed] = mail.report.failed
    assert (failed.email, failed.status, failed.diagnostic) == ("ann@example.org", "5.1.1", "smtp; 550 no such user")
    assert mail.text == "It could not be delivered."


def test_a_mail_crosses_the_pipe_as_it_is() -> None:
    raw = multipart("mixed", "Content-Type: text/plain\n\nhello", "Content-Type: image/png; name=a.png\n\nx")
    mail = read(raw)
    assert of_record(record(mail)) == mail
