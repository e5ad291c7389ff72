"""The line as it ships: real weights, starter articles, and questions that people would ask."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from appliance.bootstrap import Appliance
from appliance.line.literals import unsupported
from appliance.ticket import Reply
from models.sentences import split_sentences

QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data/questions/saas.jsonl").read_text("utf-8").splitlines()
]
MORE = "\n\nMore in: "


async def replies(appliance: Appliance, questions: list[str]) -> list[Reply]:
    async def one(text: str) -> Reply:
        opened = await appliance.reception.open(channel="chat", text=text)
        assert opened.accepted is not None
        return await appliance.runner.reply(opened.accepted.message.id)

    return list(await asyncio.gather(*(one(text) for text in questions)))


@pytest.mark.slow
async def test_whatever_leaves_is_short_has_its_source_and_invents_nothing(shipped: Appliance) -> None:
    everyone = {article.id: article for article, _ in shipped.knowledge.articles.every()}
    found = await replies(shipped, [row["question"] for row in QUESTIONS])
    answered = [reply for reply in found if reply.outcome == "answered"]
    assert {reply.outcome for reply in found} <= {"answered", "handed_over", "refused"}
    assert len(answered) >= 5, (
        "too few to say anything; how many there should be is measured by `appliance eval answers`"
    )
    for reply in answered:
        said, _, link = reply.text.partition(MORE)
        cited = [everyone[citation.article_id] for citation in reply.citations]
        assert cited
        assert link
        assert all(article.audience == "public" and article.approved for article in cited)
        assert len(split_sentences(said)) <= 4
        assert unsupported(said, [f"{article.title}\n{article.text}" for article in cited]) == (), reply.text


@pytest.mark.slow
async def test_wishes_and_thanks_are_understood(shipped: Appliance) -> None:
    person, thanks, hello = await replies(shipped, ["Let me talk to a human.", "Thanks a lot!", "Hello"])
    assert (person.outcome, person.rule) == ("handed_over", "route.asked_for_person")
    assert (thanks.outcome, thanks.rule, hello.rule) == ("answered", "route.courtesy", "route.courtesy")
    assert person.timings_ms["total"] >= 0


@pytest.mark.slow
async def test_a_follow_up_is_understood_in_its_conversation(shipped: Appliance) -> None:
    opened = await shipped.reception.open(
        channel="chat", text="How much does the Team plan cost per member with monthly billing?"
    )
    assert opened.accepted is not None
    first = await shipped.runner.reply(opened.accepted.message.id)
    second = await shipped.reception.receive(opened.id, opened.token, "and for annual billing?")
    reply = await shipped.runner.reply(second.message.id)
    if first.outcome == "answered":
        assert reply.rule != "route.out_of_scope"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How do I reset my password?", "Open https://app.tallybird.example/login."),
        (
            "Hi, Herr Müller from accounting told me to write to you. How do I reset my password?",
            "Open https://app.tallybird.example/login.",
        ),
        ("How do I import clients from a CSV?", "Open Settings > Data > Import."),
        ("How do I invite a team member?", "Open Settings > Members > Invite as Owner or Admin."),
    ],
)
async def test_instructions_begin_at_their_first_step(shipped: Appliance, question: str, first: str) -> None:
    [reply] = await replies(shipped, [question])
    assert (reply.outcome, reply.text.replace("*", "").startswith(first)) == ("answered", True), reply.text
