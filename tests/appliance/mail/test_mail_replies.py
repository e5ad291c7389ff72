"""Quoted text and signatures go; no word that the customer wrote does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.channels.mail.replies import new_text, without_quotes

QUOTED = "> It should work now.\n> Try again."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("It fails.\n\nOn Fri, 1 May 2026 at 10:00, Bob <bob@x.example> wrote:\n\n" + QUOTED, "It fails."),
        ("Es geht nicht.\n\nAm 01.05.2026 um 10:00 schrieb Bob <bob@x.example>:\n" + QUOTED, "Es geht nicht."),
        ("Rien.\n\nLe ven. 1 mai 2026 à 10:00, Bob <bob@x.example> a écrit :\n" + QUOTED, "Rien."),
        (
            "It fails.\n\n-----Original Message-----\nFrom: Bob\nSent: Friday\nTo: Ann\nSubject: x\n\nIt should work now.",
            "It fails.",
        ),
        (
            "It fails.\n________________________________\nFrom: Bob <bob@x.example>\nSent: Friday\nTo: Ann\nSubject: x\n\nold",
            "It fails.",
        ),
        ("Von mir.\n\nVon: Bob\nGesendet: Freitag\nAn: Ann\nBetreff: x\n\nalt", "Von mir."),
        ("It fails.\n-- \nAnn Lee\nExample Ltd", "It fails."),
        ("It fails.\n\nBest regards,\nAnn", "It fails."),
        ("Es geht nicht.\n\nMit freundlichen Grüßen\nAnn", "Es geht nicht."),
        ("It fails.\n\nSent from my phone", "It fails."),
        (QUOTED + "\n\nIt still fails.", "It still fails."),
        ("On Fri, 1 May 2026 Bob wrote:\n" + QUOTED + "\n\nIt still fails.", "It still fails."),
        (
            "Hi,\nOn Fri, 1 May 2026 Bob wrote:\n" + QUOTED + "\n\nIt still fails.\n\n> Which one?\nThe second.",
            "Hi,\n\nIt still fails.\n\nThe second.",
        ),
        ("Yes.\n\nOn Fri, 1 May 2026 Bob wrote:\n" + QUOTED + "\n\nOn Thu, 30 April 2026 Ann wrote:\n> first", "Yes."),
        ("On Fri, 1 May 2026 Bob wrote:\n" + QUOTED, "On Fri, 1 May 2026 Bob wrote:\n" + QUOTED),
        (
            "Yes.\n\nOn Fri, 1 May 2026 Bob wrote:\n"
            + QUOTED
            + f"\n\n{'_' * 47}\nusers mailing list\nusers@lists.x.example",
            "Yes.",
        ),
        ("On Fri, 1 May 2026 Bob wrote:\n" + "> old\n" * 9_000 + "\nIt still fails.", "It still fails."),
        (QUOTED, QUOTED),
        ("", ""),
    ],
)
def test_what_is_new_is_kept(text: str, kept: str) -> None:
    assert new_text(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Hi\nThanks, that worked. But now my invoice is wrong, and I was charged twice.",
        "Hello\n\nThanks,\nbut can you also change my address?",
        "Three things:\n- the export fails\n- the import too\n- and my invoice is wrong",
        "Takes ages to load.\nTak is what I type.",
        "My files:\n/etc/hosts is empty\n/var/log too",
        "Data: 12 GB\nDo: nothing\nWhat now?",
        "From: the start it failed.",
        "On Monday I wrote: it fails.",
        "The price is > 100 and that is wrong.",
        "Use -- to end the options.",
    ],
)
def test_no_word_of_the_customers_is_lost(text: str) -> None:
    assert new_text(text) == text


def test_a_long_text_is_kept_to_its_end() -> None:
    lines = [f"Line {n} of a long report." for n in range(3_000)]
    assert new_text("\n".join(lines)) == "\n".join(lines)
    assert new_text("\n".join([*lines, "> quoted"])) == "\n".join(lines)


WORDS = st.lists(
    st.sampled_from(["the", "export", "fails", "again", "\n", ".", "and", "why", "?", "12", "invoice"]), max_size=60
)


@given(WORDS)
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    text = "\n".join(line.strip() for line in " ".join(words).split("\n")).strip()
    assert new_text(text) == text
    assert without_quotes(text) == text
