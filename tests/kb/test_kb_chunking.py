"""Passages: nothing is lost, ids are stable, cuts are where an author would cut."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kb.article import Article
from kb.chunking import SOFT_LIMIT, chunk

WORDS = st.lists(
    st.sampled_from(
        ["open", "the", "menu", "and", "choose", "Settings.", "It", "costs", "5", "€", "a", "month!", "Why?", "see:"]
    ),
    min_size=1,
    max_size=60,
)
LINES = st.one_of(
    WORDS.map(" ".join),
    WORDS.map(lambda words: "- " + " ".join(words)),
    WORDS.map(lambda words: "   3. " + " ".join(words)),
    WORDS.map(lambda words: "| " + " | ".join(words[:4]) + " |"),
    st.integers(1, 6).flatmap(
        lambda level: st.sampled_from(["One", "Two", "Three"]).map(lambda name: "#" * level + " " + name)
    ),
    st.sampled_from(["", "", "```", "| --- | --- |", "> quoted", "    indented", "***", "#", "x" * 2000]),
)
TEXTS = st.one_of(st.lists(LINES, max_size=60).map("\n".join), st.text(max_size=400))


def article(text: str, title: str = "The title") -> Article:
    return Article(id="a", title=title, text=text)


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text))  # underscores may be marks of emphasis, which go


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_every_word_is_in_a_passage_or_a_heading(text: str) -> None:
    passages = chunk(article(text))
    kept = words(" ".join(f"{passage.heading} {passage.text}" for passage in passages))
    assert {word[:SOFT_LIMIT] for word in words(text) if len(word) < SOFT_LIMIT} <= kept | words("The title")


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_ids_are_unique_and_the_same_each_time(text: str) -> None:
    passages = chunk(article(text))
    assert len({passage.id for passage in passages}) == len(passages)
    assert passages == chunk(article(text))
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert all(passage.text.strip() for passage in passages)


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_no_passage_is_far_beyond_the_limit(text: str) -> None:
    assert all(len(passage.text) <= 1.3 * SOFT_LIMIT + 260 for passage in chunk(article(text)))


def body(word: str) -> str:
    """A section long enough to stand alone."""
    return " ".join(f"{word} says something of its own, sentence {n}." for n in range(8))


def test_headings_become_a_path_and_the_title_is_not_repeated() -> None:
    a, b, c, d = body("A"), body("B"), body("C"), body("D")
    text = f"# The Title\n\n{a}\n\n## Install\n\n{b}\n\n### On Linux\n\n{c}\n\n## Remove\n\n{d}\n"
    assert [(passage.heading, passage.text) for passage in chunk(article(text))] == [
        ("", a),
        ("Install", b),
        ("Install > On Linux", c),
        ("Remove", d),
    ]


def test_short_neighbours_share_a_passage_under_the_heading_that_both_have() -> None:
    text = f"# Set up\n\n{body('A')}\n\n## On Linux\n\nRun it.\n\n## On Windows\n\nClick it.\n\n# Remove\n\n{body('B')}"
    assert [(passage.heading, passage.text) for passage in chunk(article(text))] == [
        ("Set up", f"{body('A')}\n\n## On Linux\nRun it.\n\n## On Windows\nClick it."),
        ("Remove", body("B")),
    ]


def test_a_title_line_before_plain_text_is_left_out() -> None:
    (passage,) = chunk(article("Title: THE TITLE\n\nText:\n It depends."))
    assert passage.text == "Text:\n It depends."


def test_a_heading_without_text_is_kept_as_text() -> None:
    (passage,) = chunk(article("# A\n## B\nx\n# End of sale on 1 May\n"))
    assert passage.text == "## A > B\nx\n\nEnd of sale on 1 May"


def test_a_heading_in_code_is_code() -> None:
    (passage,) = chunk(article("Run:\n\n```\n# not a heading\nls\n```\n"))
    assert "# not a heading" in passage.text


def test_every_part_of_a_long_list_keeps_its_lead() -> None:
    items = "\n".join(
        f"{n}. Step {n} needs one more sentence so that the list gets long enough to be cut." for n in range(1, 31)
    )
    passages = chunk(article(f"## Set up\n\nTo set up the device:\n\n{items}\n"))
    assert len(passages) > 2
    assert all(passage.text.startswith("To set up the device:") for passage in passages)
    assert all(passage.text.rstrip().endswith("cut.") for passage in passages)


def test_every_part_of_a_long_table_keeps_its_header() -> None:
    rows = "\n".join(f"| Plan {n} | {n} € a month, billed each year in advance |" for n in range(60))
    passages = chunk(article(f"Prices\n\n| Plan | Price |\n| --- | --- |\n{rows}\n"))
    assert len(passages) > 2
    lines = [line for passage in passages for line in passage.text.splitlines() if line.startswith("-")]
    assert len(lines) == 60
    assert all("Price: " in line for line in lines)


def test_plain_text_is_cut_at_sentences() -> None:
    text = " ".join(f"Sentence number {n} says something of its own about the product." for n in range(60))
    passages = chunk(article(text))
    assert len(passages) > 3
    assert all(passage.text.startswith("Sentence") and passage.text.endswith("product.") for passage in passages)
    assert min(len(passage.text) for passage in passages) > SOFT_LIMIT / 2


def test_a_change_in_one_section_leaves_other_ids_alone() -> None:
    before = chunk(article(f"# A\n{body('old')}\n# B\n{body('same')}"))
    after = chunk(article(f"# A\n{body('new')}\n# B\n{body('same')}"))
    assert before[1] == after[1]
    assert before[0].id == after[0].id


def test_ids_differ_between_articles() -> None:
    one = article("# A\ntext")
    assert chunk(one)[0].id != chunk(replace(one, id="b"))[0].id
