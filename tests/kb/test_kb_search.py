"""Search: who may see what, both ways to find, and questions of every shape."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shelf import Shelf, WordEncoder

from kb.article import Article, Candidate, Visibility
from kb.chunking import chunk
from kb.ingest import import_articles, rebuild
from kb.schema import one_of, visible
from kb.search import Search
from kb.store import LanceIndex
from kb.terms import MAX_TERMS, content_terms, telling_words

BASE = Article("base", "Gift cards", "Gift cards never expire.")
ARTICLES = (
    BASE,
    replace(BASE, id="internal", audience="internal"),
    replace(BASE, id="customer", audience="customer"),
    replace(BASE, id="draft", approved=False),
    replace(BASE, id="past", valid_until=date(2026, 5, 31)),
    replace(BASE, id="future", valid_from=date(2026, 6, 2)),
    replace(BASE, id="today", valid_from=date(2026, 6, 1), valid_until=date(2026, 6, 1)),
)


def fill(shelf: Shelf, index: LanceIndex, encoder: WordEncoder, articles: tuple[Article, ...]) -> Search:
    shelf.save([(article, chunk(article)) for article in articles])
    rebuild(shelf, index, encoder)
    return Search(index, shelf)


def ask(search: Search, encoder: WordEncoder, who: Visibility, question: str, **options: int) -> list[Candidate]:
    return search.find(question, encoder.encode([question])[0], who, **options)


@pytest.mark.parametrize(
    ("audiences", "expected"),
    [
        ({"public"}, {"base", "today"}),
        ({"public", "customer"}, {"base", "today", "customer"}),
        ({"public", "customer", "internal"}, {"base", "today", "customer", "internal"}),
        (set(), set()),
        ({"public' OR '1'='1"}, set()),
    ],
)
def test_only_what_may_be_seen_today_is_found(
    shelf: Shelf, index: LanceIndex, encoder: WordEncoder, audiences: set[str], expected: set[str]
) -> None:
    search = fill(shelf, index, encoder, ARTICLES)
    who = Visibility(frozenset(audiences), date(2026, 6, 1))  # type: ignore[arg-type]  # a foreign value on purpose
    assert {one.passage.article_id for one in ask(search, encoder, who, "do gift cards expire")} == expected


@pytest.mark.parametrize(
    "changed",
    [
        replace(BASE, audience="internal", text="Gift cards cost us 3 euros each."),
        replace(BASE, approved=False),
        replace(BASE, valid_until=date(2026, 5, 31)),
        replace(BASE, valid_from=date(2026, 6, 2)),
    ],
)
def test_what_may_no_longer_be_seen_is_not_quoted_before_the_index_knows(
    shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility, changed: Article
) -> None:
    search = fill(shelf, index, encoder, (BASE, replace(BASE, id="other")))
    shelf.save([(changed, chunk(changed))])
    assert {one.passage.article_id for one in ask(search, encoder, anyone, "gift cards")} == {"other"}


def test_candidates_carry_both_signals_however_they_were_found(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    best, *rest = ask(Search(index, shelf), encoder, anyone, "When is a refund for an annual plan paid?")
    assert best.passage.article_id == "refunds"
    assert (best.title, best.url) == ("Refunds for annual plans", "https://help.example.com/refunds")
    vector = encoder.encode(["When is a refund for an annual plan paid?"])[0]
    for candidate in (best, *rest):
        text = candidate.passage.searchable(candidate.title)
        assert candidate.vector == pytest.approx(float(encoder.encode([text])[0] @ vector), abs=1e-5)
    assert best.bm25 == 1.0
    assert best.rrf == best.score == pytest.approx(2 / 61)
    assert all(one.bm25 == 0.0 for one in rest)
    assert set(best.signals) >= {"title_vector", "bm25_raw", "title_overlap", "heading_overlap"}


def test_an_exact_code_is_found_by_its_words(
    shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    code = Article("e4711", "Printer error", "Error E-4711 means that the tray is empty.")
    search = fill(shelf, index, encoder, (code, BASE))
    assert ask(search, encoder, anyone, "what does E-4711 mean")[0].passage.article_id == "e4711"


def test_one_article_does_not_crowd_out_the_others(
    shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    long = Article(
        "long", "Gift cards", "\n".join(f"# Part {n}\nGift cards, part {n}, and more gift cards." for n in range(20))
    )
    search = fill(shelf, index, encoder, (long, BASE))
    found = [one.passage.article_id for one in ask(search, encoder, anyone, "gift cards", per_article=2)]
    assert found.count("long") == 2
    assert "base" in found


@pytest.mark.parametrize(
    "question",
    [
        "", "   ", "?", "the of and", "gift \" cards ' : + - ( ) [ ] { } ^ ~ * ? \\ / && || AND OR NOT",
        "'; DROP TABLE passages; --", "gift\x00cards", "\ud800 gift", "подарочная карта 礼品卡 🎁", "gift " * 200_000, "x" * 1_000_000,
    ],
)  # fmt: skip
def test_no_question_breaks_the_search(
    shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility, question: str
) -> None:
    search = fill(shelf, index, encoder, (BASE,))
    found = search.find(question, encoder.encode(["gift cards"])[0], anyone)
    assert [one.passage.article_id for one in found] == ["base"]


def test_arbitrary_text_never_breaks_the_words_search(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("kb")
    encoder = WordEncoder()
    index = LanceIndex(folder / "lance", encoder.dimension, encoder.revision)
    search = fill(Shelf(folder / "kb.sqlite"), index, encoder, (BASE,))
    vector = encoder.encode(["gift cards"])[0]
    who = Visibility(frozenset({"public"}), date(2026, 6, 1))

    @given(st.text(max_size=200))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(question: str) -> None:
        assert len(search.find(question, vector, who)) == 1

    check()


def test_an_empty_knowledge_base_finds_nothing(
    shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    assert ask(Search(index, shelf), encoder, anyone, "anything") == []


def test_ids_with_quotes_are_data(shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility) -> None:
    quoted = replace(BASE, id="it's; DROP--", text="Vouchers.")
    fill(shelf, index, encoder, (BASE, quoted))
    with index.writing() as writer:
        writer.drop([quoted.id])
    assert set(index.article_hashes()) == {"base"}
    assert one_of("article_id", ["a'b"]) == "article_id IN ('a''b')"


def test_the_filter_is_built_of_known_words_only() -> None:
    who = Visibility(frozenset({"internal", "public"}), date(2026, 6, 1))
    assert visible(who) == (
        "audience IN ('public', 'internal') AND approved AND valid_from <= 739768 AND valid_until >= 739768"
    )


def test_a_long_question_keeps_its_most_telling_words() -> None:
    filler = " ".join(f"word{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}" for n in range(100))
    kept = telling_words(f"{filler} error ERR_0x80070005 in Thunderbird-128").split()
    assert len(kept) == MAX_TERMS
    assert "err_0x80070005" in kept


def test_stop_words_are_not_content() -> None:
    assert content_terms("How do I turn it off? Don’t turn it OFF") == ["turn", "don't"]
