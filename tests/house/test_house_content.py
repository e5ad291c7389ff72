"""What ships is sound: every profile loads, every starter article can be read, every gold article exists."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tracked import ROOT

from appliance.policy import load_policy, shipped_profiles
from kb.article import AUDIENCES, Article
from kb.sources import read

PROFILES = ("it_helpdesk", "saas", "shop")
QUESTIONS = sorted((ROOT / "tests/data/questions").glob("*.jsonl"))


def articles(profile: str) -> list[Article]:
    outcomes = list(read([ROOT / "kb/starter" / profile], label="starter"))
    broken = [one for one in outcomes if not isinstance(one, Article)]
    assert broken == []
    return [one for one in outcomes if isinstance(one, Article)]


def test_the_profiles_that_ship_are_these() -> None:
    assert shipped_profiles() == PROFILES


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_whole(profile: str) -> None:
    policy = load_policy(profile)
    assert policy.name == profile
    assert 5 <= len(policy.intents) <= 15
    assert any(intent.always_escalate for intent in policy.intents)
    assert all(intent.title and intent.description for intent in policy.intents)
    assert {"{title}", "{url}"} <= {word.strip("()") for word in policy.replies.more_in.split()}


@pytest.mark.parametrize("profile", PROFILES)
def test_starter_articles_can_be_read_and_fit_their_profile(profile: str) -> None:
    found = articles(profile)
    assert 25 <= len(found) <= 40
    assert len({article.id for article in found}) == len({article.title for article in found}) == len(found)
    intents = {intent.name for intent in load_policy(profile).intents}
    for article in found:
        assert set(article.intents) <= intents, article.id
        assert article.intents, article.id
        assert article.audience in AUDIENCES
        assert article.owner, article.id
        assert article.held == (), article.id
        assert article.review_by, article.id
        assert len(article.text) > 300, article.id


def test_the_gold_articles_of_the_questions_exist() -> None:
    assert QUESTIONS
    for file in QUESTIONS:
        known = {article.id for article in articles(file.stem)}
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        assert len({row["id"] for row in rows}) == len(rows)
        for row in rows:
            assert row["question"].strip()
            assert set(row["gold_ids"]) <= known, row["id"]


@pytest.mark.parametrize(
    "file", sorted((ROOT / "models/training/data").glob("*/*.csv")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_training_texts_carry_an_intent_of_their_profile(file: Path) -> None:
    allowed = {intent.name for intent in load_policy(file.parent.name).intents}
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    column = "category" if "category" in rows[0] else "intent"
    unknown = {row[column] for row in rows} - allowed
    assert unknown <= {"out_of_scope", ""}, unknown
    assert all(row["text"].strip() for row in rows)
