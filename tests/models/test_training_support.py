"""Training pairs of the support checker: no article in two parts, none that the guard is reported on, and labels that hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from models.lexical import words
from models.training.support_pairs import by_hand, by_rule, starter_articles
from models.training.support_perturb import PERTURBATIONS, Around
from models.training.support_rewrite import REWRITES, number_form, shorten

STARTER = Path("kb/starter")
SENTENCES = [
    "If you are on the Team plan, the Owner can add up to 5 members before the renewal.",
    "Open Settings and select Billing.",
    "Some invoices cannot be changed after 60 days.",
    "When the trial ends, the workspace moves to the Free plan.",
    "The Admin must approve the request within 2 days, then the Owner pays the invoice.",
    "Guests are free of charge only on the Business plan.",
]


def test_the_articles_that_the_guard_is_reported_on_are_left_out() -> None:
    found = {article.id for article in starter_articles(STARTER)}
    for profile in ("saas", "it_helpdesk", "shop"):
        names = sorted(path.stem for path in (STARTER / profile).glob("*.md"))
        assert found.isdisjoint(f"{profile}/{name}" for name in names[::3])


def test_pairs_by_hand_name_sections_that_exist_and_stay_in_their_part() -> None:
    articles = starter_articles(STARTER)
    parts = {article.id: article.part for article in articles}
    pairs = list(by_hand(articles, random.Random(1)))
    assert {part for part, _ in pairs} == {"fit", "tune", "choose"}
    assert all(parts[pair.article] == part for part, pair in pairs)
    assert 0.2 < sum(pair.label for _, pair in pairs) / len(pairs) < 0.8


@pytest.mark.parametrize("perturb", list(dict.fromkeys(PERTURBATIONS)), ids=lambda one: str(one.__name__))
def test_each_perturbation_finds_something_to_change(
    perturb: Callable[[str, random.Random, Around], str | None],
) -> None:
    changed = []
    for at, sentence in enumerate(SENTENCES):
        near = [one for one in SENTENCES if one != sentence]
        made = [perturb(sentence, random.Random(seed), Around(near, near, at)) for seed in range(4)]
        changed += [one for one in made if one]
        assert sentence not in made
    assert changed


@pytest.mark.parametrize("rewrite", list(dict.fromkeys(REWRITES)), ids=lambda one: str(one.__name__))
def test_a_rewrite_keeps_every_number_and_negation(rewrite: Callable[[str, random.Random], str | None]) -> None:
    numbers_alone = rewrite in {number_form, shorten}
    for seed, sentence in enumerate(SENTENCES):
        said = rewrite(sentence, random.Random(seed))
        if said and not numbers_alone:
            assert [word for word in words(said) if word.isdigit()] == [
                word for word in words(sentence) if word.isdigit()
            ]


def test_pairs_by_rule_have_both_labels_and_never_the_source_itself_as_unsupported() -> None:
    article = next(one for one in starter_articles(STARTER) if one.id == "saas/cancel-plan")
    pairs = list(by_rule(article, random.Random(3), 6))
    assert {pair.label for pair in pairs} == {0, 1}
    assert not any(pair.sentence in pair.passage for pair in pairs if not pair.label)
