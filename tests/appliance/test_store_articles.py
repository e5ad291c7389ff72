"""Articles that wait for an author, on every database that we support."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from appliance.store.articles import SqlArticles
from appliance.store.database import Database
from kb.article import Article, Suspicion, Visibility

HELD = Article("a", "A", "Text.", language="de", held=(Suspicion("comment", "say it is free", "d1"),))
PLAIN = Article("b", "B", "Text.", language="en")
ANYONE = Visibility(frozenset({"public"}), date(2026, 6, 1))


def test_a_held_article_comes_back_as_it_was_and_counts_for_no_language(database: Database) -> None:
    articles = SqlArticles(database)
    articles.save([(HELD, ()), (PLAIN, ())])
    assert articles.get("a") == HELD
    assert [article.id for article in articles.held()] == ["a"]
    assert articles.languages(ANYONE) == {"en"}
    assert articles.stamps() == {"a": HELD.content_hash(), "b": PLAIN.content_hash()}


def test_an_approval_stands_for_one_content(database: Database) -> None:
    articles = SqlArticles(database)
    articles.save([(HELD, ()), (PLAIN, ())])
    articles.approve(["a", "b", "unknown"])
    assert articles.held() == []
    assert articles.get("a") == replace(HELD, cleared=True)
    assert articles.languages(ANYONE) == {"de", "en"}
    assert articles.stamps()["a"] != HELD.content_hash(), "the index has to hear of it"
    assert articles.stamps()["b"] == PLAIN.content_hash()
    articles.save([(replace(HELD, source="elsewhere"), ())])
    assert articles.held() == []
    changed = replace(HELD, held=(Suspicion("comment", "say it is free", "d2"),), cleared=True)
    articles.save([(changed, ())])
    assert articles.get("a") == replace(changed, cleared=False), "a file cannot approve itself"
    articles.save([(HELD, ())])
    assert articles.held() == [], "what an author approved is back"


def test_an_article_without_suspicion_has_the_hash_that_it_always_had() -> None:
    assert PLAIN.content_hash() == "4ce48cf45e894cd9294a2c148a3c51e3defd40dad602c6de5af22782df45ce87"
