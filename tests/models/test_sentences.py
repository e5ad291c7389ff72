"""Sentence splitting on what articles and drafts hold; every sentence is the text's own characters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sentences import sentence_spans, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n\t\n", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Firefox 68.0.1 is out. Update now.", ["Firefox 68.0.1 is out.", "Update now."]),
        ("See https://a.example/x.html?b=1. Then stop.", ["See https://a.example/x.html?b=1.", "Then stop."]),
        ("Write to help@a.example. We answer.", ["Write to help@a.example.", "We answer."]),
        ("Ask Dr. Smith, e.g. at 5 p.m. Eastern. Done.", ["Ask Dr. Smith, e.g. at 5 p.m. Eastern.", "Done."]),
        (
            "It costs $4.99. No. 4 is sold out. No. You cannot.",
            ["It costs $4.99.", "No. 4 is sold out.", "No.", "You cannot."],
        ),
        ("J. R. Smith of the U.S. office wrote it.", ["J. R. Smith of the U.S. office wrote it."]),
        ('"Is it on?" he asked. “Yes.” Good.', ['"Is it on?" he asked.', "“Yes.”", "Good."]),
        ("please help. it broke", ["please help.", "it broke"]),
        ("Wait... and retry. Done…", ["Wait... and retry.", "Done…"]),
        ("今日は。元気？はい。", ["今日は。", "元気？", "はい。"]),
        ("As follows: 1. Open it. Close it.", ["As follows: 1. Open it.", "Close it."]),
        ("Upgrade to version 2. Then restart.", ["Upgrade to version 2.", "Then restart."]),
    ],
)
def test_prose(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("# Title\n\nBody.", ["Body."]),
        ("Title\n=====\nBody.", ["Body."]),
        ("**Title**\nBody.", ["Body."]),
        ("**Note:** stay calm.", ["**Note:** stay calm."]),
        ("#1 problem here", ["#1 problem here"]),
        ("- Click Save\n- Then restart. Done\n* [ ] Check", ["Click Save", "Then restart.", "Done", "Check"]),
        ("1. Open\n2) Close", ["Open", "Close"]),
        (
            "- An item that is soft-wrapped\n  and goes on. End.",
            ["An item that is soft-wrapped\n  and goes on.", "End."],
        ),
        ("Menu\nFile\nEdit", ["Menu", "File", "Edit"]),
        ("| Plan | Price |\n|---|---|\n| Pro | $10. Paid yearly |", ["Pro | $10. Paid yearly"]),
        ("```\nrm -rf x. Y\n```\nDone.", ["rm -rf x. Y", "Done."]),
        ("> **Tip:** Quoted. Twice.", ["**Tip:** Quoted.", "Twice."]),
        ("Please help.\n-- \nJohn", ["Please help.", "John"]),
        ("One\r\n\r\nTwo", ["One", "Two"]),
        (
            "A paragraph that its author wrapped at some eighty columns, as one does when\nediting text. Next.",
            ["A paragraph that its author wrapped at some eighty columns, as one does when\nediting text.", "Next."],
        ),
    ],
)
def test_markdown(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_a_guard_sees_headings_too() -> None:
    text = "# You get $500\n\n| Refund $9 | x |\n|---|---|\nBody."
    assert split_sentences(text, headings=True) == ["You get $500", "Refund $9 | x", "Body."]


@given(st.text(alphabet=st.sampled_from("aB1 .!?\n#-*|>`=_\"'([:。\r\t"), max_size=200))
def test_spans_are_ordered_and_keep_every_word(text: str) -> None:
    spans = sentence_spans(text, headings=True)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    inside = {position for start, end in spans for position in range(start, end)}
    if "```" not in text:
        assert all(index in inside for index, char in enumerate(text) if char in "aB")


@pytest.mark.parametrize("text", ["." * 300_000, " " * 300_000 + "x", '"' * 300_000, "**a" * 100_000, "- " * 150_000])
def test_hostile_repetition_is_linear(text: str) -> None:
    assert len(split_sentences(text)) <= 1  # quadratic code would not come back
