"""Long and mixed messages are also read piece by piece."""

from __future__ import annotations

from appliance.line.classify import parts


def test_one_sentence_has_no_parts() -> None:
    assert parts("How do I invite a member to my workspace?") == []
    assert parts("") == []


def test_sentences_are_parts_and_short_ones_join_the_one_before() -> None:
    assert parts("How do I export my data? Please hurry. Otherwise close my account and delete everything.") == [
        "How do I export my data? Please hurry.",
        "Otherwise close my account and delete everything.",
    ]


def test_a_sentence_without_an_end_is_cut_and_the_first_and_last_pieces_are_kept() -> None:
    found = parts(" ".join(f"word{n}" for n in range(2_000)))
    assert len(found) == 16
    assert found[0].startswith("word0 ")
    assert found[-1].endswith("word1999")
