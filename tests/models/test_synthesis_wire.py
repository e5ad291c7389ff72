"""The draft's form on the wire: sentences come out as soon as they are whole, and never from anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.roles import DraftSentence
from models.synthesis import wire

DRAFT = {
    "covered": True,
    "sentences": [{"text": 'Say "hi" \\ {x} [y] – é.', "citations": [1, 2]}, {"text": "Then stop.", "citations": [2]}],
}
READ = [DraftSentence('Say "hi" \\ {x} [y] – é.', (1, 2)), DraftSentence("Then stop.", (2,))]


def read(text: str, sizes: list[int] | None = None, passages: int = 2) -> list[DraftSentence]:
    """All sentences of ``text``, fed in pieces of these sizes, with the check at the end."""
    reader, found, start = wire.DraftReader(passages), [], 0
    for size in [*(sizes or []), len(text)]:
        found.extend(reader.feed(text[start : start + size]))
        start += size
    reader.finish()
    return found


@given(sizes=st.lists(st.integers(0, 20), max_size=60), indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_every_cut_reads_the_same(sizes: list[int], indent: int | None, ascii_only: bool) -> None:
    assert read(json.dumps(DRAFT, indent=indent, ensure_ascii=ascii_only), sizes) == READ


def test_a_sentence_comes_out_with_its_closing_brace() -> None:
    reader = wire.DraftReader(2)
    assert list(reader.feed('{"covered":true,"sentences":[{"text":"One.","citations":[1]')) == []
    assert list(reader.feed("}")) == [DraftSentence("One.", (1,))]


def test_citations_of_no_passage_are_dropped_and_the_rest_kept_once() -> None:
    draft = {
        "covered": True,
        "sentences": [{"text": "One.", "citations": [0, 2, 2, 9, -1, 1]}, {"text": "Two.", "citations": []}],
    }
    assert read(json.dumps(draft)) == [DraftSentence("One.", (2, 1)), DraftSentence("Two.", ())]


def test_several_sentences_in_one_text_are_counted_and_cited_one_by_one() -> None:
    draft = {"covered": True, "sentences": [{"text": "Open it.\n It costs 5.50 EUR. ", "citations": [1]}]}
    assert read(json.dumps(draft)) == [DraftSentence("Open it.", (1,)), DraftSentence("It costs 5.50 EUR.", (1,))]


def test_a_sentence_cut_by_the_length_limit_is_not_a_sentence() -> None:
    text = ("Open it. " + "And on " * 100)[: wire.MAX_SENTENCE_CHARS]
    assert read(json.dumps({"covered": True, "sentences": [{"text": text, "citations": [1]}]})) == [
        DraftSentence("Open it.", (1,))
    ]


@pytest.mark.parametrize("text", ["   ", "\n", "---"])
def test_a_text_without_words_is_no_sentence(text: str) -> None:
    assert read(json.dumps({"covered": True, "sentences": [{"text": text, "citations": [1]}]})) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"covered":true}',
        '{"covered":1,"sentences":[]}',
        '{"covered":true,"sentences":[[{"text":"One.","citations":[1]}]]}',
        '{"covered":true,"sentences":{"a":{"text":"One.","citations":[1]}}}',
        '{"covered":true,"other":[{"text":"One.","citations":[1]}]}',
        '{"covered":true,"sentences":[{"text":"One.","citations":[1]}]',
        '{"covered":true,"sentences":[{"text":"One.","citations":[true]}]}',
        '{"covered":true,"sentences":[{"text":"One.","citations":[1]]}',
        '{"covered":true,"sentences":[]} and more',
        '{"covered":true,"sentences":[]}{}',
        "}{",
        "{" * 10,
        '{"covered":' + " " * 200 + 'true,"sentences":[]}',
        '{"covered":true,"sentences":[{"text":"\ud800","citations":[1]}]}',
        "x" * (wire.MAX_DRAFT_CHARS + 1),
    ],
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(wire.WireError):
        read(text)


def test_the_error_does_not_repeat_what_arrived() -> None:
    with pytest.raises(wire.WireError) as caught:
        read('{"covered":true,"sentences":[{"text":"my card is 4111","citations":"x"}]}')
    assert "4111" not in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_a_draft_or_an_error(text: str) -> None:
    try:
        read(text)
    except wire.WireError:
        return
    assert set(json.loads(text)) >= {"covered", "sentences"}


def test_the_schema_allows_no_answer_between_yes_and_no() -> None:
    form = wire.response_format(3, 2)
    answered, not_covered = form["json_schema"]["schema"]["anyOf"]
    assert answered["properties"]["sentences"]["minItems"] == 1
    assert answered["properties"]["sentences"]["maxItems"] == 2
    assert not_covered["properties"]["sentences"]["maxItems"] == 0
    sentence = answered["properties"]["sentences"]["items"]
    assert sentence["properties"]["citations"]["items"]["enum"] == [1, 2, 3]
    assert list(answered["properties"]) == ["covered", "sentences"]
