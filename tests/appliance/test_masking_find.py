"""What is found by its form, and what looks like it and is left."""

from __future__ import annotations

import itertools

import pytest
from masking_parts import CountingTagger, formal

from appliance.egress.masking import open_masker
from appliance.masking_rules import Masking

AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"
PEM = "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQ\nabc\n-----END " + "PRIVATE KEY-----"

CASES = [
    ("EMAIL", "write to Jana.Novak+x@mail.example.org, please", "Jana.Novak+x@mail.example.org"),
    ("EMAIL", "jana (at) example (dot) org", "jana (at) example (dot) org"),
    ("EMAIL", "<ana@localhost>", "ana@localhost"),
    ("PHONE", "call me at +49 (0)151 2345-6789 now", "+49 (0)151 2345-6789"),
    ("PHONE", "it is 463-612-6138x036.", "463-612-6138x036"),
    ("PHONE", "Phone: 358 0594", "358 0594"),
    ("PHONE", "ring 06.12.34.56.78", "06.12.34.56.78"),
    ("PHONE", "reach me on 12345", "12345"),
    ("CARD", "card 4111 1111 1111 1111 was refused", "4111 1111 1111 1111"),
    ("CARD", "card 4111-1111-1111-1112 (mistyped)", "4111-1111-1111-1112"),
    ("CARD", "my card:378282246310005", "378282246310005"),
    ("CARD", "visa4111111111111111", "4111111111111111"),
    ("IBAN", "IBAN DE89 3704 0044 0532 0130 00 TO OTHER", "DE89 3704 0044 0532 0130 00"),
    ("IBAN", "GB56HXDO88167774656119 is wrong by a digit", "GB56HXDO88167774656119"),
    ("NATIONAL_ID", "SSN 054-28-6917", "054-28-6917"),
    ("NATIONAL_ID", "my NINO is AB 12 34 56 C.", "AB 12 34 56 C"),
    ("NATIONAL_ID", "DNI 12345678Z", "12345678Z"),
    ("NATIONAL_ID", "codice RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("NATIONAL_ID", "my driver's license number is 6940579", "6940579"),
    ("NATIONAL_ID", "passport number C01X00T47", "C01X00T47"),
    ("NATIONAL_ID", "184127645108946 is my NIR", "184127645108946"),
    ("IP", "from 86.121.97.248 today", "86.121.97.248"),
    ("IP", "ip address 8.5.5.12", "8.5.5.12"),
    ("IP", "2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3::8a2e:370:7334"),
    ("URL", "see https://user:pw@host.example/x?y=1.", "https://user:pw@host.example/x?y=1"),
    ("URL", "my site www.anna-novak.cz", "www.anna-novak.cz"),
    ("URL", "it is novak-and-sons.co.uk", "novak-and-sons.co.uk"),
    ("SECRET", f"key {AWS}", AWS),
    ("SECRET", f"token {GITHUB}", GITHUB),
    ("SECRET", f"here:\n{PEM}\nthanks", PEM),
    ("SECRET", "my password is hunter22", "hunter22"),
    ("SECRET", "password: sommer", "sommer"),
    ("SECRET", "Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
    ("SECRET", "3f9a1c77e0b24d5d8a6b90e1f2c3d4e5", "3f9a1c77e0b24d5d8a6b90e1f2c3d4e5"),
    ("ORDER_NUMBER", "order FW-20481937 is late", "FW-20481937"),
    ("NUMBER", "my customer number is 44712", "44712"),
    ("ADDRESS", "I live at 12 Long Acre Road now", "12 Long Acre Road"),
    ("ADDRESS", "Hauptstraße 5 in Ulm", "Hauptstraße 5"),
    ("ADDRESS", "P.O. Box 287", "P.O. Box 287"),
    ("PERSON", "My name is anna novak and I wait", "anna novak"),
    ("PERSON", "ask Mrs. Novak about it", "Novak"),
    ("CARD", "it is\n4111\n1111\n1111\n1111\nthanks", "4111\n1111\n1111\n1111"),
    ("CARD", "> 4111 1111\n> 1111 1111\nthanks", "4111 1111\n> 1111 1111"),
    ("CARD", "paid with 4111,1111,1111,1111 once", "4111,1111,1111,1111"),
    ("CARD", "paid with 4111_1111_1111_1111 once", "4111_1111_1111_1111"),
    ("CARD", "paid with 4111    1111    1111    1111", "4111    1111    1111    1111"),
    ("IBAN", "to DE89.3704.0044.0532.0130.00 please", "DE89.3704.0044.0532.0130.00"),
    ("IBAN", "> to DE89 3704 0044 0532\n> 0130 00\nplease", "DE89 3704 0044 0532\n> 0130 00"),
    ("SECRET", "key d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"),
    ("SECRET", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("SECRET", "it is ABCDE-FGHIJ-KLMNO-PQRST", "ABCDE-FGHIJ-KLMNO-PQRST"),
    ("SECRET", "pw=Sommer2026!", "Sommer2026"),
    ("SECRET", "cvv 123", "123"),
    ("SECRET", "=41nna.berg=40mail.example", "=41nna.berg=40mail.example"),
    ("NUMBER", "order number TB48X213Q is late", "TB48X213Q"),
    ("PERSON", r"it is in C:\Users\mnovak\Desktop", "mnovak"),
    ("PERSON", "username: mnovak77", "mnovak77"),
]  # fmt: skip

LEFT = [
    "Firefox 115.0.2 crashes with error 0x80070005 after KB5034441",
    "WebSphere 8.5.5.12 and JDK 1.8.0",
    "it costs 1299.00 EUR or $10000000",
    "since 2018-04-27 15:25:53, or 27/04/2018",
    "in 2016 2017 2018 it worked",
    "my password is not accepted and my pin is wrong",
    "open settings.json, main.py or README.md",
    "error code 1000007 in browser.sessionstore.resume_from_crash",
    "the TB-2004 message",
    "a :: b, 12:45:18",
    "50% of 1.000.000 users at 16 GB",
]


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_what_is_personal_by_its_form_is_found(kind: str, text: str, value: str) -> None:
    assert [(one.type, one.value) for one in formal().find(text)] == [(kind, value)]


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert formal().find(text) == ()


def test_findings_are_in_order_and_do_not_overlap() -> None:
    text = "Ann (ann@example.org, +1 212 555 0100), 12 Long Acre Road, card 4111111111111111"
    found = formal("Ann").find(text)
    assert all(left.end <= right.start for left, right in itertools.pairwise(found))
    assert all(text[one.start : one.end] == one.value for one in found)
    assert [one.type for one in found] == ["PERSON", "EMAIL", "PHONE", "ADDRESS", "CARD"]


def test_the_companys_own_articles_keep_their_names_and_plain_links() -> None:
    text = "Ask Ann Ficus, see https://help.example/reset, not https://me@help.example/, or call +1 212 555 0100."
    found = formal("Ann Ficus").find(text, names=False)
    assert [one.value for one in found] == ["https://me@help.example/", "+1 212 555 0100"]


def test_kept_words_hosts_and_types_are_obeyed() -> None:
    masker = open_masker(
        Masking(types=("PERSON", "URL"), keep=("Tallybird",), hosts=("tallybird.example",)),
        CountingTagger("Tallybird", "Fernway", "Ann"),
        keep=("Fernway",),
    )
    text = "Ann of Fernway uses Tallybird, https://app.tallybird.example/x, www.ann.example and 4111111111111111"
    assert [one.value for one in masker.find(text)] == ["Ann", "www.ann.example"]


@pytest.mark.parametrize(
    "text",
    [
        "ann%40example.org",
        "YW5uQGV4YW1wbGUub3JnIGlzIG1pbmU=",
        "ann\u200b@example\u200b.org",
        "４１１１１１１１１１１１１１１１",
        "ann&#64;example.org",
        "4111\u200b1111\u200b1111\u200b1111",
        "hello" + "".join(chr(0xE0000 + ord(sign)) for sign in "ann@example.org"),
    ],
)
def test_what_is_encoded_is_found_as_well(text: str) -> None:
    assert [one.value for one in formal().find(text)] == [text]
