"""What holds for every sentence: a copy passes, a changed digit does not, and no text keeps the patterns busy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kb
from appliance.line.literals import extract, unsupported
from models.sentences import split_sentences

SHAPES = (
    "The plan costs ${n} in all.",
    "The plan costs {n} EUR a month.",
    "You save {n}% now.",
    "It takes {n} days to arrive.",
    "It takes {n} business days to arrive.",
    "You may add {n} members to it.",
    "Files may have up to {n} MB each.",
    "The error {n} means that it is full.",
    "The error ERR-{n} means that it is full.",
    "See ticket #{n} about it.",
    "You need version {n} for that.",
    "Go to https://example.com/article/{n} for that.",
    "Write to team{n}@example.com about it.",
    "Try again {n} times at most.",
    "Ask for part AB{n}C at the desk.",
)
PIECES = """the a your plan costs takes within and to from per up about 3 10 24 1,000 2.5 $5 €9.99 20% days hours month May March Monday noon 17:30 ERR-402
    v2.1 example.com help@example.com +1 555 0100 twice twelve half one dozen twenty-four hundred MB GB - – / . , ( ) : ² ½ -5"""
WORDS = st.sampled_from(re.findall(r"\S+", PIECES))
SENTENCES = st.tuples(st.sampled_from([" ", " ", ""]), st.lists(WORDS, min_size=1, max_size=14)).map(
    lambda made: made[0].join(made[1]) + "."
)
"""Pieces in any order, now and then without a space between them."""
ARTICLES = sorted((Path(kb.__file__).parent / "starter").rglob("*.md"))


@given(before=SENTENCES, sentence=SENTENCES, after=SENTENCES, gap=st.sampled_from([" ", "\n", "\n\n"]))
@settings(max_examples=300, deadline=None)
def test_a_sentence_copied_from_its_source_always_passes(before: str, sentence: str, after: str, gap: str) -> None:
    assert unsupported(sentence, [f"{before}{gap}{sentence}{gap}{after}"]) == ()


@pytest.mark.parametrize("article", ARTICLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sentence_of_a_starter_article_passes_against_its_article(article: Path) -> None:
    text = article.read_text("utf-8")
    assert {sentence: found for sentence in split_sentences(text) if (found := unsupported(sentence, [text]))} == {}


@given(
    shape=st.sampled_from(SHAPES),
    number=st.integers(min_value=2, max_value=10**9),
    place=st.integers(min_value=0),
    add=st.integers(min_value=1, max_value=9),
)
@settings(max_examples=500, deadline=None)
def test_changing_a_digit_always_fails(shape: str, number: int, place: int, add: int) -> None:
    digits = str(number)
    at = place % len(digits)
    changed = digits[:at] + str((int(digits[at]) + add) % 10) + digits[at + 1 :]
    assert unsupported(shape.replace("{n}", changed), [shape.replace("{n}", digits)])


@given(sentence=SENTENCES)
@settings(max_examples=300, deadline=None)
def test_every_digit_belongs_to_a_literal(sentence: str) -> None:
    digits = re.findall(r"\d", sentence)
    assert re.findall(r"\d", "".join(literal.surface for literal in extract(sentence))) == digits


@given(text=st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    extract(text)
    assert unsupported(text, [text]) == () or not text.strip()


HOSTILE = {
    "words": "one and " * 4_000,
    "tens": "twenty-" * 4_000,
    "scales": "hundred thousand " * 2_000,
    "digits": "1" * 30_000,
    "digits after a sign": "$" + "1" * 30_000 + "%",
    "groups": "1," * 15_000,
    "thousands": "1" + ",000" * 8_000 + "x",
    "ranges": "1-" * 15_000,
    "prices": "$1 to " * 5_000,
    "points": "1." * 15_000,
    "labels": "a." * 15_000,
    "hyphens": "a-" * 15_000,
    "letters": "a" * 30_000,
    "almost an address": "a" * 30_000 + "@",
    "addresses": "a@a." * 8_000,
    "spaces": "one" + " " * 30_000 + "x",
    "half": "half" + " " * 30_000,
    "slashes": "http://" + "/" * 30_000,
    "phones": "12 " * 10_000,
    "keys": "ctrl+" * 6_000,
    "capitals": "AB_" * 10_000,
    "months": "May 1 " * 5_000,
    "units": "1 business " * 3_000,
    "minus": "-" * 30_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_page_of_one_thing_is_read_to_its_end(text: str) -> None:
    """A pattern that goes over the text again for each of its characters takes cubic time here: minutes, not a moment."""
    assert len(extract(text)) <= len(text)
