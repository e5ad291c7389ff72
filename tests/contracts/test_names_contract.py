"""Every NameTagger: places that hold, order, and what people really paste."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.catalog import Catalog
from models.names import EncoderNameTagger
from models.roles import NameTagger
from models.standin import CapitalNameTagger, StandInWarning

TEXT = "please ask Helena Lindqvist or Tomasz about it"


@pytest.fixture(scope="session")
def onnx_names(catalog: Catalog) -> EncoderNameTagger:
    return EncoderNameTagger.open(catalog.require("names"), encoder=catalog.require("encoder"), threads=2)


@pytest.fixture(params=["onnx", "stand-in"])
def tagger(request: pytest.FixtureRequest, onnx_names: EncoderNameTagger) -> NameTagger:
    if request.param == "stand-in":
        with pytest.warns(StandInWarning, match="stands in for a model"):
            return CapitalNameTagger()
    return onnx_names


def test_it_names_its_revision_and_tags(tagger: NameTagger) -> None:
    assert tagger.revision
    assert "PERSON" in tagger.tags


def test_persons_in_a_plain_sentence_are_found(tagger: NameTagger) -> None:
    [found] = tagger.tag([TEXT], at_least=0.5)
    said = " ".join(TEXT[one.start : one.end] for one in found if one.type == "PERSON")
    assert said == "Helena Lindqvist Tomasz"


@pytest.mark.parametrize("text", ["", " \n ", "Ann", "\ud800 Ann", "\x00", "a" * 50_000, "Ann " * 4_000, "ة" * 3_000, "\u202e陳大文", "=" * 9_000, "🙂" * 500, TEXT * 50])  # fmt: skip
def test_mentions_lie_within_the_text_in_order_and_apart(tagger: NameTagger, text: str) -> None:
    [found] = tagger.tag([text], at_least=0.3)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(left.end <= right.start for left, right in itertools.pairwise(found))
    assert all(0.3 <= one.confidence <= 1.0 + 1e-6 and one.type in tagger.tags for one in found)


def test_what_stands_beside_a_text_changes_nothing(tagger: NameTagger) -> None:
    alone = tagger.tag([TEXT], at_least=0.3)
    assert tagger.tag(["Something else entirely, by Ann.", TEXT, ""], at_least=0.3)[1] == alone[0]
    assert tagger.tag([], at_least=0.3) == []


def test_a_lower_bar_finds_no_less(tagger: NameTagger) -> None:
    def covered(at_least: float) -> set[int]:
        [found] = tagger.tag([TEXT], at_least=at_least)
        return {at for one in found for at in range(one.start, one.end)}

    assert covered(0.9) <= covered(0.5) <= covered(0.1)


def test_threads_do_not_disturb_each_other(tagger: NameTagger) -> None:
    expected = tagger.tag([TEXT], at_least=0.3)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: tagger.tag([TEXT], at_least=0.3), range(40))) == [expected] * 40
