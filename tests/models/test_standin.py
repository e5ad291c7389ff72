"""The stand-ins say aloud what they are; what they share with real models is in the contract suites."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.roles import DraftSentence, PromptPassage, SynthesisRequest
from models.standin import (
    CommonWordsDetector,
    HashEncoder,
    OverlapReranker,
    OverlapSupport,
    QuotingSynthesizer,
    StandInWarning,
)

PASSAGES = (
    PromptPassage(1, "Refunds", "Refunds take 14 days. Then we close the case."),
    PromptPassage(2, "Passwords", "# Reset\nChoose Forgot password. Done."),
)


@pytest.mark.parametrize(
    "make", [HashEncoder, OverlapReranker, OverlapSupport, QuotingSynthesizer, CommonWordsDetector]
)
def test_every_stand_in_warns_and_is_marked(make: Callable[[], object]) -> None:
    with pytest.warns(StandInWarning, match="stands in for a model") as caught:
        part = make()
    assert getattr(part, "stand_in", False) is True
    assert caught[0].filename == __file__


async def drafted(question: str) -> list[DraftSentence]:
    with pytest.warns(StandInWarning):
        synthesizer = QuotingSynthesizer()
    return [sentence async for sentence in synthesizer.sentences(SynthesisRequest(question, PASSAGES))]


async def test_the_synthesizer_quotes_the_related_passage() -> None:
    assert await drafted("I forgot my password") == [DraftSentence("Choose Forgot password.", (2,))]


async def test_the_synthesizer_says_nothing_on_what_no_passage_covers() -> None:
    assert await drafted("weather in Lisbon") == []
