"""Urgency and frustration are shown with the customer's own words as evidence."""

from __future__ import annotations

import pytest

from appliance.line.signals.mood import frustration, urgency_words


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("This is urgent", "urgent"),
        ("I need it ASAP", "asap"),
        ("please answer as soon as possible", "as soon as possible"),
        ("We cannot work", "cannot work"),
        ("I can't work like this", "can't work"),
        ("production is down", "production is down"),
        ("the site is down", "is down"),
        ("All our users are affected", "all our users"),
        ("the deadline is near", "deadline"),
        ("I need it by tomorrow", "by tomorrow"),
        ("my account was hacked", "hacked"),
        ("the phone was stolen", "stolen"),
        ("we are losing money", "losing money"),
        ("my lawyer will write", "lawyer"),
        ("I have been waiting for two weeks", "waiting for two weeks"),
        ("a phishing mail", "phishing"),
        ("we lost all projects", "lost all"),
    ],
)
def test_urgent_wording_is_found(text: str, word: str) -> None:
    assert word in urgency_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I export a report?",
        "Can I change my plan next year?",
        "The download button is blue.",
        "I like it immensely",
    ],
)
def test_calm_wording_is_not_urgent(text: str) -> None:
    assert urgency_words(text) == ()


def test_each_phrase_counts_once_and_in_order() -> None:
    assert urgency_words("URGENT! It is urgent, answer asap") == ("urgent", "asap")


@pytest.mark.parametrize(
    "text",
    [
        "This is ridiculous",
        "I am fed up",
        "still not working",
        "I already told you",
        "WHY IS THIS NOT WORKING AT ALL",
        "what is going on???",
        "so frustrating",
        "that doesn't help",
        "how many times must I ask",
    ],
)
def test_frustration_is_heard(text: str) -> None:
    assert frustration([text]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "How do I export a report?",
        "Our VPN and SSO work fine",
        "It does help, thanks!",
        "ISO, SOC and GDPR documents please",
    ],
)
def test_calm_messages_show_none(text: str) -> None:
    assert frustration([text]) == 0


def test_frustration_is_counted_by_message() -> None:
    assert frustration(["This is a joke, ridiculous!!!", "How do I export?", "still not working"]) == 2


@pytest.mark.parametrize(
    "text", ["A" * 20_000, "AAAA BB " * 4_000, "!?" * 10_000, "waiting for " * 3_000, "FOUR " * 5_000]
)
def test_long_messages_are_read_to_their_end(text: str) -> None:
    assert frustration([text]) in {0, 1}
    assert isinstance(urgency_words(text), tuple)
