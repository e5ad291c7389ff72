"""Texts that say the same but for what a form letter fills in."""

from __future__ import annotations

import pytest

from appliance.retraining.twins import content_hash, groups

SAID = "My card was charged twice for the plan. Please look into ticket 4711"


@pytest.mark.parametrize(
    "other",
    [
        SAID.upper() + "\n",
        SAID.replace("4711", "AB-99"),
        f"Hi Kim,\n\n{SAID}\n\nKind regards,\nAnn Miller\nAcme Ltd",
        f"Hello team! {SAID}. Thanks, Bob",
        f"{SAID}\nSent from my phone",
    ],
)
def test_what_is_filled_in_does_not_count(other: str) -> None:
    assert content_hash(other) == content_hash(SAID)


@pytest.mark.parametrize(
    "other", ["Thanks", "My card was charged twice", f"{SAID} as well as my brother", "Hello world", "🤷", "\ud800"]
)
def test_what_is_said_counts(other: str) -> None:
    assert content_hash(other) != content_hash(SAID)
    assert content_hash(other) == content_hash(other + " ")


def test_a_thank_you_in_the_middle_does_not_end_a_text() -> None:
    assert content_hash("It fails.\nThanks for the hint, but the page is blank") != content_hash("It fails.")


def test_near_twins_are_one_group_in_whatever_order_they_come() -> None:
    long = "since the update of yesterday evening the export of our monthly report stops halfway with a grey window"
    texts = [long, long.replace("grey", "white"), "where is my invoice", "where is my parcel"]
    hashes = [content_hash(text) for text in texts]
    found = groups(texts, hashes)
    assert found[0] == found[1]
    assert len(set(found)) == 3
    assert groups(texts[::-1], hashes[::-1]) == found[::-1]
