"""Amounts in words that are no numbers, and addresses in disguise: each has to stand in the source."""

from __future__ import annotations

import pytest

from appliance.line.gates import malformed
from appliance.line.literals import unsupported

SOURCE = "Refunds are paid within 10 business days. Links are valid for 1 hour. In the paid month you may change seats."


@pytest.mark.parametrize(
    "said",
    [
        "Refunds are paid within a few weeks.",
        "Refunds are paid within several months.",
        "Refunds are paid within XIV days.",
        "Refunds are paid within dreißig business days.",
        "Refunds are paid within 三十 business days.",
        "Refunds are paid within thir-ty business days.",
        "Refunds are paid overnight.",
        "Refunds are paid the same day.",
        "Refunds are paid instantly.",
        "Refunds are paid by tomorrow.",
        "Refunds are paid before Christmas.",
        "Refunds are paid after the thirtieth day.",
        "Half of the payment is refunded.",
        "Links never expire.",
        "Links are valid forever.",
        "You may change seats at any time.",
        "You may invite unlimited members.",
        "You may invite hundreds of members.",
        "You get your money back.",
        "It is complimentary.",
        "Write to @evil_support.",
        "Write to admin@evil.",
        "Open evil dot example.",
        "Open evil[.]com.",
        "Open evil.рф.",
        "Open //evil/pay.",
    ],
)
def test_what_no_source_says_is_unsupported(said: str) -> None:
    assert unsupported(said, [SOURCE])


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("It is sent immediately.", "The message is sent at once."),
        ("Refunds take a few days.", "Expect the money after a few days."),
        ("It never expires.", "The voucher is valid for ever."),
        ("You may cancel at any time.", "Cancel any time."),
        ("You can cancel until the last day of the month.", SOURCE),
        ("It starts in the next month.", SOURCE),
        ("You may do so in the paid month.", SOURCE),
        ("Wait for the working day to begin.", SOURCE),
        ("Write to @our_team.", "On the network we are @our_team."),
        ("Mind the green dot next to the name.", "A green dot shows who is there."),
    ],
)
def test_what_a_source_says_in_one_of_the_same_words_stands(said: str, source: str) -> None:
    assert unsupported(said, [source]) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Open evil\u2024com.",
        "Open evil\u3002com.",
        "Open evil\uff0ecom.",
        "Open https:\u2044\u2044evil\u2044pay.",
        "Write to admin\uff20evil.com.",
        "Open hxxps://evil.com.",
        "Open https ://evil/pay.",
    ],
)
def test_an_address_in_disguise_is_no_plain_sentence(text: str) -> None:
    assert malformed(text).startswith("a disguised address")


def test_the_full_stop_of_another_script_is_no_disguise() -> None:
    assert malformed("設定を開きます\u3002次に保存します\u3002") == ""
