"""The verbatim rung: which sentences it takes, and that it changes no character of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from models.errors import ModelUnavailable, Overloaded
from models.roles import DraftSentence, Pair, PromptPassage, SynthesisRequest
from models.synthesis.candidates import candidates
from models.synthesis.quote import APART, QuoteRules, QuoteSynthesizer


@dataclass
class Keywords:
    """A scorer by hand: the sum of what each keyword in the text is worth."""

    worth: Mapping[str, float] = field(default_factory=dict)
    calls: list[list[Pair]] = field(default_factory=list)

    async def __call__(self, pairs: Sequence[Pair]) -> list[float]:
        self.calls.append(list(pairs))
        return [sum(worth for word, worth in self.worth.items() if word in text) for _, text in pairs]


def passages(*texts: str) -> tuple[PromptPassage, ...]:
    return tuple(PromptPassage(n, f"Title {n}", text) for n, text in enumerate(texts, 1))


async def quoted(
    *texts: str,
    worth: Mapping[str, float],
    question: str = "How?",
    count: int = 2,
    scores: tuple[float, ...] = (),
    **rules: float,
) -> list[DraftSentence]:
    request = SynthesisRequest(question, passages(*texts), max_sentences=count, scores=scores)
    synthesizer = QuoteSynthesizer(Keywords(worth), rules=QuoteRules(**rules))  # type: ignore[arg-type]  # numbers by name
    return [sentence async for sentence in synthesizer.sentences(request)]


async def test_it_takes_the_best_and_keeps_the_order_of_the_document() -> None:
    text = "First you open the **Settings** page. Nothing of interest stands here. Then you click the red button."
    found = await quoted(text, worth={"red": 9, "Settings": 8})
    assert [s.text for s in found] == ["First you open the **Settings** page.", "Then you click the red button."]
    assert [s.citations for s in found] == [(1,), (1,)]


async def test_one_batched_call_of_few_short_pairs() -> None:
    scorer = Keywords({"topic": 1})
    text = " ".join(f"Sentence {n} says a thing about topic {n}, {'at length ' * 30}." for n in range(100))
    request = SynthesisRequest("What about topic?", passages(text, text.replace("Sentence", "Phrase")))
    assert [s async for s in QuoteSynthesizer(scorer).sentences(request)]
    [pairs] = scorer.calls
    assert 0 < len(pairs) <= 24
    assert max(len(text) for _, text in pairs) <= 300
    assert all(question == "What about topic?" for question, _ in pairs)
    assert all(text.startswith("Title ") for _, text in pairs)


async def test_apart_from_the_question_a_sentence_is_read_without_its_title() -> None:
    scorer = Keywords({"red": 1})
    request = SynthesisRequest("Which button?", passages("You open the page first. Then you click the red button."))
    [sentence, *_] = [s async for s in QuoteSynthesizer(scorer, rules=APART).sentences(request)]
    assert [text for _, text in scorer.calls[0]] == ["You open the page first.", "Then you click the red button."]
    assert sentence.text in request.passages[0].text


@pytest.mark.parametrize(
    "noise",
    [
        "# How to pay the bill quickly",
        "Do you want to pay the bill quickly?",
        "Pay bill.",
        "See also the article on how to pay the bill.",
        "For more information, visit the page on how to pay the bill.",
        "Note:",
        "[How to pay the bill quickly](https://example.com/pay)",
        "Was this article on how to pay the bill helpful",
    ],
)
async def test_what_answers_nothing_is_never_quoted(noise: str) -> None:
    found = await quoted(f"{noise}\n\nThe bill is due each month.", worth={"pay": 50})
    assert [s.text for s in found] == ["The bill is due each month."]


async def test_an_introduction_is_joined_with_what_it_introduces() -> None:
    text = "To cancel your plan, do this:\n\n1. Open the Billing page.\n2. Click Cancel plan and confirm it."
    [sentence] = await quoted(text, worth={"To cancel": 9}, count=1)
    assert sentence.text == "To cancel your plan, do this:\n\n1. Open the Billing page."
    assert sentence.text in text


async def test_an_introduction_of_nothing_is_left_out() -> None:
    assert await quoted("To cancel your plan, do this:", worth={"cancel": 9}) == []


@pytest.mark.parametrize(
    "leaning",
    ["It also works with a card here.", "If the card fails, see Trouble with cards.", "This article is on the card."],
)
async def test_a_leaning_sentence_is_not_the_first_choice(leaning: str) -> None:
    found = await quoted(f"{leaning}\n\nPayment by card is accepted here.", worth={"card": 5}, count=1)
    assert [s.text for s in found] == ["Payment by card is accepted here."]


async def test_a_leaning_sentence_brings_the_one_it_leans_on() -> None:
    text = "Open the Billing page of your account. This cancels the plan at once. Nothing else happens to it."
    found = await quoted(text, worth={"cancels": 9})
    assert [s.text for s in found] == ["Open the Billing page of your account.", "This cancels the plan at once."]


async def test_the_top_passage_wins_a_draw_and_a_far_passage_needs_more() -> None:
    texts = ("The plan costs five coins a month.", "The plan costs five coins each month.")
    assert [s.citations for s in await quoted(*texts, worth={"five": 1}, count=1)] == [(1,)]
    near = await quoted(*texts, worth={"each": 1.0}, count=1, scores=(3.0, 3.0))
    far = await quoted(*texts, worth={"each": 1.0}, count=1, scores=(3.0, -3.0))
    assert [near[0].citations, far[0].citations] == [(2,), (1,)]


async def test_the_same_words_are_not_said_twice() -> None:
    found = await quoted(
        *["Open the page and click the red button."] * 3,
        "Open the page and click the red button now.",
        worth={"red": 5},
    )
    assert len(found) == 1


async def test_a_second_sentence_that_is_far_behind_stays_out() -> None:
    found = await quoted("Click the red button to pay. The weather is nice in spring.", worth={"red": 20})
    assert [s.text for s in found] == ["Click the red button to pay."]


async def test_below_the_floor_nothing_is_covered() -> None:
    assert await quoted("The weather is nice in spring.", worth={}, floor=2.0) == []


async def test_scripts_without_spaces_are_quoted_as_well() -> None:
    found = await quoted("設定を開いて請求をクリックしてください。", worth={"請求": 5})
    assert [s.text for s in found] == ["設定を開いて請求をクリックしてください。"]


async def test_equal_requests_give_equal_drafts() -> None:
    text = " ".join(f"Every sentence number {n} is worth the same." for n in range(60))
    assert len({tuple(await quoted(text, text, worth={})) for _ in range(3)}) == 1


@pytest.mark.parametrize("scores", [[], [float("nan")], [1.0, 2.0]])
async def test_a_scorer_that_fails_its_form_is_a_fault(scores: list[float]) -> None:
    async def broken(_: Sequence[Pair]) -> list[float]:
        return scores

    request = SynthesisRequest("How?", passages("The bill is due each month."))
    with pytest.raises(ModelUnavailable):
        [s async for s in QuoteSynthesizer(broken).sentences(request)]


async def test_a_full_queue_is_passed_on() -> None:
    async def full(_: Sequence[Pair]) -> list[float]:
        raise Overloaded("full")

    request = SynthesisRequest("How?", passages("The bill is due each month."))
    with pytest.raises(Overloaded):
        [s async for s in QuoteSynthesizer(full).sentences(request)]


def test_too_many_candidates_are_thinned_by_shared_words() -> None:
    filler = " ".join(f"Some filler about matter {n} stands right here." for n in range(40))
    found = candidates("How long are invoices kept?", passages(filler, "All invoices are kept for ten years."), 10)
    assert len(found) == 10
    assert any(candidate.n == 2 for candidate in found)
    assert found == sorted(found, key=lambda c: (c.passage, c.position))


WAY = "1. Open the login page of the app.\n2. Select Forgot it?\n3. Enter your address.\n4. Select Set new password."


@pytest.mark.parametrize("best", ["new password", "address", "Forgot", "login"])
async def test_instructions_are_told_from_their_first_step_and_in_order(best: str) -> None:
    found = await quoted(f"{WAY}\n\nA password needs 12 characters.", worth={best: 9}, question="How do I reset it?")
    assert [s.text for s in found] == ["Open the login page of the app.", "Select Forgot it?"]
    assert {s.citations for s in found} == {(1,)}


async def test_one_step_is_left_when_one_sentence_is_asked_for() -> None:
    [first] = await quoted(WAY, worth={"new password": 9}, question="How do I reset it?", count=1)
    assert first.text == "Open the login page of the app."


async def test_a_list_that_began_elsewhere_is_no_answer_to_how() -> None:
    text = (
        "3. Enter your address in the field.\n4. Select Set new password.\n\nAn Owner can set a new password for you."
    )
    found = await quoted(text, worth={"address": 9}, question="How do I reset it?")
    assert [s.text for s in found] == ["An Owner can set a new password for you."]


async def test_of_a_list_of_cases_the_one_that_fits_is_told() -> None:
    text = "1. For X-1, restart the whole computer.\n2. For X-2, renew the old certificate."
    found = await quoted(text, worth={"X-2": 9}, question="How do I get rid of X-2?", count=1)
    assert [s.text for s in found] == ["For X-2, renew the old certificate."]


async def test_a_better_sentence_outside_wins_and_keeps_to_its_article() -> None:
    other = "Hand the wet laptop in at the desk. It is dried there for two days."
    found = await quoted(
        WAY, other, worth={"laptop": 30, "login": 19, "dried": 12}, question="What do I do?", margin=99.0
    )
    assert {s.citations for s in found} == {(2,)}


async def test_a_question_for_no_steps_may_be_answered_by_any_step() -> None:
    found = await quoted(WAY, worth={"new password": 9}, question="Which button is it?", count=1)
    assert [s.text for s in found] == ["Select Set new password."]
