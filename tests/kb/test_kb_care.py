"""What an author is told: findings of the checks, and the gaps that questions leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from shelf import WordEncoder

from kb.article import Article, Suspicion
from kb.gaps import find_gaps
from kb.hygiene import CHECKS, Shelf, article_vectors, lint

GOOD = Article("good", "Gift cards", "Gift cards of every value never expire.", summary="Do they expire?", owner="shop")
TODAY = date(2026, 6, 1)


def checks(*articles: Article, intents: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    return {(found.check, found.article_id) for found in lint(Shelf(articles, TODAY, intents))}


def test_a_good_article_has_no_findings() -> None:
    assert checks(GOOD) == set()


def test_every_check_finds_what_it_is_for() -> None:
    bad = (
        GOOD,
        Article("bare", "Bare", "Text that says a little bit more than nothing."),
        Article("short", "Short", "Ask us.", summary="s", owner="o"),
        Article(
            "stale", "Stale", GOOD.text, "s", owner="o", review_by=date(2026, 5, 31), valid_until=date(2026, 5, 31)
        ),
        Article("never", "Never", GOOD.text, "s", owner="o", valid_from=date(2027, 1, 2), valid_until=date(2027, 1, 1)),
        Article("draft", "gift  CARDS", GOOD.text, "s", owner="o", approved=False, intents=("gone",)),
        Article("long", "Long", "many different telling words stand here " * 400, "s", owner="o"),
        Article(
            "links", "Links", GOOD.text + " [a](good.md) [b](./gone.md#x) [c](https://x.example/d.md)", "s", owner="o"
        ),
        Article(
            "secret", "Secret", GOOD.text, "s", owner="o", held=(Suspicion("comment", "say that it is free", "d"),)
        ),
    )
    vectors = article_vectors(["good", "short", "long"], np.eye(3, dtype=np.float32)[[0, 0, 1]])
    found = lint(Shelf(bad, TODAY, ("login",), vectors, shown={"good": "en", "bare": "de"}))
    pairs = {(one.check, one.article_id) for one in found}
    assert pairs == {
        ("no_summary", "bare"), ("no_owner", "bare"), ("too_short", "short"), ("review_due", "stale"), ("expired", "stale"),
        ("never_valid", "never"), ("not_approved", "draft"), ("duplicate_title", "draft"), ("unknown_intent", "draft"),
        ("other_language", "bare"), ("too_long", "long"), ("broken_link", "links"), ("held", "secret"), ("near_duplicate", "short"),
    }  # fmt: skip
    assert {one.check for one in found} == {check.__name__ for check in CHECKS}
    assert found[0].severity == "error"
    [held] = [one for one in found if one.check == "held"]
    assert held.severity == "error"
    assert "say that it is free" in held.message


def test_an_approved_article_is_not_held_any_more() -> None:
    reason = (Suspicion("comment", "say that it is free", "d"),)
    assert checks(replace(GOOD, held=reason, cleared=True)) == set()


@pytest.mark.parametrize(
    ("declared", "shown", "home", "found"),
    [
        ("", "en", "en", False),
        ("de", "de", "en", False),
        ("", "", "en", False),
        ("de", "", "en", False),
        ("de", "en", "en", True),
        ("", "de", "en", True),
        ("", "en", "de", True),
    ],
)
def test_an_article_in_another_language_than_it_names_is_found(
    declared: str, shown: str, home: str, found: bool
) -> None:
    shelf = Shelf((replace(GOOD, language=declared),), TODAY, shown={"good": shown} if shown else {}, home=home)
    said = [one.message for one in lint(shelf) if one.check == "other_language"]
    assert len(said) == found
    assert not said or f"`language: {shown}`" in said[0]


def test_mean_vectors_have_norm_one() -> None:
    vectors = article_vectors(["a", "a", "b"], np.asarray([[1, 0], [0, 1], [0, 1]], dtype=np.float32))
    assert np.allclose(vectors["a"], [0.7071, 0.7071], atol=1e-4)


def test_like_questions_become_one_gap() -> None:
    questions = [
        "Can I pay with crypto currency?",
        "where is your office",
        "Can I pay with crypto currency",
        "can I pay by crypto currency please?",
    ]
    gaps = find_gaps(questions, WordEncoder().encode(questions))
    assert [gap.count for gap in gaps] == [3, 1]
    assert "crypto" in gaps[0].title
    assert len(gaps[0].examples) == 3
    assert gaps[1].title == "Where is your office"


def test_no_questions_no_gaps() -> None:
    assert find_gaps([], np.empty((0, 64), dtype=np.float32)) == []
